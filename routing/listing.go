package routing

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// listing is the tenants that a registry lists, beside those of the
// configuration. It is immutable; an Edit makes another that shares with it what
// has not changed.
type listing struct {
	tenants    *shards
	byDatabase *shards // match_databases, and domains
	byUser     *shards
	byServer   *shards // domains
	homes      *shards // by cluster and schema, where that is not the name
	n          int
}

// tenant is a TenantEntry after Build has parsed it. Most of a registry's are a
// name and little else, of which there may be a hundred thousand: what those
// leave open they share.
type tenant struct {
	Name, Schema, Cluster string
	domains               []string
	*details
}

// details are the rest of an entry.
type details struct {
	TenantEntry
	users logins
}

// noDetails is the rest of an entry that says nothing more.
var noDetails = new(details)

func newTenant(in TenantEntry, users logins, domains []string) *tenant {
	t := &tenant{Name: in.Name, Schema: in.Schema, Cluster: in.Cluster, domains: domains, details: noDetails}
	rest := in
	rest.Name, rest.Schema, rest.Cluster = "", "", ""
	if !reflect.ValueOf(rest).IsZero() {
		t.details = &details{in, users}
	}
	return t
}

// entry is what is listed of a tenant, nil if nothing is.
func (t *Table) entry(name string) *tenant {
	if e := t.tenants[name]; e != nil {
		return e
	}
	return t.listed.tenants.get(name)
}

// Listed is how many tenants a registry has added.
func (t *Table) Listed() int { return t.listed.n }

// Known is a tenant that a table lists.
type Known struct {
	Name, Schema, Cluster string // Schema and Cluster are "" where its route decides
	Disabled              bool
	Registered            bool // a registry lists it, not the configuration
}

// Tenants gives all tenants that are listed, in no order.
func (t *Table) Tenants() iter.Seq[Known] {
	return func(yield func(Known) bool) {
		for _, e := range t.tenants {
			if !yield(Known{e.Name, e.Schema, e.Cluster, e.Disabled, false}) {
				return
			}
		}
		for e := range t.listed.all() {
			if !yield(Known{e.Name, e.Schema, e.Cluster, e.Disabled, true}) {
				return
			}
		}
	}
}

// Registers says that a registry lists a tenant of that name.
func (t *Table) Registers(name string) bool { return t.listed.tenants.get(name) != nil }

// Registered gives what registries list: entries, and the domains of each.
func (t *Table) Registered() iter.Seq2[TenantEntry, []string] {
	return func(yield func(TenantEntry, []string) bool) {
		for e := range t.listed.all() {
			entry := e.TenantEntry
			entry.Name, entry.Schema, entry.Cluster = e.Name, e.Schema, e.Cluster
			if !yield(entry, e.domains) {
				return
			}
		}
	}
}

func (l *listing) all() iter.Seq[*tenant] {
	return func(yield func(*tenant) bool) {
		if l.tenants == nil {
			return
		}
		for _, m := range l.tenants.maps {
			for _, e := range m {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// Unread is the table for as long as a registry has not been read: who might be
// one of its tenants is told to come again, for any pattern could catch a name
// that belongs to one of them.
func (t *Table) Unread() *Table {
	next := *t
	next.unread = true
	return &next
}

// Edit is a change of what a registry lists, on the way to another table. It is
// used by one goroutine. The table that it began with does not change.
type Edit struct {
	next     Table
	tenants  shardEdit
	database shardEdit
	user     shardEdit
	server   shardEdit
	homes    shardEdit
	before   *listing // for Edits that begin from nothing: what was listed
	names    map[string]map[string]bool
	coming   map[string]bool // tenants that are still to be put
}

// Edit begins a change of what is listed.
func (t *Table) Edit() *Edit {
	e := &Edit{next: *t}
	l := t.listed
	e.tenants.now, e.database.now, e.user.now, e.server.now, e.homes.now = l.tenants, l.byDatabase, l.byUser, l.byServer, l.homes
	e.next.unread = false
	return e
}

// Relist begins anew with nothing listed. before is the table that is in force:
// what that lists unchanged stays the same tenant.
func (t *Table) Relist(before *Table) *Edit {
	e := &Edit{next: *t, before: &before.listed}
	e.next.listed, e.next.unread = listing{}, false
	return e
}

// Table gives the table with all changes. The Edit is done with.
func (e *Edit) Table() *Table {
	l := &e.next.listed
	l.tenants, l.byDatabase, l.byUser, l.byServer, l.homes = e.tenants.now, e.database.now, e.user.now, e.server.now, e.homes.now
	if len(e.names) > 0 {
		e.next.moreSettings(e.names)
	}
	t := e.next
	return &t
}

// Put lists a tenant, in the place of what was listed under its name. domains
// are names of hosts that mean it, as a database or as a TLS server name, where
// routes take tenants from those. The error is all that is wrong with the entry:
// then nothing is listed under its name.
func (e *Edit) Put(in TenantEntry, domains []string) error {
	e.Drop(in.Name)
	users, err := e.next.judgeEntry(in)
	if err != nil {
		return err
	}
	t := newTenant(in, users, domains)
	if e.before != nil {
		if old := e.before.tenants.get(in.Name); old.equals(t) {
			t = old // and its routes stay the same pointers
		}
	}
	if err := errors.Join(e.homeless(t), e.nameless(t), e.owned(t, "database", in.MatchDatabases, FromDatabase),
		e.owned(t, "user", in.MatchUsers, FromUser), e.owned(t, "domain", domains, FromDatabase),
		e.owned(t, "domain", domains, FromServerName)); err != nil {
		return err
	}
	e.insert(t)
	return nil
}

// equals says that two entries say the same.
func (t *tenant) equals(o *tenant) bool {
	return t != nil && t.Name == o.Name && t.Schema == o.Schema && t.Cluster == o.Cluster && slices.Equal(t.domains, o.domains) &&
		(t.details == o.details || reflect.DeepEqual(t.TenantEntry, o.TenantEntry))
}

// judgeEntry parses an entry by itself, as Build does.
func (t *Table) judgeEntry(in TenantEntry) (logins, error) {
	if t.tenants[in.Name] != nil {
		return nil, fmt.Errorf("tenant %q is listed in the configuration", in.Name)
	}
	b := &builder{t: &Table{rules: t.rules, replicas: t.replicas}}
	at := place{b, -1, 0}
	users := at.entry(in)
	at.names("match_databases", in.MatchDatabases, FromDatabase)
	at.names("match_users", in.MatchUsers, FromUser)
	var faults []error
	for _, p := range b.problems {
		if !p.Warning {
			faults = append(faults, errors.New(strings.TrimPrefix(p.Key+": "+p.Text, ": ")))
		}
	}
	return users, errors.Join(faults...)
}

// homeless says why a tenant cannot have its schema: it is nobody's to have, or
// another has it. The one that is there already keeps it: a slip in a new row
// must not take a working tenant away. Where every route tells its tenants apart
// by a setting, as for rows of common tables, they may share a schema.
func (e *Edit) homeless(t *tenant) error {
	schema, taken := cmp.Or(t.Schema, t.Name), "schema: tenant %q has schema %q already"
	if why, reserved := e.next.reserved[schema]; reserved {
		return fmt.Errorf("schema: %q is not for a tenant of a registry: %s", schema, why)
	}
	if e.next.sharesSchemas() {
		return nil
	}
	if o := e.next.tenants[schema]; o != nil && cmp.Or(o.Schema, o.Name) == schema {
		return fmt.Errorf(taken, o.Name, schema)
	}
	for _, cluster := range e.next.besides(t.Cluster) {
		o := e.tenants.now.get(schema)
		if o == nil || o.Cluster != cluster || cmp.Or(o.Schema, o.Name) != schema {
			o = e.homes.now.get(homeKey(cluster, schema))
		}
		if o != nil && o.Name != t.Name {
			return fmt.Errorf(taken, o.Name, schema)
		}
	}
	return nil
}

// besides are the clusters that an entry may give which can be on the same one as
// an entry that gives cluster: "" leaves it to the routes.
func (t *Table) besides(cluster string) []string {
	all := []string{cluster}
	for i := range t.rules {
		switch c := t.rules[i].Cluster; {
		case cluster == "" && !slices.Contains(all, c):
			all = append(all, c)
		case cluster == c && !slices.Contains(all, ""):
			all = append(all, "")
		}
	}
	return all
}

func homeKey(cluster, schema string) string { return cluster + "\x00" + schema }

// houses is the tenant by another name that has a schema, nil if there is none.
func (l *listing) houses(cluster, schema string) *tenant {
	if l.homes == nil {
		return nil
	}
	if o := l.homes.get(homeKey(cluster, schema)); o != nil {
		return o
	}
	return l.homes.get(homeKey("", schema))
}

// sharesSchemas says that every route has a setting that differs from tenant to
// tenant.
func (t *Table) sharesSchemas() bool {
	return !slices.ContainsFunc(t.rules, func(r rule) bool {
		return !slices.ContainsFunc(r.Settings, func(s Setting) bool { return strings.Contains(s.Value, tenantMark) })
	})
}

// owned says that a name leads to another tenant, or to a route, already.
func (e *Edit) owned(t *tenant, what string, names []string, from Source) error {
	if !e.next.serves(from) {
		return nil
	}
	for _, n := range names {
		if from == FromDatabase && slices.Contains(ConsoleNames(), n) {
			return fmt.Errorf("%s %q leads to the console", what, n)
		}
		if o := e.leads(n, from); o != nil && o.Name != t.Name {
			return fmt.Errorf("%s %q already leads to tenant %q", what, n, o.Name)
		}
		plain, _ := e.next.cut(n) // with a suffix it is a tenant's name, too
		if err := cmp.Or(e.routed(t, what, n, from), e.routed(t, what, plain, from)); err != nil {
			return err
		}
	}
	return nil
}

// leads is the tenant that lists a name, nil if none does.
func (e *Edit) leads(name string, from Source) *tenant {
	switch from {
	case FromDatabase:
		return e.next.owner(e.next.byDatabase, e.database.now, name)
	case FromUser:
		return e.next.owner(e.next.byUser, e.user.now, name)
	}
	return e.server.now.get(name)
}

// routed refuses a name that a route spells out, or by which a route means
// another tenant that is listed or about to be.
func (e *Edit) routed(t *tenant, what, name string, from Source) error {
	for i := range e.next.rules {
		p := e.next.rules[i].part(from)
		other, ok := p.match(name)
		switch {
		case !p.given || !ok || other == t.Name:
		case !p.HasTenant():
			return fmt.Errorf("%s %q leads to %s already", what, name, &e.next.rules[i])
		case e.next.tenants[other] != nil || e.tenants.now.get(other) != nil || e.coming[other]:
			return fmt.Errorf("%s %q leads to tenant %q by its name", what, name, other)
		}
	}
	return nil
}

// nameless says that the name by which a route would mean a tenant leads to
// another one already.
func (e *Edit) nameless(t *tenant) error {
	for i := range e.next.rules {
		r := &e.next.rules[i]
		if r.source == FromNothing {
			continue
		}
		p := r.part(r.source)
		name := p.prefix + t.Name + p.suffix
		if o := e.leads(name, r.source); o != nil && o.Name != t.Name {
			return fmt.Errorf("%s %q already leads to tenant %q", r.source, name, o.Name)
		}
	}
	return nil
}

// Coming says which tenants are going to be listed: their names are not for the
// others to take, whatever the order.
func (e *Edit) Coming(names map[string]bool) { e.coming = names }

func (e *Edit) insert(t *tenant) {
	e.next.listed.n++
	e.tenants.put(t.Name, t)
	if t.Schema != "" && t.Schema != t.Name {
		e.homes.put(homeKey(t.Cluster, t.Schema), t)
	}
	e.each(t, func(at *shardEdit, name string) { at.put(name, t) })
	for _, s := range t.Settings {
		e.next.addName(&e.names, t.Cluster, strings.ToLower(s.Name))
	}
	if t.Cluster != "" { // to which it brings what its route sets
		for i := range e.next.rules {
			for _, s := range e.next.rules[i].Settings {
				e.next.addName(&e.names, t.Cluster, strings.ToLower(s.Name))
			}
		}
	}
}

// Drop lists a tenant no more.
func (e *Edit) Drop(name string) {
	t := e.tenants.now.get(name)
	if t == nil {
		return
	}
	e.next.listed.n--
	e.tenants.drop(name)
	if home := homeKey(t.Cluster, t.Schema); e.homes.now.get(home) == t {
		e.homes.drop(home)
	}
	e.each(t, func(at *shardEdit, name string) { at.drop(name) })
}

// each visits all names that lead to a tenant.
func (e *Edit) each(t *tenant, visit func(at *shardEdit, name string)) {
	for _, n := range t.MatchDatabases {
		visit(&e.database, n)
	}
	for _, n := range t.MatchUsers {
		visit(&e.user, n)
	}
	for _, n := range t.domains {
		if e.next.serves(FromDatabase) {
			visit(&e.database, n)
		}
		if e.next.serves(FromServerName) {
			visit(&e.server, n)
		}
	}
}

func (t *Table) serves(from Source) bool {
	return slices.ContainsFunc(t.rules, func(r rule) bool { return r.source == from })
}

// addName notes the name of a setting that profiles of a cluster did not have
// before; of every cluster that a tenant could be on.
func (t *Table) addName(names *map[string]map[string]bool, cluster, name string) {
	for i := range t.rules {
		c := cmp.Or(cluster, t.rules[i].Cluster)
		if slices.Contains(t.allSettings[c], name) {
			continue
		}
		if *names == nil {
			*names = make(map[string]map[string]bool)
		}
		if (*names)[c] == nil {
			(*names)[c] = make(map[string]bool)
		}
		(*names)[c][name] = true
	}
}

// moreSettings adds to the names of settings. Routes hold that list, so they are
// made anew.
func (t *Table) moreSettings(names map[string]map[string]bool) {
	all := maps.Clone(t.allSettings)
	for cluster, more := range names {
		all[cluster] = slices.Sorted(maps.Keys(union(all[cluster], more)))
	}
	for _, r := range t.replicas {
		all[r.Pool] = all[r.Cluster]
	}
	t.allSettings, t.routes = all, new(interned)
}

func union(list []string, more map[string]bool) map[string]bool {
	for _, name := range list {
		more[name] = true
	}
	return more
}
