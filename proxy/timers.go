package proxy

import "time"

// began is where the loops' clock begins.
var began = time.Now()

// clock is the time since then in nanoseconds; it never goes back.
func clock() int64 { return int64(time.Since(began)) }

// timerKind says what happens when a timer runs out.
type timerKind uint8

const (
	noTimer          timerKind = iota
	waitTimer                  // waiting for a server: query_wait_timeout
	queryTimer                 // a query runs: query_timeout
	idleTxTimer                // a transaction, batch, COPY or message waits for its client: idle_transaction_timeout
	transactionTimer           // a transaction is open: transaction_timeout
	clientIdleTimer            // a client says nothing: client_idle_timeout
	delayTimer                 // a client is over its tenant's max_qps or max_bps
	graceTimer                 // a client is gone, its statement runs on: client_gone_grace
	lingerTimer                // a closed client may still read our last words
	unsentTimer                // a closed client has not taken all it was sent
	asideTimer                 // a server answers a Query of ours
)

// lingerTime is how long a client may take to read the error it is closed with.
const lingerTime = 2 * time.Second

// unsentTime is how long it may take nothing of what it is still to be sent, and
// asideTime how long a server may take to answer a Query of ours.
const (
	unsentTime = time.Minute
	asideTime  = 10 * time.Second
)

// timer is part of its session.
type timer struct {
	session  *session
	began    int64 // in nanoseconds on the loop's clock, like deadline
	deadline int64
	at       int32 // where it stands in the heap
	kind     timerKind
}

// timers are those of one loop that run, a heap with the next one first. Most
// are set to run out behind all others, which costs one step, and are stopped
// before they do.
type timers struct{ heap []*timer }

// set starts t anew as kind k. One that lasts 0 is off: it is stopped.
func (ts *timers) set(t *timer, k timerKind, lasts time.Duration, now int64) {
	if lasts <= 0 {
		ts.stop(t)
		return
	}
	if t.kind == noTimer {
		t.at = int32(len(ts.heap))
		ts.heap = append(ts.heap, t)
	}
	t.kind, t.began, t.deadline = k, now, now+int64(lasts)
	ts.fix(t)
}

// stop takes t out, if it runs.
func (ts *timers) stop(t *timer) {
	if t.kind == noTimer {
		return
	}
	t.kind = noTimer
	n := len(ts.heap) - 1
	last := ts.heap[n]
	ts.heap[n] = nil
	ts.heap = ts.heap[:n]
	if last != t {
		ts.put(last, int(t.at))
		ts.fix(last)
	}
}

func (ts *timers) put(t *timer, at int) {
	ts.heap[at] = t
	t.at = int32(at)
}

// fix moves t to where its deadline belongs.
func (ts *timers) fix(t *timer) {
	at := int(t.at)
	for at > 0 && t.deadline < ts.heap[(at-1)/2].deadline {
		ts.put(ts.heap[(at-1)/2], at)
		at = (at - 1) / 2
	}
	for {
		next := 2*at + 1
		if next+1 < len(ts.heap) && ts.heap[next+1].deadline < ts.heap[next].deadline {
			next++
		}
		if next >= len(ts.heap) || t.deadline <= ts.heap[next].deadline {
			break
		}
		ts.put(ts.heap[next], at)
		at = next
	}
	ts.put(t, at)
}

// wait is how many milliseconds the loop may sleep, -1 for ever.
func (ts *timers) wait() int {
	if len(ts.heap) == 0 {
		return -1
	}
	return int(max(0, time.Duration(ts.heap[0].deadline-clock())/time.Millisecond+1))
}

func (l *Loop) expire(s *session, k timerKind) {
	defer l.fence(s)
	s.expired(k)
}

// expire runs what is due.
func (ts *timers) expire(l *Loop) {
	for len(ts.heap) > 0 && ts.heap[0].deadline <= l.now {
		t := ts.heap[0]
		kind := t.kind
		ts.stop(t)
		l.expire(t.session, kind)
	}
}
