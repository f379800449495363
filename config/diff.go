package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Change is one difference between two configurations.
type Change struct {
	What    string // "max_clients", "cluster.main.pool_size", "route 2", "tenant acme"
	How     string // "20 -> 30", "added", "removed", "changed"; never a secret
	Restart bool   // it takes effect at the next start only
}

func (c Change) String() string {
	text := c.What + ": " + c.How
	if c.Restart {
		text += " (takes effect at the next start)"
	}
	return text
}

// said is the value of one setting as it holds, default or not.
type said struct {
	value      string // of a secret nothing
	secret     Secret
	reloadable bool
}

// maxNamed is how many tenants a Diff names one by one.
const maxNamed = 20

// Diff says what differs from an older configuration, in a fixed order: settings,
// clusters, files, routes, tenants.
func (c *Config) Diff(old *Config) []Change {
	changes := settingChanges(old.said, c.said)
	changes = append(changes, c.fileChanges(old)...)
	changes = append(changes, ruleChanges(old, c)...)
	return append(changes, c.tenantChanges(old)...)
}

func settingChanges(old, now map[string]said) (changes []Change) {
	names := slices.Collect(maps.Keys(now))
	for name := range old {
		if _, ok := now[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	told := make(map[string]bool)
	for _, name := range names {
		before, was := old[name]
		after, is := now[name]
		if was != is { // of a cluster that came or went
			cluster := name[:strings.LastIndexByte(name, '.')]
			if how := map[bool]string{true: "added", false: "removed"}[is]; !told[cluster] {
				told[cluster] = true
				changes = append(changes, Change{What: cluster, How: how})
			}
			continue
		}
		how := before.value + " -> " + after.value
		switch {
		case before.secret.Reveal() != after.secret.Reveal():
			how = "changed"
		case before.value == after.value:
			continue
		}
		changes = append(changes, Change{name, how, !after.reloadable})
	}
	return changes
}

// fileChanges are those of files that settings name.
func (c *Config) fileChanges(old *Config) (changes []Change) {
	add := func(what string, same bool) {
		if !same {
			changes = append(changes, Change{What: what, How: "what it holds has changed"})
		}
	}
	add("auth.users_file", c.Auth.Users.Equal(old.Auth.Users))
	add("auth.hba_file", c.Auth.Method != old.Auth.Method || reflect.DeepEqual(c.Auth.Policy, old.Auth.Policy))
	for i := range c.Clusters {
		n := &c.Clusters[i]
		if o := old.Cluster(n.Name); o != nil {
			add("cluster."+n.Name+".login_secrets_file", n.LoginSecrets.Equal(o.LoginSecrets))
			add("cluster."+n.Name+".password_file", n.Password.Reveal() == o.Password.Reveal() || saidSecret(c, n.Name) != saidSecret(old, n.Name))
		}
	}
	return changes
}

// saidSecret is the password that stands in the configuration itself.
func saidSecret(c *Config, cluster string) string {
	return c.said["cluster."+cluster+".password"].secret.Reveal()
}

// Equal says that two lists hold the same users with the same secrets.
func (u *Users) Equal(o *Users) bool {
	if u == nil || o == nil {
		return u == o
	}
	return maps.EqualFunc(u.secrets, o.secrets, func(a, b Secret) bool { return a.Reveal() == b.Reveal() })
}

func ruleChanges(old, now *Config) (changes []Change) {
	for i := range max(len(old.Rules), len(now.Rules)) {
		what := fmt.Sprintf("route %d", i+1)
		switch {
		case i >= len(old.Rules):
			changes = append(changes, Change{What: what, How: "added"})
		case i >= len(now.Rules):
			changes = append(changes, Change{What: what, How: "removed"})
		case !reflect.DeepEqual(old.Rules[i], now.Rules[i]):
			changes = append(changes, Change{What: what, How: "changed"})
		}
	}
	return changes
}

// tenantChanges names tenants while they are few, and counts them otherwise.
func (c *Config) tenantChanges(old *Config) (changes []Change) {
	before := make(map[string]int, len(old.Tenants))
	for i := range old.Tenants {
		before[old.Tenants[i].Name] = i
	}
	by := map[string][]string{}
	for i := range c.Tenants {
		name := c.Tenants[i].Name
		at, was := before[name]
		delete(before, name)
		switch {
		case !was:
			by["added"] = append(by["added"], name)
		case !reflect.DeepEqual(old.Tenants[at], c.Tenants[i]) || old.tenantSecrets[name].Reveal() != c.tenantSecrets[name].Reveal():
			by["changed"] = append(by["changed"], name)
		}
	}
	by["removed"] = slices.Collect(maps.Keys(before))
	for _, how := range []string{"added", "removed", "changed"} {
		names := by[how]
		slices.Sort(names)
		if len(names) > maxNamed {
			changes = append(changes, Change{What: "tenants", How: fmt.Sprintf("%d %s", len(names), how)})
			continue
		}
		for _, name := range names {
			changes = append(changes, Change{What: "tenant " + name, How: how})
		}
	}
	return changes
}

// note keeps what holds for the keys of a section that a Diff tells one by one.
func (s *section[T]) note(r *reader, n *node, to *T) {
	prefix := ""
	switch {
	case r == nil || s.name == "route" || s.name == "tenant":
		return
	case s.name == "cluster":
		prefix = "cluster." + n.key + "."
	case s.name != "":
		prefix = s.name + "."
	}
	if r.said == nil {
		r.said = make(map[string]said)
	}
	for _, f := range s.fields {
		v := reflect.ValueOf(f.into(to))
		for v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		is := said{reloadable: f.Reloadable}
		if is.value = fmt.Sprint(v); strings.HasSuffix(f.Key, "password") {
			is.value, is.secret = "", NewSecret(is.value)
		}
		r.said[prefix+f.Key] = is
	}
}
