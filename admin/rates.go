package admin

import (
	"context"
	"sync"
	"time"

	"tenantpool/proxy"
)

// samplePeriod is how often counts are looked at for rates, and samples how many looks are kept: the
// averages are over about a minute.
const (
	samplePeriod = 10 * time.Second
	samples      = 7
)

// rates remembers counts of the last minute.
type rates struct {
	mu   sync.Mutex
	past []sample // oldest first
}

type sample struct {
	at      time.Time
	tenants map[string]proxy.TenantStats
}

func (r *rates) watch(ctx context.Context, p *proxy.Proxy) {
	tick := time.NewTicker(samplePeriod)
	defer tick.Stop()
	for {
		r.look(p.Snapshot().Tenants)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *rates) look(tenants []proxy.TenantStats) {
	s := sample{time.Now(), make(map[string]proxy.TenantStats, len(tenants))}
	for _, t := range tenants {
		s.tenants[t.Tenant] = t
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.past = append(r.past, s)
	if n := len(r.past) - samples; n > 0 {
		r.past = append([]sample(nil), r.past[n:]...)
	}
}

// before is what a tenant had counted about a minute ago, and how long ago that is.
func (r *rates) before(tenant string) (proxy.TenantStats, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.past) == 0 {
		return proxy.TenantStats{}, time.Second
	}
	return r.past[0].tenants[tenant], max(time.Since(r.past[0].at), time.Millisecond)
}
