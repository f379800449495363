package routing

import (
	"fmt"
	"strings"
)

// Replicas are the servers of a cluster that only read. A client asks for one by a
// suffix behind the name of its database or its user. Everything is judged by the
// names without it: who the user is, which tenant is meant, whether the one may be
// the other. Only then the suffix says on which servers.
type Replicas struct {
	Cluster string // whose they are
	Suffix  string
	Pool    string // the cluster that stands for them
}

// Plain takes the suffix that asks for a replica off the names of an identity, as
// a client says them, and notes it. It is called once, before anything is judged
// by those names. A name that a tenant lists is that tenant's, whatever it ends in.
func (t *Table) Plain(said Identity) Identity {
	id := said
	var ofUser, ofDatabase string
	if t.owner(t.byUser, t.listed.byUser, said.User) == nil {
		id.User, ofUser = t.cut(said.User)
	}
	if t.owner(t.byDatabase, t.listed.byDatabase, said.Database) == nil {
		id.Database, ofDatabase = t.cut(said.Database)
	}
	id.Suffix = ofUser
	if ofDatabase != ofUser {
		id.Suffix += ofDatabase // two different ones are nobody's
	}
	return id
}

// cut takes the longest suffix off a name that has one.
func (t *Table) cut(name string) (rest, suffix string) {
	rest = name
	for _, r := range t.replicas {
		if before, ok := strings.CutSuffix(name, r.Suffix); ok && before != "" && len(r.Suffix) > len(suffix) {
			rest, suffix = before, r.Suffix
		}
	}
	return rest, suffix
}

// place gives the cluster that serves a tenant of another one to clients who said
// suffix.
func (t *Table) place(cluster, suffix string) (pool string, ok bool) {
	if suffix == "" {
		return cluster, true
	}
	for _, r := range t.replicas {
		if r.Cluster == cluster && r.Suffix == suffix {
			return r.Pool, true
		}
	}
	return "", false
}

// suffixed refuses a tenant whose own name asks for a replica.
func (p place) suffixed(name string) {
	if rest, suffix := p.b.t.cut(name); suffix != "" {
		p.bad("", fmt.Errorf("tenant %q cannot be told from tenant %q on a replica: %q is a replica_suffix", name, rest, suffix))
	}
}
