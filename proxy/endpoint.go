package proxy

import "syscall"

// readSize is how much one read may take: it bounds what a connection that is
// held back can have in memory.
const readSize = 64 << 10

// endpoint is a non-blocking descriptor in a loop, with what is half-way on it.
// The session or server it is part of owns it and closes it.
type endpoint struct {
	fd         int
	generation uint32
	interest   uint32 // what the poller was last told; valid if registered
	registered bool
	hup        bool   // the peer is gone both ways: no event will come any more
	in         []byte // read, not yet consumed
	out        []byte // written by us, not yet taken by the peer, from outAt on
	outAt      int
	tls        *tlsLink // nil: what is read and written is plain
}

// want tells the poller which events e waits for, if that has changed. A
// connection that is held back is paused only when an event that nobody wants
// has come, so that the usual exchange costs no system call here.
func (e *endpoint) want(l *Loop, interest uint32) {
	if !e.registered || e.interest == interest {
		return
	}
	if err := l.poller.modify(e.fd, e.generation, interest); err == nil {
		e.interest = interest
	}
}

// pause stops reading events until resume.
func (e *endpoint) pause(l *Loop)  { e.want(l, e.interest&^readable) }
func (e *endpoint) resume(l *Loop) { e.want(l, e.interest|readable) }

// hangUp notes a peer that is gone both ways. The poller would report that
// without end, so the descriptor leaves it; what the peer sent can still be read.
func (e *endpoint) hangUp(l *Loop) {
	e.hup = true
	l.unregister(e)
}

// sending says that output waits for the peer.
func (e *endpoint) sending() bool { return len(e.out) > 0 }

// backlog is how many bytes wait for the peer.
func (e *endpoint) backlog() int { return len(e.out) - e.outAt }

// send writes b, or keeps what the peer does not take at once. b is not held
// on to. An error means that the peer takes nothing any more.
func (e *endpoint) send(l *Loop, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if e.tls != nil {
		return e.sendTLS(l, b)
	}
	if !e.sending() {
		n, errno := sysWrite(e.fd, b)
		switch errno {
		case 0:
			if n == len(b) {
				return nil
			}
			b = b[n:]
		case syscall.EAGAIN:
		default:
			return errno
		}
	}
	e.out = append(l.chunks.grow(e.out, len(b)), b...)
	e.want(l, e.interest|writable)
	return nil
}

// flush writes what waits for the peer.
func (e *endpoint) flush(l *Loop) error {
	for e.sending() {
		n, errno := sysWrite(e.fd, e.out[e.outAt:])
		if errno == syscall.EAGAIN {
			return nil
		}
		if errno != 0 {
			return errno
		}
		if e.outAt += n; e.outAt == len(e.out) {
			l.chunks.put(e.out)
			e.out, e.outAt = nil, 0
		}
	}
	e.want(l, e.interest&^writable)
	return nil
}

// readState is what a read found beside bytes.
type readState uint8

const (
	readMore  readState = iota // the stream goes on
	readEOF                    // the peer has sent its last byte
	readError                  // the connection is broken
)

// fill reads once, at most most bytes. data is all input not yet consumed, the
// new bytes at its end; it is valid until keep, which must follow. need is how
// long the message at its front is, if that is known.
func (e *endpoint) fill(l *Loop, need, most int) (data []byte, st readState) {
	if e.tls != nil {
		return e.fillTLS(l, most)
	}
	room := l.buf[:]
	if len(e.in) > 0 {
		e.in = l.chunks.grow(e.in, min(max(need-len(e.in), 256), most))
		room = e.in[len(e.in):cap(e.in)]
	}
	room = room[:min(len(room), most)]
	n, errno := sysRead(e.fd, room)
	switch {
	case errno == syscall.EAGAIN:
		n = 0
	case errno != 0:
		n, st = 0, readError
	case n == 0:
		st = readEOF
	}
	if len(e.in) > 0 {
		e.in = e.in[:len(e.in)+n]
		return e.in, st
	}
	return room[:n], st
}

// keep holds on to data[used:] until more comes.
func (e *endpoint) keep(l *Loop, data []byte, used int) {
	rest := data[used:]
	if len(e.in) > 0 {
		e.in = e.in[:copy(e.in[:cap(e.in)], rest)]
	} else if len(rest) > 0 {
		e.in = append(l.chunks.get(len(rest)), rest...)
	}
	if len(rest) == 0 {
		l.chunks.put(e.in)
		e.in = nil
		return
	}
	e.in = l.chunks.fit(e.in)
}

// drop gives back the buffers.
func (e *endpoint) drop(l *Loop) {
	l.chunks.put(e.in)
	l.chunks.put(e.out)
	e.in, e.out, e.outAt = nil, nil, 0
}
