package proxy

import (
	"tenantpool/wire"
)

// What sessions do is counted in plain numbers that belong to one loop; whoever
// wants to know asks the loop for a copy (snapshot.go). So counting costs no
// atomic operation, and its clock is that of the loop's turn.

// counts are what the sessions of one tenant have done in one loop. Times are in
// nanoseconds.
type counts struct {
	tally         *tally
	phases        [phaseClosed + 1]int32 // sessions in each, now; those closed are no more
	queries       int64                  // exchanges ended by a ReadyForQuery
	transactions  int64
	switches      int64
	errors        int64
	received      int64 // bytes
	sent          int64 // bytes
	queryTime     int64
	transactTime  int64
	waitTime      int64
	clientParses  int64
	serverParses  int64
	binds         int64
	assignments   int64
	unservedWaits int64 // waits that ended without a server
}

// meters are what a loop has measured of all tenants.
type meters struct {
	byTally map[*tally]*counts
	all     []*counts
	waiting map[*session]struct{}
	errors  errorCounts

	wait, switching, query, transaction Histogram
}

func newMeters() meters {
	return meters{byTally: make(map[*tally]*counts), waiting: make(map[*session]struct{}), errors: make(errorCounts)}
}

func (m *meters) of(t *tally) *counts {
	c := m.byTally[t]
	if c == nil {
		c = &counts{tally: t}
		m.byTally[t] = c
		m.all = append(m.all, c)
	}
	return c
}

// attribute has what the session does from now on counted as t's.
func (s *session) attribute(t *tally) {
	if s.counts != nil {
		s.counts.phases[s.phase]--
	}
	s.tally, s.counts = t, s.loop.meters.of(t)
	s.counts.phases[s.phase]++
}

// moves measures a change of phase: waits and switches are phases.
func (s *session) moves(to phase) {
	from, c, m, now := s.phase, s.counts, &s.loop.meters, s.loop.now
	c.phases[from]--
	c.phases[to]++
	took := now - s.since
	s.since = now
	lent := to == phaseActive || to == phaseSwitching
	switch from {
	case phaseIdle:
		if lent {
			c.assignments++
			m.wait.observe(0)
		}
	case phaseWaiting:
		delete(m.waiting, s)
		c.waitTime += took
		m.wait.observe(took)
		if lent {
			c.assignments++
		} else {
			c.unservedWaits++
		}
	case phaseSwitching:
		if to == phaseActive {
			m.switching.observe(took)
		}
	}
	if to == phaseWaiting {
		m.waiting[s] = struct{}{}
	}
}

// asks starts the clocks of an exchange, and of its transaction, that run until
// the server is ready.
func (s *session) asks() {
	s.queryAt = s.loop.now
	if s.txAt == 0 {
		s.txAt = s.loop.now
	}
}

// isReady counts an exchange that its ReadyForQuery has ended. more says that
// another one was sent behind it.
func (s *session) isReady(status byte, more bool) {
	c, m, now := s.counts, &s.loop.meters, s.loop.now
	c.queries++
	c.queryTime += now - s.queryAt
	m.query.observe(now - s.queryAt)
	if status == wire.TxIdle {
		c.transactions++
		c.transactTime += now - s.txAt
		m.transaction.observe(now - s.txAt)
		s.txAt = 0
	}
	s.queryAt = 0
	if more {
		s.asks()
	}
}

// handled counts a message of the client's that is done with.
func (s *session) handled(m wire.ClientMsg) {
	switch m {
	case wire.ClientParse:
		s.counts.clientParses++
	case wire.ClientBind:
		s.counts.binds++
	}
}

// failed counts an error that the client is told.
func (s *session) failed(code string, by Origin) {
	s.counts.errors++
	s.loop.meters.errors.add(code, by)
}
