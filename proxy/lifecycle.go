package proxy

import (
	"context"
	"maps"
	"slices"
	"time"

	"tenantpool/pool"
	"tenantpool/wire"
)

// The verbs of the lifecycle. What they set stands until another verb takes it
// back, whatever a reload changes. Each returns when every session has been told.

// Pause lets the work of sc that has begun end and makes new work wait, and
// returns when sc holds no server connection. Those of whole clusters are closed
// then, and none are opened. If ctx ends first, everything goes on as before.
func (p *Proxy) Pause(ctx context.Context, sc Scope) error {
	before := p.tallies.said(sc)
	p.Hold(sc)
	err := p.until(ctx, func() bool { return p.holding(sc) == 0 })
	if err != nil && !before.Paused {
		p.Resume(sc)
	}
	return err
}

// Hold is Pause that does not wait.
func (p *Proxy) Hold(sc Scope) {
	p.set(sc, func(st *Standing) { st.Paused = true }, false)
	if sc.Tenant == "" {
		p.rest(sc, true)
	}
}

// holding is how many server connections sc has: those lent to a tenant, or all
// of a cluster.
func (p *Proxy) holding(sc Scope) int {
	if sc.Tenant == "" {
		n := 0
		for name, pl := range p.Pools() {
			if sc.covers(name, "") {
				n += pl.Stats().Size
			}
		}
		return n
	}
	return p.count(sc, func(s *session) bool { return s.server != nil || s.phase == phaseWaiting && !s.parked })
}

// rest stops or starts the pools of sc keeping connections.
func (p *Proxy) rest(sc Scope, on bool) {
	for name, pl := range p.Pools() {
		if sc.covers(name, "") {
			pl.Rest(on)
		}
	}
}

// Resume ends the pause, the suspension or the drain of sc that a verb has
// begun. It returns false if there was none.
func (p *Proxy) Resume(sc Scope) bool {
	before := p.tallies.said(sc)
	p.set(sc, func(st *Standing) { *st = Standing{Disabled: st.Disabled} }, false)
	if sc.Tenant == "" {
		p.rest(sc, false)
		p.keepResting()
	}
	before.Disabled = false
	return before != Standing{}
}

// keepResting has those pools rest that another verb has paused.
func (p *Proxy) keepResting() {
	for name := range p.Pools() {
		for _, sc := range []Scope{{}, {Cluster: name}} {
			if p.tallies.said(sc).Paused {
				p.rest(Scope{Cluster: name}, true)
			}
		}
	}
}

// Suspend ends the sessions of sc with 57P03 and the reason: at once, or each
// when its transaction is over. Whoever logs in hears the same.
func (p *Proxy) Suspend(sc Scope, reason string, atOnce bool) {
	p.set(sc, func(st *Standing) { st.Suspended, st.Reason = true, reason }, atOnce)
}

// Retire drains sc: its sessions end when their transactions do, nobody new may
// log in, and it returns when the last has gone, or with ctx's error. The drain
// goes on then.
func (p *Proxy) Retire(ctx context.Context, sc Scope) error {
	p.set(sc, func(st *Standing) { st.Draining = true }, false)
	return p.until(ctx, func() bool { return p.count(sc, func(*session) bool { return true }) == 0 })
}

// Disable lets nobody new log in to sc. Those who are there stay.
func (p *Proxy) Disable(sc Scope) { p.set(sc, func(st *Standing) { st.Disabled = true }, false) }

// Enable ends Disable. It returns false if there was nothing to end.
func (p *Proxy) Enable(sc Scope) bool {
	before := p.tallies.said(sc)
	p.set(sc, func(st *Standing) { st.Disabled = false }, false)
	return before.Disabled
}

// Kill ends the sessions of sc at once, whatever they do, and returns how many
// there were. Their statements are cancelled and their server connections closed.
func (p *Proxy) Kill(sc Scope) int {
	return p.count(sc, func(s *session) bool { return s.kill(errKilled) })
}

// KillClient is Kill for the session of that number. It returns false if there is
// none.
func (p *Proxy) KillClient(id uint64) bool {
	return 0 < p.count(Scope{}, func(s *session) bool {
		return s.id.Number() == id && s.kill(errKilled)
	})
}

// KillServer closes the server connection of that number; a session that has it
// ends. It returns false if there is none.
func (p *Proxy) KillServer(id uint64) bool {
	for _, pl := range p.Pools() {
		if pl.KillIdle(id) {
			return true
		}
	}
	return 0 < p.count(Scope{}, func(s *session) bool {
		return s.server != nil && s.server.conn.ID == id && s.kill(errKilled)
	})
}

// Reconnect closes the server connections of sc: idle ones at once, the others
// when they are given back. A tenant's are those that serve it or did so last.
func (p *Proxy) Reconnect(sc Scope) {
	for name, pl := range p.Pools() {
		if sc.covers(name, sc.Tenant) {
			pl.Reconnect(sc.Tenant)
		}
	}
}

// WaitClose returns when the server connections of sc that there were at the
// last Reconnect or before it have gone.
func (p *Proxy) WaitClose(ctx context.Context, sc Scope) error {
	return p.until(ctx, func() bool {
		for name, pl := range p.Pools() {
			if sc.covers(name, sc.Tenant) && pl.Retiring(sc.Tenant) > 0 {
				return false
			}
		}
		return true
	})
}

// Configured takes over how tenants stand by the configuration and the
// registries. Those that are not named stand as usual.
func (p *Proxy) Configured(given map[string]Standing) {
	p.tallies.change(func(b *standings) { b.given = given })
	p.each(Scope{}, func(s *session) { s.comply(false) })
}

// Standing is how a tenant stands on a cluster, and how much of that verbs have
// made of the tenant itself.
func (p *Proxy) Standing(cluster, tenant string) (all, own Standing) {
	return p.tallies.on(cluster, tenant), p.tallies.said(Scope{Tenant: tenant})
}

// Said is what verbs have made of a scope itself.
func (p *Proxy) Said(sc Scope) Standing { return p.tallies.said(sc) }

// HeldTenants are the tenants that a verb or the configuration holds back, sorted.
func (p *Proxy) HeldTenants() []string {
	p.tallies.mu.Lock()
	defer p.tallies.mu.Unlock()
	names := slices.Collect(maps.Keys(p.tallies.held.given))
	for sc := range p.tallies.held.said {
		if sc.Tenant != "" {
			names = append(names, sc.Tenant)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// set changes how sc stands and has every session of it comply.
func (p *Proxy) set(sc Scope, f func(*Standing), atOnce bool) {
	p.tallies.change(func(b *standings) {
		st := b.said[sc]
		f(&st)
		b.say(sc, st)
	})
	p.opts.Log.Info("lifecycle", "of", sc.String(), "stands", p.tallies.said(sc).String())
	p.each(sc, func(s *session) { s.comply(atOnce) })
}

// until asks until the answer is yes or ctx ends.
func (p *Proxy) until(ctx context.Context, done func() bool) error {
	const soonest, latest = 2 * time.Millisecond, 50 * time.Millisecond
	for pause := soonest; !done(); pause = min(2*pause, latest) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	return nil
}

// heldBy asks a gate whether the session may have a server connection. If not it
// waits, or ends.
func (s *session) heldBy(g *gate) bool {
	st := g.on(s.route.Cluster)
	switch e := st.ends(s.route.Tenant); {
	case e != nil:
		s.fatal(e)
	case st.Paused:
		s.parked = true
		s.enter(phaseWaiting)
	default:
		return false
	}
	return true
}

// heldAtStart ends a session whose tenant was suspended while it logged in.
func (s *session) heldAtStart() bool {
	g := s.tally.gate.Load()
	if g == nil {
		return false
	}
	e := g.on(s.route.Cluster).ends(s.route.Tenant)
	if e != nil {
		s.fatal(e)
	}
	return e != nil
}

// comply does what the standing of the session's tenant asks of it now.
func (s *session) comply(atOnce bool) {
	if !s.alive() {
		return
	}
	var st Standing
	if g := s.tally.gate.Load(); g != nil {
		st = g.on(s.route.Cluster)
	}
	s.sentence = st.ends(s.route.Tenant)
	switch {
	case s.sentence != nil && atOnce:
		s.kill(s.sentence)
	case s.sentence != nil:
		if s.phase == phaseWaiting || s.between() {
			s.fatal(s.sentence)
		}
	case st.Paused:
		if s.phase == phaseWaiting && !s.parked {
			s.parked = s.pool.Abandon(&s.waiter) // or the grant is in the mail: its work has begun
		}
	case s.parked:
		s.unpark()
	}
}

// unpark has a session that waits to be resumed ask anew for what it needs.
func (s *session) unpark() {
	s.parked = false
	s.enter(phaseIdle)
	s.proceed()
}

// between says that the session is between two transactions and that nothing it
// has sent waits.
func (s *session) between() bool {
	if len(s.in) > 0 || s.eof {
		return false
	}
	return s.phase == phaseIdle || s.phase == phaseActive && s.server.conn.Exchange.Quiet() && s.server.whole() && s.whole()
}

// kill ends the session at once. It returns false if it is ending already.
func (s *session) kill(e *wire.Error) bool {
	if !s.alive() {
		return false
	}
	s.startCancel()
	s.giveUp(pool.ReasonKilled)
	s.fatal(e)
	return true
}

// leaveQueue ends the session's wait. It returns false if it does not wait any
// more: the pool's answer is on its way.
func (s *session) leaveQueue() bool {
	if s.parked {
		s.parked = false
		return true
	}
	return s.pool.Abandon(&s.waiter)
}

// alive says that the session is not on its way out.
func (s *session) alive() bool {
	return s.phase != phaseClosed && s.phase != phaseLingering && s.phase != phaseBlanking
}

// errKilled is what a session ends with that an operator has killed.
var errKilled = fatalError("57P01", "terminating connection due to administrator command",
	"An operator of tenantpool has ended it.")
