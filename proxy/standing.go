package proxy

import (
	"fmt"

	"tenantpool/wire"
)

// Scope says whom a verb of the lifecycle is for: one tenant, every tenant of one
// cluster, or, if both are empty, everybody.
type Scope struct{ Cluster, Tenant string }

// String names the scope for logs.
func (sc Scope) String() string {
	switch {
	case sc.Tenant != "":
		return fmt.Sprintf("tenant %q", sc.Tenant)
	case sc.Cluster != "":
		return fmt.Sprintf("cluster %q", sc.Cluster)
	}
	return "everybody"
}

// covers says that a tenant on a cluster is meant.
func (sc Scope) covers(cluster, tenant string) bool {
	return (sc.Cluster == "" || sc.Cluster == cluster) && (sc.Tenant == "" || sc.Tenant == tenant)
}

// Standing is what verbs, the configuration and registries have made of a scope.
// The zero Standing serves as usual.
type Standing struct {
	Paused    bool // new work waits
	Disabled  bool // nobody new may log in
	Draining  bool // sessions end with their transaction, nobody new may log in
	Suspended bool // likewise, and everybody is told Reason
	Reason    string
}

// String is the standing in one word, the strongest if several hold.
func (st Standing) String() string {
	switch {
	case st.Suspended:
		return "suspended"
	case st.Draining:
		return "draining"
	case st.Paused:
		return "paused"
	case st.Disabled:
		return "disabled"
	}
	return "active"
}

// with is both standings at once. The first reason counts.
func (st Standing) with(other Standing) Standing {
	if other.Suspended && !st.Suspended {
		st.Suspended, st.Reason = true, other.Reason
	}
	st.Paused = st.Paused || other.Paused
	st.Disabled = st.Disabled || other.Disabled
	st.Draining = st.Draining || other.Draining
	return st
}

// ends is what a session hears that may not go on, nil if it may.
func (st Standing) ends(tenant string) *wire.Error {
	switch {
	case st.Suspended:
		return tenantSuspended(tenant, st.Reason)
	case st.Draining:
		return errShutdown
	}
	return nil
}

// refuses is what somebody hears who logs in now, nil if that is allowed.
func (st Standing) refuses(tenant string) *wire.Error {
	switch {
	case st.Suspended:
		return tenantSuspended(tenant, st.Reason)
	case st.Draining:
		return tenantDraining(tenant)
	case st.Disabled:
		return tenantDisabled(tenant)
	}
	return nil
}

// gate is what holds the work of one tenant back. It does not change: another
// takes its place.
type gate struct {
	everywhere Standing
	clusters   map[string]Standing // what holds on some clusters besides
}

func (g *gate) on(cluster string) Standing { return g.everywhere.with(g.clusters[cluster]) }

// standings are those of all scopes. Their lock is their owner's.
type standings struct {
	said  map[Scope]Standing  // by verbs
	given map[string]Standing // of tenants, by the configuration and registries
}

// gate is what holds a tenant back, nil if nothing does.
func (b *standings) gate(tenant string) *gate {
	if len(b.said) == 0 && len(b.given) == 0 {
		return nil
	}
	g := &gate{everywhere: b.said[Scope{Tenant: tenant}].with(b.said[Scope{}]).with(b.given[tenant])}
	for sc, st := range b.said {
		if sc.Cluster != "" && sc.covers(sc.Cluster, tenant) {
			if g.clusters == nil {
				g.clusters = make(map[string]Standing)
			}
			g.clusters[sc.Cluster] = g.clusters[sc.Cluster].with(st)
		}
	}
	if g.everywhere == (Standing{}) && g.clusters == nil {
		return nil
	}
	return g
}

// say keeps what a verb has made of a scope.
func (b *standings) say(sc Scope, st Standing) {
	if st == (Standing{}) {
		delete(b.said, sc)
		return
	}
	if b.said == nil {
		b.said = make(map[Scope]Standing)
	}
	b.said[sc] = st
}

// on is how a tenant stands on a cluster.
func (t *tallies) on(cluster, tenant string) Standing {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g := t.held.gate(tenant); g != nil {
		return g.on(cluster)
	}
	return Standing{}
}

// change changes the standings, and gives every tenant the gate that follows.
func (t *tallies) change(f func(*standings)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.held)
	for tenant, c := range t.byTenant {
		c.gate.Store(t.held.gate(tenant))
	}
}

// said is what verbs have made of a scope itself.
func (t *tallies) said(sc Scope) Standing {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held.said[sc]
}
