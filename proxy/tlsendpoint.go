package proxy

import (
	"errors"
	"io"
	"syscall"
)

// cipherSize is how much ciphertext one read takes: its plaintext, and that of a
// record begun before, fit into the loop's buffer.
const cipherSize = readSize / 2

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// fillTLS is fill for an endpoint with TLS. It reads on until there is plaintext,
// for what stays behind in TLS would raise no event; so a record begun before may
// come on top of most bytes.
func (e *endpoint) fillTLS(l *Loop, most int) (data []byte, st readState) {
	n := 0
	if !e.tls.begun { // what came during the login
		e.tls.begun = true
		var answer []byte
		n, answer, st = e.tls.open(nil, l.buf[:])
		e.answer(l, answer)
	}
	for n == 0 && st == readMore {
		got, errno := sysRead(e.fd, l.cipher[:min(len(l.cipher), most)])
		if errno == syscall.EAGAIN {
			break
		}
		switch {
		case errno != 0:
			st = readError
		case got == 0:
			st = readEOF // with or without a close_notify before it
		default:
			var answer []byte
			n, answer, st = e.tls.open(l.cipher[:got], l.buf[:])
			e.answer(l, answer)
		}
	}
	if len(e.in) == 0 {
		return l.buf[:n], st
	}
	e.in = append(l.chunks.grow(e.in, n), l.buf[:n]...)
	return e.in, st
}

// answer sends what TLS itself has to say: an alert, a new key. An error will
// show at the next read.
func (e *endpoint) answer(l *Loop, records []byte) {
	if len(records) > 0 {
		e.out = append(l.chunks.grow(e.out, len(records)), records...)
		_ = e.pushTLS(l)
	}
}

// sendTLS is send for an endpoint with TLS.
func (e *endpoint) sendTLS(l *Loop, b []byte) (err error) {
	waits := e.sending()
	e.out, err = e.tls.seal(l.chunks.grow(e.out, sealedSize(len(b))), b)
	if err != nil || waits {
		return err
	}
	return e.pushTLS(l)
}

// pushTLS writes what stands in out, and waits for the peer if it takes less.
func (e *endpoint) pushTLS(l *Loop) error {
	err := e.flush(l)
	if err == nil && e.sending() {
		e.want(l, e.interest|writable)
	}
	return err
}

// farewell ends our side of TLS, if there is any: the peer is told that nothing
// follows. Whatever is sent later is lost.
func (e *endpoint) farewell(l *Loop) {
	if e.tls == nil {
		return
	}
	before := len(e.out)
	e.out = e.tls.closeNotify(l.chunks.grow(e.out, recordSpare))
	if before > 0 {
		return // it follows what waits
	}
	if len(e.out) == 0 {
		l.chunks.put(e.out)
		e.out = nil
		return
	}
	_ = e.pushTLS(l)
}

// midRecord says that the peer has sent the beginning of a record.
func (e *endpoint) midRecord() bool { return e.tls != nil && !e.tls.pipe.frame.between() }
