package pool

import "sync/atomic"

// connections numbers server connections for operators.
var connections atomic.Uint64

// Rest, with on, closes every connection, idle ones at once and the others when
// they are given back, and keeps none from then on.
func (p *Pool) Rest(on bool) {
	p.mu.Lock()
	p.resting = on
	p.mu.Unlock()
	if on {
		p.Reconnect("")
		return
	}
	p.serve()
}

// Reconnect closes the connections of one tenant, or all if it is "": idle ones at
// once, the others when they are given back. A tenant's are those lent to it, and
// idle ones that nobody has used since.
func (p *Pool) Reconnect(tenant string) {
	var ended []*Conn
	p.mu.Lock()
	for c := range p.members {
		switch {
		case !c.serves(tenant):
		case c.place == idle:
			p.unlist(c)
			p.leave(c)
			ended = append(ended, c)
		default:
			c.stale = true
		}
	}
	p.mu.Unlock()
	for _, c := range ended {
		p.end(c, ReasonReconnect)
	}
}

// serves says that a connection is the tenant's just now; every one is if tenant
// is "". It is called under the lock.
func (c *Conn) serves(tenant string) bool {
	switch {
	case tenant == "" || c.account.account.tenant() == tenant:
		return true
	case c.place == lent:
		return c.tenant.tenant.name == tenant
	}
	return c.place == idle && c.owner != nil && c.owner.name == tenant
}

// Retiring is how many of a tenant's connections, or of all if it is "", are to be
// closed and have not gone yet.
func (p *Pool) Retiring(tenant string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for c := range p.members {
		if c.place == leaving && tenant == "" || c.stale && c.serves(tenant) {
			n++
		}
	}
	return n
}

// KillIdle closes the idle connection of that number. It returns false if there is
// none.
func (p *Pool) KillIdle(id uint64) bool {
	p.mu.Lock()
	for c := range p.members {
		if c.ID == id && c.place == idle {
			p.unlist(c)
			p.leave(c)
			p.mu.Unlock()
			p.end(c, ReasonKilled)
			return true
		}
	}
	p.mu.Unlock()
	return false
}
