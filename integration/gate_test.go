package integration

import (
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// gate stands in for the server: it lets connections through to a real one, or answers each with an
// error of the test's choice, as a server does that is starting, full, or of another mind.
type gate struct {
	listener net.Listener
	server   string
	answer   atomic.Pointer[[]byte]        // to every startup packet; nil lets it through
	knocks   atomic.Int64                  // connections so far
	held     atomic.Pointer[chan struct{}] // new connections wait for it to be closed
}

// openGate stands before the world's server until the end of the test.
func openGate(t *testing.T, w *world) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	g := &gate{listener: l, server: endpoint{host: w.server.Host, port: w.server.Port}.address()}
	go g.serve()
	return g
}

func (g *gate) address() string { return g.listener.Addr().String() }

// refuse makes the gate answer with FATAL and the SQLSTATE from now on; "" opens it.
func (g *gate) refuse(code, message string) {
	if code == "" {
		g.answer.Store(nil)
		return
	}
	body := "SFATAL\x00VFATAL\x00C" + code + "\x00M" + message + "\x00\x00"
	b := append(binary.BigEndian.AppendUint32([]byte{'E'}, uint32(len(body)+4)), body...)
	g.answer.Store(&b)
}

// hold makes new connections wait until the function it returns is called.
func (g *gate) hold() (release func()) {
	held := make(chan struct{})
	g.held.Store(&held)
	return func() {
		g.held.Store(nil)
		close(held)
	}
}

// hangUp makes the gate close every new connection without a word.
func (g *gate) hangUp() { g.answer.Store(&[]byte{}) }

func (g *gate) serve() {
	for {
		conn, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.knocks.Add(1)
		if answer := g.answer.Load(); answer != nil {
			go turnAway(conn, *answer)
		} else {
			go g.pass(conn)
		}
	}
}

// turnAway reads a startup packet and answers it.
func turnAway(conn net.Conn, answer []byte) {
	defer conn.Close()
	var length [4]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return
	}
	if _, err := io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(length[:]))-4); err == nil {
		conn.Write(answer)
	}
}

// pass joins a connection to one with the server, until either ends.
func (g *gate) pass(conn net.Conn) {
	defer conn.Close()
	if held := g.held.Load(); held != nil {
		<-*held
	}
	server, err := net.Dial("tcp", g.server)
	if err != nil {
		return
	}
	defer server.Close()
	done := make(chan struct{}, 2)
	join := func(dst, src net.Conn) {
		io.Copy(dst, src)
		done <- struct{}{}
	}
	go join(server, conn)
	go join(conn, server)
	<-done
}
