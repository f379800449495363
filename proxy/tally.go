package proxy

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// tally counts what is rare about one tenant's sessions, or must be known across
// loops at once; what each message adds is in counts.
type tally struct {
	tenant string
	paces
	clients atomic.Int64 // now
	pins    atomic.Int64
	pinned  atomic.Int64 // now
	pinsBy  [pinReasons]atomic.Int64
	gate    atomic.Pointer[gate] // what holds its work back; nil: nothing does
}

// tallies finds the tally of a tenant.
type tallies struct {
	mu       sync.Mutex
	byTenant map[string]*tally
	held     standings
}

func (t *tallies) of(tenant string) *tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byTenant == nil {
		t.byTenant = make(map[string]*tally)
	}
	c := t.byTenant[tenant]
	if c == nil {
		c = &tally{tenant: tenant}
		c.gate.Store(t.held.gate(tenant))
		t.byTenant[tenant] = c
	}
	return c
}

func (t *tallies) all() []*tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Values(t.byTenant))
}

// TenantStats are the counts of one tenant since the start.
type TenantStats struct {
	Tenant                               string
	Clients                              int64 // now
	Transactions, Switches, Errors, Pins int64
	Pinned                               int64 // sessions, now
	PinsBy                               []PinCount

	// Sessions, now. Those that have a server but are not served by it at the
	// moment, because it is being switched or tidied up, are among the active.
	Idle, Waiting, Active, Closing int64

	Queries                  int64 // exchanges: simple queries, and batches up to their Sync
	BytesReceived, BytesSent int64 // from and to clients, after login, below them no TLS
	QueryTime                time.Duration
	TransactionTime          time.Duration // what clients did meanwhile included
	WaitTime                 time.Duration // for a server
	MaxWait                  time.Duration // of those who wait now
	ClientParses             int64         // Parse messages of clients
	ServerParses             int64         // Parse messages to servers
	Binds                    int64
	Assignments              int64 // a session got a server
	UnservedWaits            int64 // a wait ended without one
}

// PinCount is how often sessions were pinned for one reason. A session that has
// several counts for each.
type PinCount struct {
	Reason string
	Count  int64
}

// pinCounts are the reasons that there have been.
func (t *tally) pinCounts() (counts []PinCount) {
	for r := range t.pinsBy {
		if n := t.pinsBy[r].Load(); n > 0 {
			counts = append(counts, PinCount{pinReason(r).String(), n})
		}
	}
	return counts
}

// stats are the tenant's counts without those that the loops keep.
func (t *tally) stats() TenantStats {
	return TenantStats{Tenant: t.tenant, Clients: t.clients.Load(), Pins: t.pins.Load(), Pinned: t.pinned.Load(), PinsBy: t.pinCounts()}
}

// add adds one loop's counts.
func (t *TenantStats) add(c *counts) {
	for p, n := range c.phases {
		switch phase(p) {
		case phaseIdle:
			t.Idle += int64(n)
		case phaseWaiting:
			t.Waiting += int64(n)
		case phaseLingering:
			t.Closing += int64(n)
		case phaseClosed:
		default:
			t.Active += int64(n)
		}
	}
	t.Queries += c.queries
	t.Transactions += c.transactions
	t.Switches += c.switches
	t.Errors += c.errors
	t.BytesReceived += c.received
	t.BytesSent += c.sent
	t.QueryTime += time.Duration(c.queryTime)
	t.TransactionTime += time.Duration(c.transactTime)
	t.WaitTime += time.Duration(c.waitTime)
	t.ClientParses += c.clientParses
	t.ServerParses += c.serverParses
	t.Binds += c.binds
	t.Assignments += c.assignments
	t.UnservedWaits += c.unservedWaits
}

// Merge adds what o has counted, as if both were one tenant.
func (t *TenantStats) Merge(o *TenantStats) {
	for _, sum := range []struct{ to, from *int64 }{
		{&t.Clients, &o.Clients}, {&t.Idle, &o.Idle}, {&t.Waiting, &o.Waiting}, {&t.Active, &o.Active},
		{&t.Closing, &o.Closing}, {&t.Pinned, &o.Pinned}, {&t.Pins, &o.Pins},
		{&t.Transactions, &o.Transactions}, {&t.Switches, &o.Switches}, {&t.Errors, &o.Errors}, {&t.Queries, &o.Queries},
		{&t.BytesReceived, &o.BytesReceived}, {&t.BytesSent, &o.BytesSent},
		{&t.ClientParses, &o.ClientParses}, {&t.ServerParses, &o.ServerParses}, {&t.Binds, &o.Binds},
		{&t.Assignments, &o.Assignments}, {&t.UnservedWaits, &o.UnservedWaits},
		{(*int64)(&t.QueryTime), (*int64)(&o.QueryTime)}, {(*int64)(&t.TransactionTime), (*int64)(&o.TransactionTime)},
		{(*int64)(&t.WaitTime), (*int64)(&o.WaitTime)},
	} {
		*sum.to += *sum.from
	}
	t.MaxWait = max(t.MaxWait, o.MaxWait)
	t.PinsBy = append(slices.Clip(t.PinsBy), o.PinsBy...)
}
