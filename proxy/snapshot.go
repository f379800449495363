package proxy

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Snapshot is what has been counted since the start, each loop's part at one
// moment.
type Snapshot struct {
	Tenants []TenantStats // those that have had a client, by name
	Errors  []ErrorCount
	Waiters []Waiting // who waits for a server, longest first

	Wait        Histogram // of every checkout, 0 if there was a server at once
	Switch      Histogram // from sending a switch to its proof
	Query       Histogram // an exchange, from the first message to its ReadyForQuery
	Transaction Histogram
	Logins      map[string]Histogram // by method, of those that succeeded

	Clients         int
	MaxClients      int // 0 is no limit
	Draining        bool
	Panics          int64
	CertificateEnds time.Time // of the one that clients are shown; zero if there is none
	Cancels         CancelCounts
}

// ErrorCount is how often clients were told an error with a SQLSTATE, or "other".
type ErrorCount struct {
	Code   string
	Origin Origin
	Count  int64
}

// Waiting is a session that waits for a server.
type Waiting struct {
	Tenant, User string
	For          time.Duration
}

// Snapshot asks every loop for its part and puts them together. It takes no
// longer than the longest turn of a loop, and must not be called from one.
func (p *Proxy) Snapshot() *Snapshot {
	tallies := p.tallies.all()
	snap := &Snapshot{Draining: p.draining.Load(), Clients: p.Clients(), MaxClients: p.now().options.MaxClients, CertificateEnds: p.certificateEnds(), Panics: p.panics.Load(),
		Cancels: p.cancels.counts()}
	errors := make(errorCounts)
	snap.Logins = p.loginMeter.copy(errors)
	sums := make(map[*tally]*TenantStats, len(tallies))
	snap.Tenants = make([]TenantStats, len(tallies))
	for i, t := range tallies {
		snap.Tenants[i] = t.stats()
		sums[t] = &snap.Tenants[i]
	}
	for _, l := range p.loops {
		part := l.measured(len(tallies))
		for i := range part.counts {
			if sum := sums[part.counts[i].tally]; sum != nil { // else it is newer than the list
				sum.add(&part.counts[i])
			}
		}
		for _, w := range part.waiters {
			if sum := sums[w.tally]; sum != nil {
				sum.MaxWait = max(sum.MaxWait, w.For)
			}
			snap.Waiters = append(snap.Waiters, w.Waiting)
		}
		errors.merge(part.errors)
		snap.Wait.add(&part.wait)
		snap.Switch.add(&part.switching)
		snap.Query.add(&part.query)
		snap.Transaction.add(&part.transaction)
	}
	for k, n := range errors {
		snap.Errors = append(snap.Errors, ErrorCount{string(k.code[:]), k.by, n})
	}
	slices.SortFunc(snap.Errors, func(a, b ErrorCount) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Origin, b.Origin))
	})
	slices.SortFunc(snap.Tenants, func(a, b TenantStats) int { return cmp.Compare(a.Tenant, b.Tenant) })
	slices.SortFunc(snap.Waiters, func(a, b Waiting) int { return cmp.Compare(b.For, a.For) })
	return snap
}

// TenantStats gives the counts of every tenant that has had a client, by name.
func (p *Proxy) TenantStats() []TenantStats { return p.Snapshot().Tenants }

// measured is one loop's part of a Snapshot.
type measured struct {
	counts  []counts
	waiters []waiterOf
	errors  errorCounts

	wait, switching, query, transaction Histogram
}

type waiterOf struct {
	Waiting
	tally *tally
}

// measured gets the loop's part. room is about how many tenants there are, so
// that the loop only copies.
func (l *Loop) measured(room int) *measured {
	part := &measured{counts: make([]counts, 0, room+16)}
	l.ask(func(l *Loop) {
		m := &l.meters
		for _, c := range m.all {
			part.counts = append(part.counts, *c)
		}
		for s := range m.waiting {
			part.waiters = append(part.waiters, waiterOf{Waiting{s.tally.tenant, s.user.Value(), time.Duration(l.now - s.since)}, s.tally})
		}
		part.errors = maps.Clone(m.errors)
		part.wait, part.switching, part.query, part.transaction = m.wait, m.switching, m.query, m.transaction
	})
	return part
}

// ask has f run in the loop and waits until it has. In a loop that has ended
// nothing moves any more: there f, which must only look, runs here.
func (l *Loop) ask(f func(*Loop)) {
	done := make(chan struct{})
	l.post(func(l *Loop) {
		f(l)
		close(done)
	})
	select {
	case <-done:
		return
	case <-l.ended:
	}
	select {
	case <-done:
	default:
		f(l)
	}
}
