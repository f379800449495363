package proxy

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"tenantpool/pool"
	"tenantpool/wire"
)

// handler is what an event is for: a session or a server connection.
type handler interface {
	ready(l *Loop, events uint32)
	abort() // closes it, whatever state it is in
}

// registration is what a loop knows of a descriptor.
type registration struct {
	generation uint32
	handler    handler
}

// Loop is one event loop: a locked thread with its own poller, owning the
// sessions given to it and the server connections lent to them.
type Loop struct {
	poller     *poller
	registered []registration // by descriptor
	generation uint32
	now        int64 // the clock at the begin of this turn
	taken      int   // events of this turn
	left       int   // of these, those to come
	full       bool  // there may be more than were taken
	buf        [readSize]byte
	cipher     [cipherSize]byte // as it comes, before TLS has opened it
	chunks     chunks
	toServer   assembly
	toClient   assembly
	timers     timers
	good       map[goodStatement]struct{}
	evicted    []*pool.ServerStatement // scratch
	text       []byte                  // scratch
	key        []byte                  // scratch
	words      []byte                  // answers gathered in a pass over one client's input
	speaker    *session                // whose pass it is
	sessions   atomic.Int64
	all        map[*session]struct{}
	meters     meters
	ended      chan struct{} // closed when it has

	mail     sync.Mutex
	inbox    []letter
	spare    []letter
	hasMail  atomic.Bool
	sleeping atomic.Bool
	stopped  bool
	panicked func(v any, stack []byte) // tells the log
}

func newLoop() (*Loop, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	return &Loop{poller: p, all: make(map[*session]struct{}),
		good: make(map[goodStatement]struct{}), meters: newMeters(), ended: make(chan struct{})}, nil
}

// letter is what other goroutines, or another part of this one, ask of a loop:
// a server connection granted to or refused a waiting session, or anything else.
type letter struct {
	session *session
	granted *pool.Conn
	refused *wire.Error
	do      func(*Loop)
}

// post hands f to the loop, which runs it soon. Safe from any goroutine, the
// loop's own included.
func (l *Loop) post(f func(*Loop)) { l.send(letter{do: f}) }

func (l *Loop) send(m letter) {
	l.mail.Lock()
	l.inbox = append(l.inbox, m)
	l.hasMail.Store(true)
	l.mail.Unlock()
	if l.sleeping.CompareAndSwap(true, false) {
		l.poller.wake()
	}
}

func (m *letter) open(l *Loop) {
	if m.session != nil {
		defer l.fence(m.session)
	}
	switch {
	case m.granted != nil:
		m.session.granted(m.granted)
	case m.refused != nil:
		m.session.refused(m.refused)
	default:
		m.do(l)
	}
}

// run is the loop. It ends, with its poller closed, when stopped is set.
func (l *Loop) run() {
	runtime.LockOSThread()
	defer close(l.ended)
	defer l.poller.close()
	for !l.stopped {
		n := l.await()
		l.now = clock()
		l.taken, l.full = n, n == len(l.poller.events)
		for i := range n {
			l.left = n - i - 1 // not yet handled
			l.dispatch(l.poller.event(i))
			l.readMail()
		}
		l.readMail()
		l.timers.expire(l)
	}
}

// briefly is how long a busy loop waits without telling the scheduler, in
// milliseconds.
const briefly = 5

// await waits for an event, a message or the next timer: briefly at first, and
// if nothing comes, as long as it takes.
func (l *Loop) await() int {
	if n := l.poller.poll(0); n > 0 || l.hasMail.Load() {
		return n
	}
	l.sleeping.Store(true)
	defer l.sleeping.Store(false)
	if l.hasMail.Load() { // posted before sleeping was seen
		return 0
	}
	ms := l.timers.wait()
	if ms < 0 || ms > briefly {
		if n := l.poller.poll(briefly); n > 0 || l.hasMail.Load() {
			return n
		}
		ms = l.timers.wait()
	}
	return l.poller.wait(ms)
}

// silent says that e has nothing for us: no event of it came with this turn's.
// What arrives between a turn's poll and a write can never be known, nor could
// it by another look.
func (l *Loop) silent(e *endpoint) bool {
	if l.full {
		return !sysPeek(e.fd)
	}
	for i := l.taken - l.left; i < l.taken; i++ {
		if fd, generation, _ := l.poller.event(i); fd == e.fd && generation == e.generation {
			return false
		}
	}
	return true
}

func (l *Loop) dispatch(fd int, generation, events uint32) {
	if l.poller.isWake(fd) {
		l.poller.woken()
		return
	}
	if r := &l.registered[fd]; r.generation == generation && r.handler != nil {
		l.handle(r.handler, events)
	}
}

func (l *Loop) handle(h handler, events uint32) {
	defer l.fence(h)
	h.ready(l, events)
}

// fence is the last one: a panic, which is a bug, ends the session it happened
// in and no other.
func (l *Loop) fence(h handler) {
	if v := recover(); v != nil {
		l.panicked(v, debug.Stack())
		h.abort()
	}
}

func (l *Loop) readMail() {
	for l.hasMail.Load() {
		l.mail.Lock()
		batch := l.inbox
		l.inbox, l.spare = l.spare[:0], nil
		l.hasMail.Store(false)
		l.mail.Unlock()
		for i := range batch {
			batch[i].open(l)
		}
		clear(batch)
		l.spare = batch[:0]
	}
}

// register adds a descriptor; events for it go to h.
func (l *Loop) register(e *endpoint, h handler, interest uint32) error {
	for e.fd >= len(l.registered) {
		l.registered = append(l.registered, make([]registration, max(64, len(l.registered)))...)
	}
	l.generation++
	if err := l.poller.add(e.fd, l.generation, interest); err != nil {
		return err
	}
	l.registered[e.fd] = registration{l.generation, h}
	e.generation, e.interest, e.registered = l.generation, interest, true
	return nil
}

// unregister forgets a descriptor: no event for it is handled from now on.
func (l *Loop) unregister(e *endpoint) {
	if !e.registered {
		return
	}
	l.poller.remove(e.fd)
	if r := &l.registered[e.fd]; r.generation == e.generation {
		*r = registration{}
	}
	e.registered, e.interest = false, 0
}
