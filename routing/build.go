package routing

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Build parses and judges rules and tenant entries. It reports every problem
// it finds; the Table is nil if any of them is more than a warning. The table
// keeps the slices it was given: the caller does not change them afterwards.
func Build(rules []Rule, tenants []TenantEntry, replicas ...Replicas) (*Table, []Problem) {
	b := &builder{t: &Table{
		replicas:   replicas,
		tenants:    make(map[string]*tenant, len(tenants)),
		byDatabase: make(map[string]*tenant),
		byUser:     make(map[string]*tenant),
		routes:     new(interned),
		reserved:   map[string]string{"public": "it is everybody's", "information_schema": "it belongs to Postgres"},
	}}
	for _, name := range ConsoleNames() {
		b.t.reserved[name] = forConsole
	}
	for _, e := range tenants {
		if e.Isolation != nil {
			b.raised[*e.Isolation] = true
		}
	}
	for i, r := range rules {
		b.rule(i, r)
	}
	for i := range tenants {
		b.tenant(i, tenants[i])
	}
	b.across(tenants)
	if slices.ContainsFunc(b.problems, func(p Problem) bool { return !p.Warning }) {
		return nil, b.problems
	}
	b.settingNames(tenants)
	return b.t, b.problems
}

// builder collects the table and what is wrong with it.
type builder struct {
	t        *Table
	problems []Problem
	raised   [Dedicated + 1]bool // levels that some tenant has, whatever its rules say
}

// place is where problems of one entry belong.
type place struct {
	b            *builder
	rule, tenant int
}

func (p place) at(key string, item int, name, text string, warning bool) {
	p.b.problems = append(p.b.problems, Problem{p.rule, p.tenant, key, item, name, text, warning})
}

func (p place) bad(key string, err error) {
	if err != nil {
		p.at(key, -1, "", err.Error(), false)
	}
}

func (p place) badItem(key string, item int, err error) {
	if err != nil {
		p.at(key, item, "", err.Error(), false)
	}
}

func (p place) warn(key string, item int, format string, args ...any) {
	p.at(key, item, "", fmt.Sprintf(format, args...), true)
}

// rule parses one rule and adds it to the table.
func (b *builder) rule(index int, in Rule) {
	at := place{b, index, -1}
	r := rule{Rule: in, index: index}
	r.database = at.pattern("database", in.Database, FromDatabase)
	r.user = at.pattern("user", in.User, FromUser)
	r.serverName = at.pattern("server_name", in.ServerName, FromServerName)
	r.serverName.Pattern = r.serverName.lower()
	at.hostName(r.serverName)
	at.source(&r)
	r.users = at.users(in.Users)
	at.admission(&r)
	at.path(&r)
	at.role(&r)
	at.login(&r)
	at.settings(in.Settings)
	r.schemas = at.schemas(in)
	at.dependence(&r)
	b.t.rules = append(b.t.rules, r)
}

func (p place) pattern(key, text string, from Source) part {
	out := part{key: key, text: text, source: from, given: text != ""}
	if out.given {
		var err error
		if from == FromDatabase && slices.Contains(ConsoleNames(), text) {
			p.bad(key, fmt.Errorf("%q leads to the console", text))
		}
		if out.Pattern, err = ParsePattern(text); err != nil {
			p.bad(key, err)
			out.hasTenant = strings.Contains(text, "{") // what was meant, to judge the rest by
		}
	}
	return out
}

// hostName refuses a pattern that no name of a host could fit.
func (p place) hostName(name part) {
	odd := func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.ContainsRune("-._", c))
	}
	if literal := name.prefix + name.suffix; strings.ContainsFunc(literal, odd) || strings.HasSuffix(literal, ".") {
		p.bad(name.key, fmt.Errorf("%q is not the name of a host, like \"{tenant}.db.example.com\"", name.text))
	}
}

// source finds which pattern names the tenant.
func (p place) source(r *rule) {
	for _, part := range r.patterns() {
		if !part.HasTenant() {
			continue
		}
		if r.source != FromNothing {
			p.bad(part.key, fmt.Errorf("{tenant} stands in %s already; to tie the login to the tenant use users", r.source))
			continue
		}
		r.source = part.source
	}
	if !r.matchesSomething() {
		p.bad("", errors.New("a route needs at least one of database, user, server_name"))
	}
	if r.source == FromNothing {
		p.nameLiteral(r)
	}
}

// nameLiteral names the tenant of a rule without {tenant} by its first pattern.
func (p place) nameLiteral(r *rule) {
	for _, part := range r.patterns() {
		if part.given {
			r.literal = part.prefix
			if r.literal != "" {
				p.bad(part.key, CheckName(r.literal))
			}
			return
		}
	}
}

func (p place) users(list []string) logins {
	if list == nil {
		return nil
	}
	out := make(logins, 0, len(list))
	for i, s := range list {
		l, err := parseLogin(s)
		p.badItem("users", i, err)
		out = append(out, l)
	}
	return out
}

// admission holds rule 0: a tenant that is only claimed needs named logins.
func (p place) admission(r *rule) {
	claimed := r.source == FromDatabase || r.source == FromServerName
	unproven := claimed || r.source == FromNothing && !r.user.given
	named := r.users != nil || r.AnyLogin
	if unproven && !named && r.matchesSomething() {
		from := r.source.String()
		if r.source == FromNothing {
			from = "the route itself"
		}
		p.bad("users", fmt.Errorf(`users is missing: the tenant comes from %s, which any login can claim; name the logins, as in users = ["app", "{tenant}"]`, from))
	}
	for i, l := range r.users {
		p.wide(i, l, unproven)
	}
	if r.users != nil && len(r.users) == 0 {
		p.bad("users", errors.New("users is empty and would admit nobody"))
	}
}

// matchesSomething reports whether the rule has a pattern at all.
func (r *rule) matchesSomething() bool {
	return r.database.given || r.user.given || r.serverName.given
}

// wide warns of logins that admit more than their writer may think.
func (p place) wide(i int, l login, unproven bool) {
	switch {
	case l.anyone() && unproven:
		p.warn("users", i, `"*" lets every login reach every tenant of this route`)
	case l.star && l.name.hasTenant && l.name.suffix == "":
		p.warn("users", i, `"%s*" also admits logins of tenants whose names only begin alike; put a separator before the *`, l.name)
	}
}

// settingNames collects, per cluster, what its profiles can name. A tenant may
// be served by any rule, so its settings count for each cluster it can be on.
func (b *builder) settingNames(tenants []TenantEntry) {
	sets := make(map[string]map[string]bool)
	add := func(cluster string, list []Setting) {
		if sets[cluster] == nil {
			sets[cluster] = make(map[string]bool)
		}
		for _, s := range list {
			sets[cluster][strings.ToLower(s.Name)] = true
		}
	}
	for _, r := range b.t.rules {
		add(r.Cluster, r.Settings)
	}
	for _, e := range tenants {
		for _, r := range b.t.rules {
			cluster := r.Cluster
			if e.Cluster != "" {
				cluster = e.Cluster
				add(cluster, r.Settings)
			}
			add(cluster, e.Settings)
		}
	}
	b.t.allSettings = make(map[string][]string, len(sets))
	for cluster, names := range sets {
		b.t.allSettings[cluster] = slices.Sorted(maps.Keys(names))
	}
	for _, r := range b.t.replicas {
		b.t.allSettings[r.Pool] = b.t.allSettings[r.Cluster]
	}
}
