package integration

import (
	"bytes"
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// tap lies between the pooler and the server and counts the round trips on the connections that the
// pooler lends: how often it speaks after the server has.
type tap struct {
	listener net.Listener
	server   string
	trips    atomic.Int64
	cancels  atomic.Int64                                 // requests that the pooler has sent
	held     atomic.Pointer[chan struct{}]                // what the server says waits for it to be closed
	alter    atomic.Pointer[func(toServer []byte) []byte] // changes what the pooler says, if set; nil hangs up
}

// openTap lies before the world's server until the end of the test.
func openTap(t *testing.T, w *world) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	x := &tap{listener: l, server: endpoint{host: w.server.Host, port: w.server.Port}.address()}
	go x.serve()
	return x
}

func (x *tap) address() string { return x.listener.Addr().String() }

// during is how many round trips do makes.
func (x *tap) during(do func()) int64 {
	before := x.trips.Load()
	do()
	return x.trips.Load() - before
}

// change has f alter what the pooler says from now on; nil ends that.
func (x *tap) change(f func(toServer []byte) []byte) {
	if f == nil {
		x.alter.Store(nil)
		return
	}
	x.alter.Store(&f)
}

// hold keeps back what the server says until the function it returns is called.
func (x *tap) hold() (release func()) {
	held := make(chan struct{})
	x.held.Store(&held)
	return func() {
		x.held.Store(nil)
		close(held)
	}
}

func (x *tap) serve() {
	for {
		conn, err := x.listener.Accept()
		if err != nil {
			return
		}
		go x.pass(conn)
	}
}

// pass joins a connection to one with the server, until either ends.
func (x *tap) pass(conn net.Conn) {
	defer conn.Close()
	server, err := net.Dial("tcp", x.server)
	if err != nil {
		return
	}
	defer server.Close()
	done := make(chan struct{}, 2)
	var answered, lent atomic.Bool
	go func() {
		defer func() { done <- struct{}{} }()
		first := true
		relay(server, conn, func(b []byte) []byte {
			if first {
				first = false
				if bytes.HasPrefix(b[min(len(b), 4):], []byte{4, 210, 22, 46}) {
					x.cancels.Add(1)
				}
				lent.Store(bytes.Contains(b, []byte("user\x00app")) && !bytes.Contains(b, []byte("tenantpool control")))
			}
			if !lent.Load() {
				return b
			}
			if answered.Swap(false) {
				x.trips.Add(1)
			}
			if alter := x.alter.Load(); alter != nil {
				return (*alter)(b)
			}
			return b
		})
	}()
	go func() {
		defer func() { done <- struct{}{} }()
		relay(conn, server, func(b []byte) []byte {
			if held := x.held.Load(); held != nil {
				<-*held
			}
			answered.Store(true)
			return b
		})
	}()
	<-done
}

// relay copies from src to dst what see makes of it, read by read; nil ends it.
func relay(dst io.Writer, src io.Reader, see func([]byte) []byte) {
	buf := make([]byte, 256<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			seen := see(buf[:n])
			if seen == nil {
				return // it hangs up
			}
			if _, err := dst.Write(seen); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
