package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
	"time"
)

// tlsLink is the TLS of an endpoint: a tls.Conn over a pipe that the endpoint
// feeds. It holds no plaintext between two calls, and of ciphertext at most the
// beginning of a record.
type tlsLink struct {
	conn *tls.Conn
	pipe *tlsPipe

	begun bool // a loop has read from it
}

// recordSize is the most plaintext that one record of ours holds: libpq's
// buffers take that much at once.
const recordSize = 8 << 10

// recordSpare is more than a record adds to its plaintext.
const recordSpare = 128

// sealedSize is how many bytes n bytes of plaintext become, at most.
func sealedSize(n int) int { return n + (n/recordSize+1)*recordSpare }

// seal appends b to dst, as records.
func (t *tlsLink) seal(dst, b []byte) ([]byte, error) {
	t.pipe.sealed = dst
	var err error
	for len(b) > 0 && err == nil {
		n := min(len(b), recordSize)
		_, err = t.conn.Write(b[:n])
		b = b[n:]
	}
	return t.pipe.take(), err
}

// closeNotify appends to dst the record that ends our side, once.
func (t *tlsLink) closeNotify(dst []byte) []byte {
	t.pipe.sealed = dst
	_ = t.conn.CloseWrite() // an error leaves dst as it was
	return t.pipe.take()
}

// open gives the plaintext of what has come so far, raw being the newest of it,
// and what TLS itself has to say in answer. dst has room for all: raw's length
// and a whole record.
func (t *tlsLink) open(raw, dst []byte) (n int, answer []byte, st readState) {
	t.pipe.raw, t.pipe.sealed = raw, nil
	for {
		got, err := t.conn.Read(dst[n:])
		n += got
		switch {
		case err == nil && n == len(dst):
			panic("BUG: no room for the plaintext of a TLS record")
		case err == nil:
			continue
		case errors.Is(err, errNoBytes):
		case isEOF(err):
			st = readEOF // close_notify
		default:
			st = readError
		}
		return n, t.pipe.take(), st
	}
}

// silent says that nothing has come that was not read. It is for a link that no
// loop has yet.
func (t *tlsLink) silent() bool {
	n, _, st := t.open(nil, make([]byte, readSize))
	return n == 0 && st == readMore
}

// tlsPipe stands between a tls.Conn and its socket. At first it passes
// everything on and blocks as the socket does. Once it is detached the loop's
// endpoint reads and writes for it.
type tlsPipe struct {
	net.Conn        // nil: detached
	raw      []byte // to be read before anything else
	sealed   []byte // detached: written, for the endpoint to take
	frame    framing
}

func (p *tlsPipe) Read(b []byte) (n int, err error) {
	switch {
	case len(p.raw) > 0:
		n = copy(b, p.raw)
		if p.raw = p.raw[n:]; len(p.raw) == 0 {
			p.raw = nil
		}
	case p.Conn == nil:
		return 0, errNoBytes
	default:
		n, err = p.Conn.Read(b)
	}
	p.frame.pass(b[:n])
	return n, err
}

func (p *tlsPipe) Write(b []byte) (int, error) {
	if p.Conn != nil {
		return p.Conn.Write(b)
	}
	p.sealed = append(p.sealed, b...)
	return len(b), nil
}

// SetWriteDeadline is called by tls.Conn.CloseWrite.
func (p *tlsPipe) SetWriteDeadline(t time.Time) error {
	if p.Conn == nil {
		return nil
	}
	return p.Conn.SetWriteDeadline(t)
}

// SyscallConn gives the socket's descriptor, see detach.
func (p *tlsPipe) SyscallConn() (syscall.RawConn, error) {
	sc, ok := p.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return sc.SyscallConn()
}

// take hands over what was written.
func (p *tlsPipe) take() []byte {
	b := p.sealed
	p.sealed = nil
	return b
}

// noBytes is how the pipe says that it has none at the moment: crypto/tls goes
// on later behind a temporary error.
type noBytes struct{}

func (noBytes) Error() string   { return "no bytes at the moment" }
func (noBytes) Timeout() bool   { return true }
func (noBytes) Temporary() bool { return true }

var errNoBytes net.Error = noBytes{}

// framing knows whether a stream of records stands between two of them.
type framing struct {
	plain  int // bytes to come before the first record
	header [recordHeader]byte
	have   int // bytes of the header that have come
	body   int // bytes of the record still to come, once the header is whole
}

const recordHeader = 5

func (f *framing) between() bool { return f.have == 0 }

// pass notes the bytes that have come.
func (f *framing) pass(b []byte) {
	if n := min(f.plain, len(b)); n > 0 {
		f.plain -= n
		b = b[n:]
	}
	for len(b) > 0 {
		if f.have < recordHeader {
			n := copy(f.header[f.have:], b)
			b = b[n:]
			if f.have += n; f.have < recordHeader {
				return
			}
			f.body = int(f.header[3])<<8 | int(f.header[4])
		}
		n := min(f.body, len(b))
		b = b[n:]
		if f.body -= n; f.body == 0 {
			f.have = 0
		}
	}
}
