package routing

import (
	"slices"
	"strings"
)

// Table is an immutable set of rules and tenants. The zero Table refuses
// everybody.
type Table struct {
	rules       []rule
	tenants     map[string]*tenant // by name
	byDatabase  map[string]*tenant // match_databases
	byUser      map[string]*tenant // match_users
	listed      listing            // by a registry
	unread      bool               // the registry has not been read yet
	replicas    []Replicas
	reserved    map[string]string // schemas that "schema" never admits, and why
	allSettings map[string][]string
	routes      *interned // a thing of its own: whoever holds a route does not hold the table
}

// SettingNames gives the names of all settings that any profile of the cluster
// can name, sorted, in lower case. The caller does not change the slice.
func (t *Table) SettingNames(cluster string) []string { return t.allSettings[cluster] }

// Resolve gives the route of an authenticated client, or a *Refusal.
func (t *Table) Resolve(id Identity) (*Route, error) { return t.resolve(id, nil) }

// Explain tells, one step to a line, how Resolve comes to its answer.
func (t *Table) Explain(id Identity) []string {
	var steps trace
	route, err := t.resolve(t.Plain(id), &steps)
	if err != nil {
		return append(steps, "refused: "+strings.TrimPrefix(err.Error(), "routing: "))
	}
	return append(steps, route.describe()...)
}

// resolve walks rule 0: find the one rule that decides, then ask whether it
// admits the login, whether the tenant exists, whether it is switched on.
func (t *Table) resolve(id Identity, steps *trace) (*Route, error) {
	id.ServerName = strings.ToLower(id.ServerName)
	if steps != nil {
		steps.add("user %q, database %q, server name %q", id.User, id.Database, id.ServerName)
	}
	if steps != nil && id.Suffix != "" {
		steps.add("suffix %q asks for a replica", id.Suffix)
	}
	f := t.find(id, steps)
	if f.rule == nil && t.unread {
		return nil, f.refuse(ReasonUnread)
	}
	if f.rule == nil {
		return nil, &Refusal{Source: f.source, Reason: ReasonUnknown, Tenant: f.tenant}
	}
	entry := t.entry(f.tenant)
	if t.unread && entry == nil && f.rule.source != FromNothing {
		return nil, f.refuse(ReasonUnread)
	}
	if !f.rule.users.admit(id.User, f.tenant) || entry != nil && !entry.users.admit(id.User, f.tenant) {
		return nil, f.refuse(ReasonNotAdmitted)
	}
	if steps != nil {
		steps.add("login %q is admitted to tenant %q", id.User, f.tenant)
	}
	if reason, ok := t.exists(f, entry, steps); !ok {
		return nil, f.refuse(reason)
	}
	if entry != nil && entry.Disabled {
		return nil, &Refusal{Source: f.source, Reason: ReasonDisabled, Tenant: f.tenant, Why: entry.Suspended}
	}
	return t.intern(f, entry, id.Suffix, steps)
}

// found is the rule that decides about an identity, and the tenant it means.
type found struct {
	rule   *rule
	tenant string
	source Source
}

func (f found) refuse(r Reason) *Refusal {
	return &Refusal{Source: f.source, Reason: r, Tenant: f.tenant}
}

// find gives the deciding rule. A name that a tenant entry lists belongs to
// that tenant even if no rule can serve it: it must not fall through to a
// pattern that means somebody else.
func (t *Table) find(id Identity, steps *trace) found {
	if e := t.owner(t.byDatabase, t.listed.byDatabase, id.Database); e != nil {
		if steps != nil {
			steps.add("match_databases of tenant %q lists %q", e.Name, id.Database)
		}
		return t.findFor(e, FromDatabase, id, steps)
	}
	if e := t.owner(t.byUser, t.listed.byUser, id.User); e != nil {
		if steps != nil {
			steps.add("match_users of tenant %q lists %q", e.Name, id.User)
		}
		return t.findFor(e, FromUser, id, steps)
	}
	if e := t.listed.byServer.get(id.ServerName); e != nil {
		if steps != nil {
			steps.add("server name %q is a domain of tenant %q", id.ServerName, e.Name)
		}
		return t.findFor(e, FromServerName, id, steps)
	}
	for i := range t.rules {
		r := &t.rules[i]
		if tenant, ok := r.match(id); ok {
			if steps != nil {
				steps.add("%s matches: tenant %q from %s", r, tenant, r.source)
			}
			return found{r, tenant, r.source}
		}
		if steps != nil {
			steps.add("%s does not match", r)
		}
	}
	return found{}
}

// owner is the tenant that a name leads to before any rule, nil if there is none.
func (t *Table) owner(own map[string]*tenant, listed *shards, name string) *tenant {
	if e := own[name]; e != nil {
		return e
	}
	return listed.get(name)
}

// findFor gives the first rule that takes its tenant from the same place and
// whose other patterns match.
func (t *Table) findFor(e *tenant, from Source, id Identity, steps *trace) found {
	for i := range t.rules {
		r := &t.rules[i]
		if r.source == from && r.matchOthers(id) {
			if steps != nil {
				steps.add("%s serves it", r)
			}
			return found{r, e.Name, from}
		}
	}
	if steps != nil {
		steps.add("no route that takes its tenant from %s serves it", from)
	}
	return found{nil, e.Name, from}
}

// exists reports whether the tenant may be handed on: it is listed, or its
// schema may be looked for.
func (t *Table) exists(f found, e *tenant, steps *trace) (Reason, bool) {
	if err := CheckName(f.tenant); err != nil {
		if steps != nil {
			steps.add("%v", err)
		}
		return ReasonBadName, false
	}
	if e != nil || f.source == FromNothing {
		return 0, true
	}
	if f.rule.Existence == Listed {
		if steps != nil {
			steps.add("tenant %q is not listed", f.tenant)
		}
		return ReasonUnknown, false
	}
	if why, bad := t.reserved[f.tenant]; bad {
		if steps != nil {
			steps.add("schema %q is never a tenant: %s", f.tenant, why)
		}
		return ReasonUnknown, false
	}
	if o := t.listed.houses(f.rule.Cluster, f.tenant); o != nil {
		if steps != nil {
			steps.add("schema %q is never a tenant: it is the schema of tenant %q", f.tenant, o.Name)
		}
		return ReasonUnknown, false
	}
	if !f.rule.schemas.admit(f.tenant, "") {
		if steps != nil {
			steps.add("schema %q is not among schemas = %q", f.tenant, f.rule.Schemas)
		}
		return ReasonUnknown, false
	}
	return 0, true
}

// intern freezes the route, or gives the one that already is.
func (t *Table) intern(f found, e *tenant, suffix string, steps *trace) (*Route, error) {
	key := routeKey{f.rule.index, f.tenant, e, suffix}
	if r := t.routes.get(key); r != nil {
		return r, nil
	}
	route := f.rule.freeze(f.tenant, f.source, e)
	if !route.usable() {
		return nil, f.refuse(ReasonBadName)
	}
	pool, ok := t.place(route.Cluster, suffix)
	if !ok {
		if steps != nil {
			steps.add("cluster %q has no replicas for suffix %q", route.Cluster, suffix)
		}
		return nil, f.refuse(ReasonUnknown)
	}
	route.Cluster, route.Replicas = pool, suffix != ""
	route.ClusterSettings = t.allSettings[route.Cluster]
	return t.routes.put(key, route), nil
}

// usable reports whether all names that came out of templates are names.
func (r *Route) usable() bool {
	bad := func(s string) bool { return CheckName(s) != nil }
	if r.Isolation == RoleSwitch && checkRole(r.Role) != nil || r.Isolation == Dedicated && checkRole(r.Login) != nil {
		return false
	}
	return CheckName(r.Schema) == nil && !slices.ContainsFunc(r.Path, bad)
}
