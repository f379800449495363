package routing

import (
	"cmp"
	"slices"
	"strings"
)

// rule is a Rule after Build has parsed it.
type rule struct {
	Rule
	index                      int
	database, user, serverName part
	source                     Source
	literal                    string // the tenant of a rule without {tenant}
	users                      logins // nil: everyone
	schemas                    logins // nil: every schema
}

// part is one pattern of a rule; a part not given matches anything.
type part struct {
	key, text string
	source    Source
	given     bool
	Pattern
}

func (p part) match(s string) (string, bool) {
	if !p.given {
		return "", true
	}
	return p.Pattern.Match(s)
}

// patterns gives the parts in the order in which they can name the tenant of
// a rule without {tenant}.
func (r *rule) patterns() [3]*part { return [3]*part{&r.database, &r.user, &r.serverName} }

// part is the pattern for what a client says there.
func (r *rule) part(from Source) *part {
	switch from {
	case FromUser:
		return &r.user
	case FromServerName:
		return &r.serverName
	}
	return &r.database
}

// match reports whether the rule takes the identity, and the tenant it means.
func (r *rule) match(id Identity) (tenant string, ok bool) {
	tenant = r.literal
	for _, p := range r.patterns() {
		t, ok := p.match(id.word(p.source))
		if !ok {
			return "", false
		}
		if t != "" {
			tenant = t
		}
	}
	return tenant, true
}

// matchOthers is match without the pattern that holds {tenant}.
func (r *rule) matchOthers(id Identity) bool {
	for _, p := range r.patterns() {
		if p.source == r.source {
			continue
		}
		if _, ok := p.match(id.word(p.source)); !ok {
			return false
		}
	}
	return true
}

// word is the part of the identity that a source stands for.
func (id Identity) word(s Source) string {
	switch s {
	case FromUser:
		return id.User
	case FromDatabase:
		return id.Database
	case FromServerName:
		return id.ServerName
	}
	return ""
}

// freeze makes the route of one tenant; e is its entry, or nil.
func (r *rule) freeze(name string, from Source, e *tenant) *Route {
	existence := r.Existence
	if e != nil || r.source == FromNothing {
		existence = Listed
	}
	if e == nil {
		e = &tenant{details: noDetails}
	}
	schema := cmp.Or(e.Schema, name)
	route := &Route{
		Tenant: name, Schema: schema, Source: from, Rule: r.index,
		Cluster:   cmp.Or(e.Cluster, r.Cluster),
		Isolation: valueOr(e.Isolation, r.Isolation),
		Mode:      r.Mode,
		Existence: existence,
		Policy:    valueOr(e.Policy, r.Policy),
		Features:  e.Features.Or(r.Features),
		Settings:  mergeSettings(name, schema, r.Settings, e.Settings),
		Limits:    r.Limits.with(e.Limits),
	}
	for _, p := range r.SearchPath {
		route.Path = append(route.Path, template(p).expand(name, schema))
	}
	switch route.Isolation {
	case RoleSwitch:
		route.Role = template(cmp.Or(e.Role, r.Role, tenantMark)).expand(name, schema)
	case Dedicated:
		route.Login = template(cmp.Or(e.Login, r.Login, e.Role, r.Role, tenantMark)).expand(name, schema)
	}
	return route
}

func valueOr[T any](p *T, otherwise T) T {
	if p != nil {
		return *p
	}
	return otherwise
}

// mergeSettings expands the rule's settings, then the tenant's, which replace
// those of the same name. Postgres compares these names without case.
func mergeSettings(name, schema string, lists ...[]Setting) []Setting {
	values := make(map[string]string)
	for _, list := range lists {
		for _, s := range list {
			values[strings.ToLower(s.Name)] = template(s.Value).expand(name, schema)
		}
	}
	merged := make([]Setting, 0, len(values))
	for n, v := range values {
		merged = append(merged, Setting{n, v})
	}
	slices.SortFunc(merged, func(a, b Setting) int { return cmp.Compare(a.Name, b.Name) })
	return merged
}
