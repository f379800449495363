package proxy

import (
	"testing"
	"time"

	"tenantpool/wire"
)

// measuring is a session in a loop that does not run, for what only counts.
func measuring(t testing.TB) *session {
	t.Helper()
	l := &Loop{meters: newMeters(), ended: make(chan struct{}), now: 1}
	s := &session{loop: l}
	s.attribute(&tally{tenant: "acme"})
	return s
}

func TestADurationAtABoundBelongsToTheBucketBelowIt(t *testing.T) {
	for i := range HistogramBuckets - 1 {
		var at, above Histogram
		at.observe(int64(HistogramBound(i)))
		above.observe(int64(HistogramBound(i)) + 1)
		if at.Buckets[i] != 1 || above.Buckets[i+1] != 1 {
			t.Errorf("bucket %d ends at %v: at it %v, above it %v", i, HistogramBound(i), at.Buckets, above.Buckets)
		}
	}
	var ends Histogram
	ends.observe(0)
	ends.observe(-1)
	ends.observe(int64(time.Hour * 24 * 365))
	if ends.Buckets[0] != 2 || ends.Buckets[HistogramBuckets-1] != 1 || ends.Count() != 3 {
		t.Errorf("the ends are not counted: %v", ends)
	}
}

func TestAWaitEndsWithAServerOrWithoutOne(t *testing.T) {
	s := measuring(t)
	step := func(p phase, later int64) {
		s.loop.now += later
		s.moves(p)
		s.phase = p
	}
	step(phaseWaiting, 5)
	if n := len(s.loop.meters.waiting); n != 1 {
		t.Errorf("%d sessions wait, not 1", n)
	}
	step(phaseSwitching, 1000)
	step(phaseActive, 300_000)
	step(phaseIdle, 7)
	step(phaseWaiting, 5)
	step(phaseIdle, 2000)
	step(phaseActive, 5)
	c, m := s.counts, &s.loop.meters
	if c.waitTime != 3000 || c.assignments != 2 || c.unservedWaits != 1 || len(m.waiting) != 0 {
		t.Errorf("waited %d ns, %d assignments, %d in vain, %d still wait", c.waitTime, c.assignments, c.unservedWaits, len(m.waiting))
	}
	if m.wait.Count() != 3 || m.switching.Sum != 300_000 {
		t.Errorf("%d waits seen, switches took %v", m.wait.Count(), m.switching.Sum)
	}
	if c.phases[phaseActive] != 1 || c.phases[phaseIdle] != 0 || c.phases[phaseWaiting] != 0 {
		t.Errorf("the session is counted in %v", c.phases)
	}
}

func TestATransactionLastsFromItsFirstQueryToItsEnd(t *testing.T) {
	s := measuring(t)
	s.asks()
	s.loop.now += 10
	s.isReady(wire.TxOpen, false)
	s.loop.now += 100 // the client thinks
	s.asks()
	s.loop.now += 20
	s.isReady(wire.TxIdle, true) // and has sent one more
	s.loop.now += 30
	s.isReady(wire.TxIdle, false)
	c := s.counts
	if c.queries != 3 || c.queryTime != 60 || c.transactions != 2 || c.transactTime != 160 {
		t.Errorf("%d queries took %d, %d transactions %d", c.queries, c.queryTime, c.transactions, c.transactTime)
	}
	if s.queryAt != 0 || s.txAt != 0 {
		t.Error("a clock still runs")
	}
}

func TestASessionIsCountedForOneTenantAtATime(t *testing.T) {
	s := measuring(t)
	first := s.counts
	s.failed("42P01", FromServer)
	s.attribute(&tally{tenant: "globex"})
	s.failed("42P01", FromServer)
	if first.phases[phaseIdle] != 0 || s.counts.phases[phaseIdle] != 1 || first.errors != 1 || s.counts.errors != 1 {
		t.Errorf("before %+v, now %+v", *first, *s.counts)
	}
	if n := s.loop.meters.errors[errorKey{[5]byte([]byte("42P01")), FromServer}]; n != 2 {
		t.Errorf("42P01 was counted %d times, not twice", n)
	}
}

func TestCodesThatATextMakesUpAreBounded(t *testing.T) {
	e := make(errorCounts)
	for i := range 1000 {
		e.add(string([]byte{'X', 'X', byte('0' + i/100), byte('0' + i/10%10), byte('0' + i%10)}), FromServer)
	}
	e.add("no\nxx", FromServer)
	e.add("", FromServer)
	if len(e) > maxErrorKeys+1 {
		t.Errorf("%d codes are told apart", len(e))
	}
	if n := e[errorKey{[5]byte([]byte(otherCode)), FromServer}]; n != 1000-maxErrorKeys+2 {
		t.Errorf("%d are counted as others", n)
	}
}

// BenchmarkCountingATransaction is what counting adds to a transaction of one
// simple query.
func BenchmarkCountingATransaction(b *testing.B) {
	s := measuring(b)
	for b.Loop() {
		s.loop.now += 100_000
		s.counts.received += 40
		s.moves(phaseActive)
		s.phase = phaseActive
		s.asks()
		s.handled(wire.ClientQuery)
		s.loop.now += 100_000
		s.isReady(wire.TxIdle, false)
		s.counts.sent += 80
		s.moves(phaseIdle)
		s.phase = phaseIdle
	}
}
