package integration

import (
	"bytes"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// fault is what happens to a connection at an exact byte of one direction.
type fault struct {
	back bool // of what the server's side says
	at   int64
	kind faultKind
}

type faultKind string

const (
	cuts   faultKind = "cut"   // both sides are closed
	stalls faultKind = "stall" // nothing more passes for a while, then both are closed
	flips  faultKind = "flip"  // the byte is another
)

// stallTime is how long a stalled connection hangs. Nothing is expected to happen meanwhile.
const stallTime = 2 * sampleInterval

// faultLink passes connections on to an address. The next fault hits the first one that comes to its byte.
type faultLink struct {
	listener net.Listener
	to       string
	next     atomic.Pointer[fault]
	passed   [2]atomic.Int64 // bytes since the fault was set: forth, back
}

func openFaultLink(t *testing.T, to string) *faultLink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	f := &faultLink{listener: l, to: to}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go f.pass(conn)
		}
	}()
	return f
}

func (f *faultLink) endpoint() endpoint {
	a := f.listener.Addr().(*net.TCPAddr)
	return endpoint{host: "127.0.0.1", port: a.Port}
}

// set arms a fault; nil disarms.
func (f *faultLink) set(x *fault) {
	f.passed[0].Store(0)
	f.passed[1].Store(0)
	f.next.Store(x)
}

func (f *faultLink) pass(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", f.to)
	if err != nil {
		return
	}
	defer far.Close()
	done := make(chan struct{}, 2)
	way := func(dst, src net.Conn, back bool) {
		relay(dst, src, func(b []byte) []byte { return f.see(dst, b, back) })
		done <- struct{}{}
	}
	go way(far, near, false)
	go way(near, far, true)
	<-done
}

// see lets b through, but for the fault if it falls due in it.
func (f *faultLink) see(dst net.Conn, b []byte, back bool) []byte {
	count := &f.passed[0]
	if back {
		count = &f.passed[1]
	}
	before := count.Add(int64(len(b))) - int64(len(b))
	x := f.next.Load()
	if x == nil || x.back != back || x.at < before || x.at >= before+int64(len(b)) || !f.next.CompareAndSwap(x, nil) {
		return b
	}
	i := x.at - before
	if x.kind == flips {
		b = bytes.Clone(b)
		b[i] ^= 0x55
		return b
	}
	_, _ = dst.Write(b[:i])
	if x.kind == stalls {
		time.Sleep(stallTime) // the fault itself, not a wait for something
	}
	return nil
}
