package main

import (
	"bytes"
	"io"
	"net"
	"sync/atomic"
)

// A tap lies between a pooler and the server and counts round trips: how often
// the pooler speaks after the server has, on the connections that it lends.
type tap struct {
	listener net.Listener
	server   string
	trips    atomic.Int64
}

// openTap listens on a free port of loopback. The caller closes the listener.
func openTap(server string) (*tap, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &tap{listener: l, server: server}
	go t.serve()
	return t, nil
}

func (t *tap) port() int { return t.listener.Addr().(*net.TCPAddr).Port }

func (t *tap) serve() {
	for {
		pooler, err := t.listener.Accept()
		if err != nil {
			return
		}
		go t.join(pooler)
	}
}

// join passes bytes both ways until either end closes.
func (t *tap) join(pooler net.Conn) {
	defer pooler.Close()
	server, err := net.Dial("tcp", t.server)
	if err != nil {
		return
	}
	defer server.Close()
	var answered, lent, greeted atomic.Bool
	go func() {
		defer server.Close()
		copyEach(server, pooler, func(b []byte) {
			if !greeted.Swap(true) {
				lent.Store(!bytes.Contains(b, []byte("tenantpool control")))
			}
			if answered.Swap(false) && lent.Load() {
				t.trips.Add(1)
			}
		})
	}()
	copyEach(pooler, server, func([]byte) { answered.Store(true) })
}

// copyEach copies read by read, each one seen before it goes on.
func copyEach(dst io.Writer, src io.Reader, see func([]byte)) {
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			see(buf[:n])
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
