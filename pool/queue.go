package pool

import (
	"slices"

	"tenantpool/wire"
)

// window is how many waiters, from the head on, a released connection may suit
// better than the head; maxPassed is how often one of them is passed over.
const (
	window    = 32
	maxPassed = 4
)

// enqueue makes w wait: behind all others, or, if its tenant holds as many
// connections as it may, behind its tenant's others only.
func (p *Pool) enqueue(w *Waiter) *wire.Error {
	if p.o.MaxWaiting > 0 && int(p.waiting.Load()) >= p.o.MaxWaiting {
		p.counts.Refused++
		return errTooManyWaiting
	}
	p.waiting.Add(1)
	p.counts.Waits++
	p.tickets++
	w.ticket, w.passed = p.tickets, 0
	if t := w.at.tenant; p.overLimit(w) || t.parked.n > 0 {
		p.park(w)
		return nil
	}
	p.queueUp(w)
	p.grow(0)
	return nil
}

// queueUp puts w into its account's queue: in front if it came before all others
// there.
func (p *Pool) queueUp(w *Waiter) {
	a := w.at.account
	if a.queue.first != nil && w.ticket < a.queue.first.ticket {
		a.queue.pushFront(w)
	} else {
		a.queue.pushBack(w)
	}
	if a.queue.n == 1 {
		a.rank = len(p.hungry)
		p.hungry = append(p.hungry, a)
	}
}

// unqueue takes w out of its account's queue.
func (p *Pool) unqueue(w *Waiter) {
	a := w.at.account
	a.queue.remove(w)
	if a.queue.n == 0 {
		n := len(p.hungry) - 1
		last := p.hungry[n]
		p.hungry[a.rank], last.rank = last, a.rank
		p.hungry[n] = nil
		p.hungry = p.hungry[:n]
	}
}

// park puts w, which is in no list, among the waiters of its tenant, in the
// order in which they came.
func (p *Pool) park(w *Waiter) {
	t := w.at.tenant
	if t.parked.first != nil && w.ticket < t.parked.first.ticket {
		t.parked.pushFront(w)
	} else {
		t.parked.pushBack(w)
	}
	p.crowded[t] = struct{}{}
}

// unpark lets the first waiter of a tenant that holds one connection less, or
// has one waiter less in the queue, wait with all others again: in front, if it
// came before them. So a tenant with parked waiters always holds a connection or
// has a waiter in the queue.
func (p *Pool) unpark(t *tenantPlace) {
	w := t.parked.first
	if w == nil {
		return
	}
	p.unlistParked(w)
	p.queueUp(w)
}

func (p *Pool) unlistParked(w *Waiter) {
	t := w.at.tenant
	t.parked.remove(w)
	if t.parked.n == 0 {
		delete(p.crowded, t)
	}
}

// dequeue ends w's wait in the queue. Its tenant's next may wait there instead
// if w goes without a connection; whoever gets one makes room on giving it back.
func (p *Pool) dequeue(w *Waiter) {
	p.unqueue(w)
	p.waiting.Add(-1)
}

// withdraw ends w's wait, wherever it waits, without a connection.
func (p *Pool) withdraw(w *Waiter) {
	if w.list == &w.at.account.queue {
		p.dequeue(w)
		p.unpark(w.at.tenant)
	} else {
		p.unlistParked(w)
		p.waiting.Add(-1)
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

// choose picks the waiter of c's account that gets it: one whose tenant has no connection now
// before one whose tenant has, for a second connection of one tenant often waits
// for a row that the first has locked; of these, one whose state c carries, else
// one of the tenant that c was last used for, else the first. But nobody is
// passed over for ever. nil if nobody waits who may have it.
func (p *Pool) choose(c *Conn) *Waiter {
	var best *Waiter
	rank := 0
	queue := &c.account.queue
	for w, seen := queue.first, 0; w != nil && seen < window; {
		next := w.next
		if p.overLimit(w) {
			p.unqueue(w)
			p.park(w)
			w = next
			continue
		}
		seen++
		if r := c.suits(w); best == nil || r > rank {
			best, rank = w, r
		}
		if rank == bestSuited || w.passed >= maxPassed {
			break
		}
		w = next
	}
	for w := queue.first; w != nil && w != best; w = w.next {
		w.passed++
	}
	return best
}

// bestSuited is the rank of a waiter than whom none can suit better.
const bestSuited = 6

// suits ranks a waiter for c: 3 the same state, 2 the same tenant, 1 any, and 3
// more if its tenant has no connection.
func (c *Conn) suits(w *Waiter) int {
	rank := c.affinity(w)
	if w.at.tenant.lent == 0 {
		rank += 3
	}
	return rank
}

func (c *Conn) affinity(w *Waiter) int {
	switch {
	case c.carried != nil && c.carried == w.Want:
		return 3
	case c.owner != nil && c.owner == w.Want.profile.tenant:
		return 2
	}
	return 1
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
	for i := len(p.hungry) - 1; i >= 0; i-- { // an account may leave on the way
		if w, c := p.matchIn(&p.hungry[i].queue); w != nil {
			return w, c
		}
	}
	p.grow(0)
	return nil, nil
}

func (p *Pool) matchIn(queue *waiterList) (*Waiter, *Conn) {
	for w := queue.first; w != nil; w = queue.first {
		if p.overLimit(w) {
			p.unqueue(w)
			p.park(w)
			continue
		}
		c := p.pick(w)
		if c == nil {
			return nil, nil
		}
		p.dequeue(w)
		p.lend(c, w)
		return w, c
	}
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
	again := func(l *waiterList) {
		for w := l.first; w != nil; {
			next := w.next
			if err := which(w); err != nil {
				p.withdraw(w)
				out = append(out, refused{w, err})
			}
			w = next
		}
	}
	for t := range p.crowded {
		again(&t.parked)
	}
	for _, a := range slices.Clone(p.hungry) {
		again(&a.queue)
	}
	p.counts.Refused += uint64(len(out))
	p.mu.Unlock()
	for _, r := range out {
		r.w.Customer.Refused(r.err)
	}
	p.serve()
}
