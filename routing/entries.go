package routing

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// tenant parses one tenant entry and adds it to the table.
func (b *builder) tenant(index int, in TenantEntry) {
	at := place{b, -1, index}
	e := newTenant(in, at.entry(in), nil)
	if b.t.tenants[in.Name] != nil {
		at.bad("", fmt.Errorf("tenant %q is listed twice", in.Name))
		return
	}
	b.t.tenants[in.Name] = e
	at.matches("match_databases", in.MatchDatabases, FromDatabase, b.t.byDatabase, e)
	at.matches("match_users", in.MatchUsers, FromUser, b.t.byUser, e)
}

// entry parses what an entry says of itself, and gives its users.
func (p place) entry(in TenantEntry) logins {
	p.bad("", CheckName(in.Name))
	p.suffixed(in.Name)
	if slices.Contains(ConsoleNames(), in.Name) {
		p.bad("", fmt.Errorf("a tenant cannot be called %q: %s", in.Name, forConsole))
	}
	if in.Schema != "" {
		p.bad("schema", CheckName(in.Schema))
	}
	if in.Role != "" {
		p.bad("role", checkNameTemplate(in.Role, checkRole))
	}
	if in.Login != "" {
		p.bad("login", checkNameTemplate(in.Login, checkRole))
	}
	users := p.users(in.Users)
	if in.Users != nil && len(in.Users) == 0 {
		p.bad("users", errors.New(`users is empty and would admit nobody; to switch a tenant off use state = "disabled"`))
	}
	p.settings(in.Settings)
	return users
}

// names judges names that are to lead to a tenant.
func (p place) names(key string, names []string, from Source) {
	if len(names) > 0 && !p.b.t.serves(from) {
		p.bad(key, fmt.Errorf("no route takes its tenant from %s, so these names lead nowhere", from))
	}
	for i, n := range names {
		p.badItem(key, i, checkText(n))
		if key == "match_databases" && slices.Contains(ConsoleNames(), n) {
			p.badItem(key, i, fmt.Errorf("%q leads to the console", n))
		}
	}
}

// matches gives the names to the tenant, unless another has them already.
func (p place) matches(key string, names []string, from Source, owners map[string]*tenant, e *tenant) {
	p.names(key, names, from)
	for i, n := range names {
		if owner := owners[n]; owner != nil {
			p.badItem(key, i, fmt.Errorf("%q already leads to tenant %q", n, owner.Name))
			continue
		}
		owners[n] = e
	}
}

// across judges the tenants side by side, once all are known.
func (b *builder) across(tenants []TenantEntry) {
	type home struct{ cluster, schema string }
	folded := make(map[string]string, len(tenants))
	homes := make(map[home]string, len(tenants))
	for i, e := range tenants {
		at := place{b, -1, i}
		if twin, ok := folded[strings.ToLower(e.Name)]; ok && twin != e.Name {
			at.warn("", -1, "tenants %q and %q differ only in case", twin, e.Name)
		}
		folded[strings.ToLower(e.Name)] = e.Name
		h := home{e.Cluster, cmp.Or(e.Schema, e.Name)}
		if twin, ok := homes[h]; ok && twin != e.Name {
			at.warn("schema", -1, "tenants %q and %q stand for the same schema %q", twin, e.Name, h.schema)
		}
		homes[h] = e.Name
		if e.Schema != "" && e.Schema != e.Name {
			b.t.reserved[e.Schema] = fmt.Sprintf("it is the schema of tenant %q", e.Name)
		}
		at.shadows("match_databases", e.MatchDatabases, e.Name)
		at.shadows("match_users", e.MatchUsers, e.Name)
	}
}

// shadows warns when a name leads to this tenant although another bears it.
func (p place) shadows(key string, names []string, self string) {
	for i, n := range names {
		if n != self && p.b.t.tenants[n] != nil {
			p.warn(key, i, "%q leads to tenant %q although a tenant %q is listed", n, self, n)
		}
	}
}
