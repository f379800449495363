package pool

import (
	"slices"
	"time"

	"tenantpool/wire"
)

// enqueue makes w wait, behind its tenant's others. The tenants are served by
// what they have used (fair.go).
func (p *Pool) enqueue(w *Waiter, now int64) *wire.Error {
	t := w.at.tenant
	err := p.fullFor(w)
	if err != nil {
		p.counts.Refused++
		p.keep(t)
		return err
	}
	p.counts.Waits++
	p.tickets++
	w.ticket = p.tickets
	p.refresh(p.join(w), now)
	p.keep(t)
	p.grow(0)
	return nil
}

// fullFor says why w may not even wait.
func (p *Pool) fullFor(w *Waiter) *wire.Error {
	switch t := w.at.tenant; {
	case p.opts().MaxWaiting > 0 && int(p.waiting.Load()) >= p.opts().MaxWaiting:
		return errTooManyWaiting
	case w.MaxWaiting > 0 && t.waiting >= int(w.MaxWaiting):
		return errTenantWaiting(w.Want.profile.spec.Tenant, int(w.MaxWaiting))
	}
	return nil
}

// withdraw ends w's wait without a connection.
func (p *Pool) withdraw(w *Waiter) {
	if l := p.quit(w); l.waiters.n > 0 {
		p.refresh(l, p.now())
	}
	w.at = nil
}

// Abandon ends w's wait. It returns false if w does not wait any more: then its
// Customer has been told, or is about to be.
func (p *Pool) Abandon(w *Waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.list == nil {
		return false
	}
	p.withdraw(w)
	p.grow(0)
	return true
}

// Contended says that somebody waits.
func (p *Pool) Contended() bool { return p.waiting.Load() > 0 }

// choose picks the waiter of c's account that gets it: of the tenant that is
// next, or of the one that c was last used for, or else of one that it has served
// before, if that is nearly so. nil if nobody waits who may have it.
func (p *Pool) choose(c *Conn, now int64) *Waiter {
	if len(p.hungry) == 0 {
		return nil
	}
	l := p.next(c.account, now)
	if l == nil {
		return nil
	}
	if kin := p.kin(c); kin != nil && p.nearly(kin, l, near, now) {
		l = kin
	} else if !c.knows(l.tenant) {
		if friend := p.acquaintance(c); friend != nil && p.nearly(friend, l, akin, now) {
			l = friend
		}
	}
	return l.waiters.first
}

// nearly says that the first of a line may have a connection now, and that its
// turn comes at most that much after the one of the line that is next.
func (p *Pool) nearly(l, next *line, within time.Duration, now int64) bool {
	p.refresh(l, now)
	return p.may(l) && l.order <= next.order+float64(within)
}

// kin is the line of the tenant that c was last used for, nil if nobody waits
// there.
func (p *Pool) kin(c *Conn) *line {
	if c.owner == nil || c.account != p.own {
		return nil
	}
	t := c.owner.places.find(p.id)
	if t == nil || t.line.waiters.n == 0 {
		return nil
	}
	return &t.line
}

// may says that the first of a line may have a connection now.
func (p *Pool) may(l *line) bool {
	return l.in == &l.account.ready || l.in == &l.account.borrowers && p.free()
}

// serve gives idle connections to those who wait, until one of both runs out.
// It is called without the lock, after something that may have let a waiter in
// or a connection be idle.
func (p *Pool) serve() {
	for {
		p.mu.Lock()
		w, c := p.match()
		p.mu.Unlock()
		if w == nil {
			return
		}
		w.Customer.Granted(c)
	}
}

// match lends an idle connection to the first of an account who may have one.
func (p *Pool) match() (*Waiter, *Conn) {
	now := p.now()
	for i := len(p.hungry) - 1; i >= 0; i-- { // an account may leave on the way
		if i >= len(p.hungry) {
			continue
		}
		l := p.next(p.hungry[i], now)
		if l == nil {
			continue
		}
		w := l.waiters.first
		if c := p.pick(w); c != nil {
			p.quit(w)
			p.lend(c, w, now)
			return w, c
		}
	}
	p.grow(0)
	return nil, nil
}

// sweep refuses all waiters that which picks out.
func (p *Pool) sweep(which func(*Waiter) *wire.Error) {
	type refused struct {
		w   *Waiter
		err *wire.Error
	}
	var out []refused
	p.mu.Lock()
	for _, l := range slices.Clone(p.lines) {
		for w := l.waiters.first; w != nil; {
			next := w.next
			if err := which(w); err != nil {
				p.withdraw(w)
				out = append(out, refused{w, err})
			}
			w = next
		}
	}
	p.counts.Refused += uint64(len(out))
	p.mu.Unlock()
	for _, r := range out {
		r.w.Customer.Refused(r.err)
	}
	p.serve()
}
