package pool

import (
	"context"
	"time"

	"tenantpool/wire"
)

// upkeep closes idle connections that are past their time and keeps MinSize.
func (p *Pool) upkeep() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		p.tidy(time.Now())
		p.turnOver()
		p.lookBack(time.Now())
		select {
		case <-p.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// turnOver reviews the tenants' shares once in a while (share.go).
func (p *Pool) turnOver() {
	p.mu.Lock()
	p.review(p.now())
	p.mu.Unlock()
	if p.Contended() {
		p.serve()
	}
}

func (p *Pool) tidy(now time.Time) {
	for {
		p.mu.Lock()
		c, reason := p.overdue(now)
		if c == nil {
			p.grow(p.spare())
			p.mu.Unlock()
			return
		}
		p.unlist(c)
		p.leave(c)
		p.mu.Unlock()
		p.end(c, reason)
	}
}

// overdue finds an idle connection to close, oldest first.
func (p *Pool) overdue(now time.Time) (*Conn, Reason) {
	for c := p.all.last; c != nil; c = c.links[ofAll].prev {
		switch {
		case p.expired(c, now):
			return c, ReasonLifetime
		case c.era != p.era:
			return c, ReasonOutdated
		case p.size-p.leaving > p.opts().Size:
			return c, ReasonShrunk
		}
		if c.retired() {
			return c, ReasonRetired
		}
		unused := p.opts().IdleTimeout > 0 && now.Sub(c.since) > p.opts().IdleTimeout
		if unused && (c.account != p.own || p.own.size > p.opts().MinSize) {
			return c, ReasonIdle
		}
	}
	return nil, 0
}

// expired says that a connection is past its time.
func (p *Pool) expired(c *Conn, now time.Time) bool {
	d := p.opts().Lifetime
	return d > 0 && now.Sub(c.joined) > time.Duration(float64(d)*c.spread)
}

// Close refuses everybody who waits or comes, closes idle connections at once
// and others as they come back, and returns when the last has gone, or with
// ctx's error.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	if first && p.size == 0 {
		close(p.emptied)
	}
	p.mu.Unlock()
	p.stop()
	p.sweep(func(*Waiter) *wire.Error { return errShutdown })
	p.endIdle()
	if first {
		go p.control.close()
	}
	select {
	case <-p.emptied:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Pool) endIdle() {
	for {
		p.mu.Lock()
		c := p.all.first
		if c == nil {
			p.mu.Unlock()
			return
		}
		p.unlist(c)
		p.leave(c)
		p.mu.Unlock()
		p.end(c, ReasonShutdown)
	}
}
