package proxy

import (
	"context"
	"sync/atomic"

	"tenantpool/pool"
	"tenantpool/routing"
)

// live is all that may change while the proxy runs, as one value that is swapped
// whole. It never changes itself. Who does several things by it, as a login does,
// loads it once. Nobody keeps it for longer than that: a session that sits idle
// remembers its number, so that the tables of the past become garbage.
type live struct {
	number   uint64 // of those that there have been
	options  Options
	clusters map[string]*home
}

// home is one cluster as its sessions see it.
type home struct {
	pool       *pool.Pool
	pinned     *atomic.Int64 // sessions that keep their server
	sameTenant pool.SameTenant
	maxPinned  int
}

// now is what the proxy goes by at this moment.
func (p *Proxy) now() *live { return p.live.Load() }

// table is the routing table.
func (l *live) table() *routing.Table { return l.options.Table }

// home is the cluster of a route; nil if there is none of that name.
func (l *live) home(r *routing.Route) *home { return l.clusters[r.Cluster] }

// Apply makes o what the proxy goes by from now on, as a whole, without dropping
// a client. What cannot change while it runs stays as it was: TLS with clients,
// Loops, Log, KeepAlive and MaxDescriptors.
//
// A pool that o still has and whose server connections are what o would make
// (pool.Pool.Fits) goes on with them and with its new limits. One that is gone
// drains: it lends no more, and closes when what is lent has come back. Sessions
// go on where they are, and find their route again when they next need a server.
func (p *Proxy) Apply(o Options) {
	p.applying.Lock()
	defer p.applying.Unlock()
	if p.ended {
		return
	}
	old := p.now()
	next := &live{number: old.number + 1, options: o, clusters: make(map[string]*home, len(o.Pools))}
	for name, po := range o.Pools {
		next.clusters[name] = p.housed(old.clusters[name], po, o, name)
	}
	p.live.Store(next)
	p.keepResting() // what is new, too
	for _, l := range p.loops {
		l.post(func(l *Loop) { l.retime(next) })
	}
	for name, h := range old.clusters {
		if after := next.clusters[name]; after == nil || after.pool != h.pool {
			p.retire(h.pool)
		}
	}
}

// SetTable is Apply with another routing table and nothing else. Its settings
// and clusters must be those that the pools were made for: Options.Pools.
func (p *Proxy) SetTable(t *routing.Table) {
	p.applying.Lock()
	defer p.applying.Unlock()
	next := *p.now()
	next.number++
	next.options.Table = t
	p.live.Store(&next)
}

// housed is the cluster's home by o: with the pool of before, if that fits.
func (p *Proxy) housed(old *home, po *pool.Options, o Options, name string) *home {
	po.Adopt, po.Wrap = adopt, wrapServer
	h := &home{sameTenant: o.SameTenant[name], maxPinned: o.MaxPinned[name]}
	if old != nil && old.pool.Fits(*po) {
		h.pool, h.pinned = old.pool, old.pinned
		h.pool.Apply(*po)
		return h
	}
	h.pool, h.pinned = pool.New(*po), new(atomic.Int64)
	return h
}

// retire has a pool drain by itself; Close waits for it.
func (p *Proxy) retire(old *pool.Pool) {
	p.retired.Go(func() { _ = old.Close(context.Background()) })
}

// awaitRetired waits until pools that drain have drained, or ctx ends.
func (p *Proxy) awaitRetired(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		p.retired.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// retime has the limits of what is new act at once on timers that run. Where a
// limit was off, sessions that wait or sit idle get theirs; the others do when
// they next begin something.
func (l *Loop) retime(now *live) {
	l.now = clock()
	for s := range l.all {
		l.visit(s, func(s *session) { s.retime(now) })
	}
}

func (s *session) retime(now *live) {
	r, err := now.table().Resolve(s.identity())
	if s.parked && (err != nil || r.Cluster != s.route.Cluster) {
		s.unpark() // nobody may ever resume what it waits for
		return
	}
	if err != nil || r.Tenant != s.route.Tenant {
		return // it is told when it next needs a server
	}
	kind, began := s.timer.kind, s.timer.began
	switch {
	case kind == noTimer && s.phase == phaseIdle:
		kind, began = clientIdleTimer, s.loop.now
	case kind == noTimer && s.phase == phaseWaiting:
		kind, began = waitTimer, s.loop.now
	}
	if kind != noTimer && kind != delayTimer {
		s.loop.timers.set(&s.timer, kind, now.lasts(r, kind), began)
	}
	if t := s.txTimer; t != nil && t.kind != noTimer {
		s.loop.timers.set(t, t.kind, now.lasts(r, t.kind), t.began)
	}
}
