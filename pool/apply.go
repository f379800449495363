package pool

import (
	"slices"
	"time"
)

// opts are the options as they are now. They are not to be changed.
func (p *Pool) opts() *Options { return p.o.Load() }

// Size is how many server connections the pool may have.
func (p *Pool) Size() int { return p.opts().Size }

// settled is a copy with what was left open or is contradictory made good.
func (o Options) settled() *Options {
	o.Size = max(o.Size, 1)
	o.MinSize = min(o.MinSize, o.Size)
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = 5 * time.Second
	}
	return &o
}

// Fits says that connections made by o could stand in for those of the pool:
// the same login to the same database by the same way, and judged as strictly.
// A password is not part of that: it opened the connections there are, and a
// new one is for those to come.
func (p *Pool) Fits(o Options) bool {
	now := p.opts()
	return now.Cluster == o.Cluster && slices.Equal(now.Hosts, o.Hosts) && now.Target == o.Target && now.LoadBalance == o.LoadBalance &&
		now.Database == o.Database && now.User == o.User && now.TLS == o.TLS &&
		now.RefuseSuperuser == o.RefuseSuperuser
}

// Apply makes o the pool's options while it runs; Adopt and Wrap stay. o must
// fit. Connections stay, save those that are too many now. Only where profiles
// name a setting that they did not name before, all are replaced as they come
// back: one born without an empty value for it would not end in no tenant when
// it is reset. Whoever is to use such a profile asks for it after Apply.
func (p *Pool) Apply(o Options) {
	p.mu.Lock()
	old := p.opts()
	o.Adopt, o.Wrap = old.Adopt, old.Wrap
	p.o.Store(o.settled())
	if namesMore(old.Blank, o.Blank) {
		p.era++
	}
	rekeyed := old.Password != o.Password
	if rekeyed {
		p.own.gate.passed() // it may have been the password
	}
	p.mu.Unlock()
	if rekeyed {
		p.control.mu.Lock()
		p.control.gate.passed()
		p.control.mu.Unlock()
	}
	select {
	case p.retimed <- struct{}{}:
	default:
	}
	p.tidy(time.Now())
	p.serve()
}

// namesMore says that a list holds a name that another lacks.
func namesMore(old, list []string) bool {
	known := make(map[string]bool, len(old))
	for _, name := range old {
		known[lower(name)] = true
	}
	return slices.ContainsFunc(list, func(name string) bool { return custom(name) && !known[lower(name)] })
}
