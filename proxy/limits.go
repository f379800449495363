package proxy

import (
	"math"
	"time"

	"tenantpool/pool"
	"tenantpool/routing"
	"tenantpool/wire"
)

// What a session's route bounds is read where it is used, never kept: the route
// may be another one after a reload.

// bound tells the pool what bounds the session's tenant there.
func (s *session) bound(w *pool.Waiter) {
	w.MaxServers, w.MaxWaiting, w.Weight = small(s.route.MaxServers), small(s.route.MaxWaiting), small(s.route.Weight)
}

// lasts is how long a timer of that kind runs for a client of the route, 0: not at all.
func (l *live) lasts(r *routing.Route, k timerKind) time.Duration {
	switch k {
	case waitTimer:
		return r.QueryWaitTimeout
	case queryTimer:
		return r.QueryTimeout
	case idleTxTimer:
		return r.IdleTransactionTimeout
	case transactionTimer:
		return r.TransactionTimeout
	case clientIdleTimer:
		return r.ClientIdleTimeout
	case graceTimer:
		return l.options.ClientGoneGrace
	case lingerTimer:
		return lingerTime
	case unsentTimer:
		return unsentTime
	case asideTimer:
		return asideTime
	}
	return 0
}

// small is a limit in fewer bytes: beyond that it is none anyway.
func small(n int) int32 { return int32(min(n, math.MaxInt32)) }

// lasts is how long a timer of that kind runs for the session.
func (s *session) lasts(k timerKind) time.Duration { return s.proxy.now().lasts(s.route, k) }

// arm starts the session's timer anew; a limit that is off stops it.
func (s *session) arm(k timerKind) {
	s.loop.timers.set(&s.timer, k, s.lasts(k), s.loop.now)
}

// A tenant that is over max_qps or max_bps is delayed where it holds nothing:
// before a transaction begins. What a transaction does is counted as it goes and
// paid for before the next one. Each session books its own turn, so that many
// are not woken for one to go on.

// paced says that the session's tenant is held to a rate.
func (s *session) paced() bool { return s.route.MaxQPS > 0 || s.route.MaxBPS > 0 }

func (s *session) queryRate() rate { return rate{s.route.MaxQPS, s.route.MaxQPSBurst} }
func (s *session) byteRate() rate  { return rate{s.route.MaxBPS, s.route.MaxBPSBurst} }

// admit lets a transaction begin with m. It returns false if m has to wait: the
// session then goes on by itself when its turn has come.
func (s *session) admit(m message) bool {
	if s.admitted || !s.paced() || !begins(m.kind) {
		return true
	}
	limit, now := s.route.QueryWaitTimeout, s.loop.now
	delay, ok := time.Duration(0), true
	if s.route.MaxBPS > 0 {
		delay, ok = s.tally.bytes.book(s.byteRate(), 0, now, limit) // how many will pass is not known yet
	}
	if s.route.MaxQPS > 0 && ok {
		var turn time.Duration
		turn, ok = s.tally.queries.book(s.queryRate(), 1, now, limit)
		delay, s.prepaid = max(delay, turn), ok
	}
	s.admitted = ok
	if ok && delay == 0 {
		return true
	}
	if !ok {
		delay = limit
	}
	s.delayed = true
	s.loop.timers.set(&s.timer, delayTimer, delay, now)
	return false
}

// overBytes says that what holds the session up is max_bps.
func (s *session) overBytes() bool {
	if s.route.MaxBPS == 0 {
		return false
	}
	delay, _ := s.tally.bytes.book(s.byteRate(), 0, s.loop.now, 0)
	return delay > 0 || s.route.MaxQPS == 0
}

// begins says which messages begin what a server is needed for.
func begins(m wire.ClientMsg) bool {
	switch m {
	case wire.ClientQuery, wire.ClientParse, wire.ClientBind, wire.ClientExecute:
		return true
	}
	return false
}

// delayEnds goes on when the session's turn has come, or with an error if it
// will not come in time.
func (s *session) delayEnds() {
	var e *wire.Error
	if !s.admitted {
		e = s.paceError()
	}
	s.endDelay(e)
}

// endDelay lets the message that was delayed go on, or be answered by e.
func (s *session) endDelay(e *wire.Error) {
	s.delayed, s.refusal = false, e
	if s.phase == phaseIdle {
		s.arm(clientIdleTimer)
	} else {
		s.loop.timers.stop(&s.timer)
	}
	s.proceed()
}

// chargeQuery counts a query of the client's that is sent to the server.
func (s *session) chargeQuery(m wire.ClientMsg) {
	switch {
	case s.route.MaxQPS == 0 || m != wire.ClientQuery && m != wire.ClientExecute && m != wire.ClientFunctionCall:
	case s.prepaid:
		s.prepaid = false
	default:
		s.tally.queries.spend(s.queryRate(), 1, s.loop.now)
	}
}

// chargeBytes counts bytes from or to the client.
func (s *session) chargeBytes(n int) {
	if s.route.MaxBPS > 0 && n > 0 {
		s.tally.bytes.spend(s.byteRate(), n, s.loop.now)
	}
}

// settled notes that a transaction has ended: the next one waits for its turn.
func (s *session) settled() { s.admitted, s.prepaid = false, false }
