package pool

// A server keeps what it has learned of each tenant's tables, and learning them
// takes it longer than a change of tenant does. So a connection is lent, where
// others do not have to wait for it, to a tenant that it has served before: of a
// thousand tenants each server comes to serve some hundred, over and over.

// sought is how many lines, or idle connections, are looked at for one that fits.
const sought = 256

// knows says that the connection has served the tenant.
func (c *Conn) knows(t *tenantPlace) bool {
	_, ok := c.met[t.tenant]
	return ok
}

// acquaintance is the line, of those that are next or nearly so, of a tenant that
// c has served before; nil if there is none. Those near the root of a heap are not
// quite in order, but they are the first.
func (p *Pool) acquaintance(c *Conn) (best *line) {
	if len(c.met) == 0 || c.account != p.own {
		return nil
	}
	best = c.account.ready.known(c, nil)
	if p.free() {
		best = c.account.borrowers.known(c, best)
	}
	return best
}

// known is the first line of a tenant that c has served before, or best if that
// comes before it.
func (ls *lines) known(c *Conn, best *line) *line {
	for _, l := range ls.heap[:min(sought, len(ls.heap))] {
		if c.knows(l.tenant) && (best == nil || l.before(best)) {
			best = l
		}
	}
	return best
}

// idleFor is the connection of the cluster's login that another tenant left idle
// for longest: one that has served w's tenant if it is found soon.
func (p *Pool) idleFor(w *Waiter) (oldest *Conn) {
	seen := 0
	for c := p.all.last; c != nil && (seen < sought || oldest == nil); c = c.links[ofAll].prev {
		seen++
		switch {
		case c.account != p.own:
		case c.knows(w.at.tenant):
			return c
		case oldest == nil:
			oldest = c
		}
	}
	return oldest
}
