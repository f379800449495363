package integration

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// impostor stands before the world's server and lets everything through, until it is given a trick:
// then it answers once in the server's place, with what no server would say.
type impostor struct {
	listener net.Listener
	server   string
	trick    atomic.Pointer[trick] // the next one, taken by the connection it is played on
	lent     atomic.Pointer[net.TCPConn]
}

// trick is what is said to the pooler, and when.
type trick struct {
	cue   string // part of what the pooler has to send on a connection that it lends; "": logging in
	says  []byte
	tail  bool // says goes behind the true answer to the cue, in the same write, not in its place
	hangs bool // then nothing more is said; else the connection closes
	done  chan struct{}
}

// openImpostor stands there until the end of the test.
func openImpostor(t *testing.T, w *world) *impostor {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	m := &impostor{listener: l, server: endpoint{host: w.server.Host, port: w.server.Port}.address()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go m.pass(conn.(*net.TCPConn))
		}
	}()
	return m
}

func (m *impostor) address() string { return m.listener.Addr().String() }

// play arms a trick and returns a channel that closes when it has been played.
func (m *impostor) play(x trick) <-chan struct{} {
	x.done = make(chan struct{})
	m.trick.Store(&x)
	return x.done
}

// due is the armed trick if b is its cue; nobody else gets it then.
func (m *impostor) due(b []byte, cue func(x *trick) bool) *trick {
	if x := m.trick.Load(); x != nil && cue(x) && bytes.Contains(b, []byte(x.cue)) && m.trick.CompareAndSwap(x, nil) {
		return x
	}
	return nil
}

// pass joins a connection of the pooler's to one with the server.
func (m *impostor) pass(pooler *net.TCPConn) {
	defer pooler.Close()
	first := make([]byte, 8<<10)
	n, err := pooler.Read(first)
	if err != nil {
		return
	}
	first = first[:n]
	lent := bytes.Contains(first, []byte("user\x00app")) && !bytes.Contains(first, []byte("tenantpool control"))
	if x := m.due(first, func(x *trick) bool { return lent && x.cue == "" }); x != nil {
		x.perform(pooler, nil)
		return
	}
	server, err := net.Dial("tcp", m.server)
	if err != nil {
		return
	}
	defer server.Close()
	if _, err := server.Write(first); err != nil {
		return
	}
	if lent {
		m.lent.Store(pooler)
	}
	var tail atomic.Pointer[trick]
	go func() {
		defer pooler.Close()
		relay(pooler, server, func(b []byte) []byte {
			if x := tail.Load(); x != nil && bytes.Contains(b, []byte("Z\x00\x00\x00\x05")) {
				x.perform(pooler, b)
				return nil
			}
			return b
		})
	}()
	relay(server, pooler, func(b []byte) []byte {
		switch x := m.due(b, func(x *trick) bool { return lent && x.cue != "" }); {
		case x == nil:
		case x.tail:
			tail.Store(x)
		default:
			x.perform(pooler, nil)
			return nil
		}
		return b
	})
}

// perform says what the trick is made of, behind a true answer if there is one.
func (x *trick) perform(pooler net.Conn, truth []byte) {
	_, _ = pooler.Write(join(truth, x.says))
	close(x.done)
	if x.hangs {
		_, _ = io.Copy(io.Discard, pooler) // until the pooler gives up
	}
}

// say sends b on the connection that was lent last, as if the server had.
func (m *impostor) say(b []byte) { _, _ = m.lent.Load().Write(b) }

// said is a server's message.
func said(kind byte, body string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4)), body...)
}

// saidRow is a row of one column.
func saidRow(value string) []byte {
	return said('D', "\x00\x01"+string(binary.BigEndian.AppendUint32(nil, uint32(len(value))))+value)
}

// saidColumns is the description of such rows.
func saidColumns(name string) []byte {
	return said('T', "\x00\x01"+name+"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x19\xff\xff\xff\xff\xff\xff\x00\x00")
}

// saidError is an ErrorResponse.
func saidError(severity, code, message string) []byte {
	return said('E', "S"+severity+"\x00V"+severity+"\x00C"+code+"\x00M"+message+"\x00\x00")
}

var saidReady = said('Z', "I")
