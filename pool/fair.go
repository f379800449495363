package pool

import "time"

// Tenants share a pool by the time for which they hold its connections, in
// proportion to their weights. Each has a ledger in virtual time: nanoseconds of
// server time by weight. Whoever is to be served next is the one whose ledger
// stands lowest, with what it holds now counted as if it were used up: that is
// start-time fair queueing over several servers at once. A long statement is
// charged while it runs, for its end may be far.

const (
	// near is how much further ahead the tenant may stand for whom a connection
	// needs less work: ten times what a change of tenant costs (36-50 µs).
	near = 500 * time.Microsecond
	// akin is the same for a tenant that the connection has served before:
	// what it costs a server to learn the tables of a new one, and to keep them at
	// hand, is a multiple of most turns. It is half of lead.
	akin = 10 * time.Millisecond
	// lead is how far a tenant that holds no connection is put before its place:
	// a second connection often waits for a row that the first has locked.
	lead = 20 * time.Millisecond
	// least is what a turn is charged at least.
	least = 20 * time.Microsecond
	// debt is how far ahead of all others a tenant may be found when it comes
	// back: what it used while nobody wanted it is soon forgotten.
	debt = time.Second
)

// ledger is what a tenant has used of a pool.
type ledger struct {
	used   float64 // in virtual time
	weight float64 // at least 1 once it has come
	rate   float64 // virtual time in a nanosecond: 1/weight
	since  int64   // up to when used counts what the tenant holds
	begun  int64   // the sum of the times at which it was lent that
	mean   int64   // how long its turns were of late
	share
}

// settle charges a tenant for what it has held since it was last asked.
func (t *tenantPlace) settle(now int64) {
	if t.lent > 0 {
		t.used += float64(int64(t.lent)*(now-t.since)) * t.rate
	}
	t.since = now
}

// turn is how long one of the tenant's turns takes: as of late, or as those do
// that it is having, on the average.
func (t *tenantPlace) turn(now int64) int64 {
	if t.lent == 0 {
		return t.mean
	}
	return max(t.mean, now-t.begun/int64(t.lent))
}

// start is where the tenant's next turn begins in virtual time. It only grows
// until the tenant is lent a connection or gives one back.
func (t *tenantPlace) start(now int64) float64 {
	if t.lent == 0 {
		return t.used
	}
	return t.used + float64(int64(t.lent)*t.turn(now))*t.rate
}

// order is where it stands among those who wait: the lowest is next.
func (t *tenantPlace) order(now int64) float64 {
	if t.lent == 0 {
		return t.used - float64(lead)
	}
	return t.start(now)
}

// arrive has a tenant come of which nobody waits. It brings no credit along for
// the time it was away, and not much debt.
func (p *Pool) arrive(t *tenantPlace, weight int, now int64) {
	t.settle(now)
	if w := float64(max(weight, 1)); t.weight == 0 || weight > 0 && t.weight != w {
		t.weight, t.rate = w, 1/w
	}
	switch start := t.start(now); {
	case start < p.virtual:
		t.used += p.virtual - start
	case start > p.virtual+float64(debt):
		t.used -= start - p.virtual - float64(debt)
	}
}

// beginTurn charges for a turn that begins, and with it moves the pool's own virtual
// time: nobody who comes later is served as if it had come before.
func (t *tenantPlace) beginTurn(p *Pool, now int64) {
	t.settle(now)
	if order := t.order(now); order > p.virtual {
		p.virtual = order
	}
	t.lent++
	t.begun += now
}

// refresh puts the tenant's lines where they belong.
func (t *tenantPlace) refresh(p *Pool, now int64) {
	for l := t.lines; l != nil; l = l.next {
		p.refresh(l, now)
	}
}

// endTurn charges for a turn that began at the given time and is over.
func (t *tenantPlace) endTurn(began, now int64) {
	t.settle(now)
	took := now - began
	if took < int64(least) {
		t.used += float64(int64(least)-took) * t.rate
	}
	t.mean += (took - t.mean) / 8
	t.lent--
	t.begun -= began
}
