package routing

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// pick gives one of the words.
func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

// randomRule makes a valid rule out of few words, so that rules overlap.
func randomRule(r *rand.Rand) Rule {
	rule := Rule{Cluster: "main", SearchPath: []string{"{schema}"}, Existence: Existence(r.IntN(2))}
	patterns := []string{"{tenant}", "a{tenant}", "{tenant}b"}
	literals := []string{"", "a", "b", "ab", "abb"}
	switch r.IntN(4) {
	case 0:
		rule.Database, rule.User = pick(r, patterns...), pick(r, literals...)
	case 1:
		rule.Database, rule.User = pick(r, literals...), pick(r, patterns...)
	case 2:
		rule.ServerName, rule.Database = pick(r, patterns...), pick(r, literals...)
	case 3:
		rule.Database, rule.User = pick(r, literals[1:]...), pick(r, literals...)
	}
	if r.IntN(4) > 0 {
		rule.Users = []string{pick(r, "a", "b", "{tenant}", "{tenant}*", "a*")}
	}
	rule.AnyLogin = rule.Users == nil
	return rule
}

func randomTenants(r *rand.Rand) []TenantEntry {
	var out []TenantEntry
	for _, name := range []string{"a", "b", "ab"} {
		if r.IntN(2) == 0 {
			out = append(out, TenantEntry{Name: name, Disabled: r.IntN(4) == 0})
		}
	}
	if len(out) > 0 && r.IntN(2) == 0 {
		out[0].MatchDatabases = []string{pick(r, "a", "b", "abb")}
	}
	if len(out) > 0 && r.IntN(2) == 0 {
		out[len(out)-1].MatchUsers = []string{pick(r, "a", "b", "abb")}
	}
	return out
}

func randomIdentity(r *rand.Rand) Identity {
	words := []string{"a", "b", "ab", "abb", "bb", "x", ""}
	return Identity{User: pick(r, words...), Database: pick(r, words...), ServerName: pick(r, words...)}
}

// deciding gives the index of the rule that decides by the plain reading of
// rule 0, or -1.
func deciding(rules []Rule, tenants []TenantEntry, id Identity) int {
	matches := func(pattern, word string) bool {
		p, err := ParsePattern(pattern)
		_, ok := p.Match(word)
		return pattern == "" || err == nil && ok
	}
	holds := func(pattern string) bool { p, err := ParsePattern(pattern); return err == nil && p.HasTenant() }
	for _, e := range tenants {
		for _, d := range e.MatchDatabases {
			if d != id.Database {
				continue
			}
			for i, r := range rules {
				if holds(r.Database) && matches(r.User, id.User) && matches(r.ServerName, id.ServerName) {
					return i
				}
			}
			return -1
		}
	}
	for _, e := range tenants {
		for _, u := range e.MatchUsers {
			if u != id.User {
				continue
			}
			for i, r := range rules {
				if holds(r.User) && matches(r.Database, id.Database) && matches(r.ServerName, id.ServerName) {
					return i
				}
			}
			return -1
		}
	}
	for i, r := range rules {
		if matches(r.Database, id.Database) && matches(r.User, id.User) && matches(r.ServerName, id.ServerName) {
			return i
		}
	}
	return -1
}

// TestResolveNeverFallsThrough draws tables and identities at random: the
// answer must come from the deciding rule, and must stay the same when all
// rules after it are replaced by one that would take anybody.
func TestResolveNeverFallsThrough(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tables, routes, refusals := 0, 0, 0
	for tables < 500 {
		rules := make([]Rule, 1+r.IntN(4))
		for i := range rules {
			rules[i] = randomRule(r)
		}
		tenants := randomTenants(r)
		table, _ := Build(rules, tenants)
		if table == nil {
			continue // a tenant's names that no rule serves
		}
		tables++
		for range 20 {
			id := randomIdentity(r)
			if d := deciding(rules, tenants, id); d < 0 {
				if _, err := table.Resolve(id); err == nil {
					t.Fatalf("%+v got a route without a rule in %+v, %+v", id, rules, tenants)
				}
			} else if checkDecision(t, table, rules, tenants, id, d) {
				routes++
			} else {
				refusals++
			}
		}
	}
	if routes < 500 || refusals < 500 {
		t.Errorf("too few of a kind: %d routes, %d refusals", routes, refusals)
	}
}

// checkDecision reports whether the identity got a route.
func checkDecision(t *testing.T, table *Table, rules []Rule, tenants []TenantEntry, id Identity, d int) bool {
	t.Helper()
	route, err := table.Resolve(id)
	if route != nil && route.Rule != d {
		t.Fatalf("%+v went to rule %d, not %d, of %+v, %+v", id, route.Rule, d, rules, tenants)
	}
	greedy := append(rules[:d+1:d+1],
		Rule{Database: "{tenant}", Users: []string{"*"}, Existence: BySchema, Cluster: "main", SearchPath: []string{"{schema}"}},
		Rule{User: "{tenant}", Users: []string{"*"}, Existence: BySchema, Cluster: "main", SearchPath: []string{"{schema}"}})
	other, problems := Build(greedy, tenants)
	if other == nil {
		t.Fatalf("%+v", problems)
	}
	again, againErr := other.Resolve(id)
	if fmt.Sprint(err) != fmt.Sprint(againErr) || fmt.Sprintf("%+v", route) != fmt.Sprintf("%+v", again) {
		t.Fatalf("%+v: %+v, %v became %+v, %v when later rules changed; rules %+v, tenants %+v", id, route, err, again, againErr, rules, tenants)
	}
	return err == nil
}
