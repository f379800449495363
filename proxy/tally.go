package proxy

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// tally counts what one tenant's sessions do.
type tally struct {
	tenant       string
	clients      atomic.Int64 // now
	transactions atomic.Int64
	switches     atomic.Int64
	errors       atomic.Int64
	pins         atomic.Int64
	pinned       atomic.Int64 // now
	pinsBy       [pinReasons]atomic.Int64
}

// tallies finds the tally of a tenant.
type tallies struct {
	mu       sync.Mutex
	byTenant map[string]*tally
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
		t.byTenant[tenant] = c
	}
	return c
}

// TenantStats are the counts of one tenant since the start.
type TenantStats struct {
	Tenant                               string
	Clients                              int64 // now
	Transactions, Switches, Errors, Pins int64
	Pinned                               int64 // sessions, now
	PinsBy                               []PinCount
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

// TenantStats gives the counts of every tenant that has had a client, by name.
func (p *Proxy) TenantStats() []TenantStats {
	p.tallies.mu.Lock()
	defer p.tallies.mu.Unlock()
	var all []TenantStats
	for _, t := range p.tallies.byTenant {
		all = append(all, TenantStats{t.tenant, t.clients.Load(), t.transactions.Load(),
			t.switches.Load(), t.errors.Load(), t.pins.Load(), t.pinned.Load(), t.pinCounts()})
	}
	slices.SortFunc(all, func(a, b TenantStats) int { return cmp.Compare(a.Tenant, b.Tenant) })
	return all
}
