package proxy

import (
	"math"
	"time"
)

// began is where the loops' clock begins.
var began = time.Now()

// clock is the time since then in nanoseconds; it never goes back.
func clock() int64 { return int64(time.Since(began)) }

// timerKind says what happens when a timer runs out. All timers of one kind
// last equally long, so each kind is a queue ordered by time.
type timerKind uint8

const (
	noTimer          timerKind = iota
	waitTimer                  // waiting for a server: query_wait_timeout
	queryTimer                 // a query runs: query_timeout
	idleTxTimer                // a transaction, batch, COPY or message waits for its client: idle_transaction_timeout
	transactionTimer           // a transaction is open: transaction_timeout
	clientIdleTimer            // a client says nothing: client_idle_timeout
	graceTimer                 // a client is gone, its statement runs on: client_gone_grace
	lingerTimer                // a closed client may still read our last words
	unsentTimer                // a closed client has not taken all it was sent
	asideTimer                 // a server answers a Query of ours
	timerKinds
)

// lingerTime is how long a client may take to read the error it is closed with.
const lingerTime = 2 * time.Second

// unsentTime is how long it may take nothing of what it is still to be sent, and
// asideTime how long a server may take to answer a Query of ours.
const (
	unsentTime = time.Minute
	asideTime  = 10 * time.Second
)

// timer is one entry in a queue of timers; it is part of its session.
type timer struct {
	session    *session
	prev, next *timer
	deadline   int64 // in nanoseconds on the loop's clock
	kind       timerKind
}

// timers are the queues of one loop.
type timers struct {
	last  [timerKinds]time.Duration // how long each kind lasts, 0: never set
	first [timerKinds]*timer
	tail  [timerKinds]*timer
}

// set starts t anew as kind k. A kind that is switched off stops it.
func (ts *timers) set(t *timer, k timerKind, now int64) {
	ts.stop(t)
	if ts.last[k] <= 0 {
		return
	}
	t.kind, t.deadline = k, now+int64(ts.last[k])
	t.prev, t.next = ts.tail[k], nil
	if t.prev != nil {
		t.prev.next = t
	} else {
		ts.first[k] = t
	}
	ts.tail[k] = t
}

// stop takes t out of its queue, if it is in one.
func (ts *timers) stop(t *timer) {
	if t.kind == noTimer {
		return
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		ts.first[t.kind] = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		ts.tail[t.kind] = t.prev
	}
	t.prev, t.next, t.kind = nil, nil, noTimer
}

// wait is how many milliseconds the loop may sleep, -1 for ever.
func (ts *timers) wait() int {
	next := int64(math.MaxInt64)
	for _, t := range ts.first {
		if t != nil {
			next = min(next, t.deadline)
		}
	}
	if next == math.MaxInt64 {
		return -1
	}
	return int(max(0, time.Duration(next-clock())/time.Millisecond+1))
}

func (l *Loop) expire(s *session, k timerKind) {
	defer l.fence(s)
	s.expired(k)
}

// expire runs what is due.
func (ts *timers) expire(l *Loop) {
	for k := range ts.first {
		for t := ts.first[k]; t != nil && t.deadline <= l.now; t = ts.first[k] {
			kind := t.kind
			ts.stop(t)
			l.expire(t.session, kind)
		}
	}
}
