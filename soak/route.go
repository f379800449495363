package soak

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tenantpool/auth"
	"tenantpool/config"
	"tenantpool/routing"
)

// stem is in the name of every probe tenant, and so of every schema and role of a soak.
const stem = "tenantpool_soak_"

// Ground is where a soak takes place: a route of a configuration that admits probe tenants, and
// these tenants.
type Ground struct {
	Cluster *config.Cluster
	Rule    int            // index of the route
	Table   *routing.Table // the configuration's, to which listed probe tenants have been added
	Probes  []*Probe
}

// Probe is one tenant of the soak.
type Probe struct {
	number         int // from 1
	route          *routing.Route
	home           string   // the schema of its tables, the first of its own in its path
	schemas        []string // all schemas that are its own
	user, database string   // what its clients ask for
}

// User is the login of its clients.
func (p *Probe) User() string { return p.user }

// mark is what names in a session carry that belong to the tenant.
func (p *Probe) mark() string { return fmt.Sprintf("%04d", p.number) }

// MaxClients is how many clients the limits of the configuration leave room for.
func (g *Ground) MaxClients(cfg *config.Config) int {
	most := cmp.Or(cfg.MaxClients, 9999)
	if n := g.Probes[0].route.MaxClients; n > 0 {
		most = min(most, n*len(g.Probes))
	}
	return most
}

// Password is what the clients log in with at a pooler that runs, as far as the users file tells. All
// tenants whose clients log in under names of their own have to share one.
func (g *Ground) Password(cfg *config.Config) string {
	if secret, ok := cfg.Auth.Users.Secret(g.Probes[0].user); ok && secret.Kind() == auth.Plain {
		return secret.Reveal()
	}
	return ""
}

// Choose finds the first route that admits n probe tenants. running says that the pooler runs
// already, so that no tenant can be added to what it knows; user is the login of the clients, or ""
// for one that the route admits. The error says of every route why it will not do, and how to write
// one that does.
func Choose(cfg *config.Config, n int, running bool, user string) (*Ground, error) {
	var reasons []error
	for i := range cfg.Rules {
		g, err := tryRule(cfg, i, n, running, user)
		if err == nil {
			return g, nil
		}
		reasons = append(reasons, fmt.Errorf("  route %d (%s): %w", i+1, patterns(cfg.Rules[i]), err))
	}
	return nil, fmt.Errorf("%s: no route can take the tenants of a soak:\n%w\n%s", cfg.File, errors.Join(reasons...), howToWrite(cfg))
}

func patterns(r routing.Rule) string {
	var parts []string
	for _, p := range [][2]string{{"database", r.Database}, {"user", r.User}, {"server_name", r.ServerName}} {
		if p[1] != "" {
			parts = append(parts, fmt.Sprintf("%s = %q", p[0], p[1]))
		}
	}
	return strings.Join(parts, ", ")
}

func howToWrite(cfg *config.Config) string {
	cluster := "main"
	if len(cfg.Clusters) > 0 {
		cluster = cfg.Clusters[0].Name
	}
	return fmt.Sprintf(`One that can, behind the others:
  [[route]]
  database    = "{tenant}"
  users       = ["%suser"]
  cluster     = %q
  search_path = ["{schema}"]
  tenants     = "schema"
  schemas     = "%s*"`, stem, cluster, stem)
}

// tryRule makes the ground of one route, or says why that cannot be.
func tryRule(cfg *config.Config, index, n int, running bool, user string) (*Ground, error) {
	r := cfg.Rules[index]
	if err := suits(r); err != nil {
		return nil, err
	}
	g := &Ground{Cluster: cfg.Cluster(r.Cluster), Rule: index, Table: cfg.Table}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s%s%04d", strings.TrimSuffix(r.Schemas, "*"), stem, i+1)
	}
	if r.Existence == routing.Listed {
		if err := g.list(cfg, names, running); err != nil {
			return nil, err
		}
	}
	for i, name := range names {
		p := &Probe{number: i + 1, user: cmp.Or(user, login(cfg, r, name)), database: expand(r.Database, name, g.Cluster.Database)}
		if err := g.resolve(p, name); err != nil {
			return nil, err
		}
		g.Probes = append(g.Probes, p)
	}
	return g, nil
}

// suits says what about a route keeps every soak away.
func suits(r routing.Rule) error {
	switch {
	case r.ServerName != "":
		return errors.New("it wants a TLS server name")
	case !strings.Contains(r.Database+r.User, "{tenant}"):
		return errors.New("it is for one tenant only; {tenant} in its pattern makes it one for all")
	case r.Mode != routing.Transaction:
		return fmt.Errorf("its pool_mode is %s; a soak is about clients that share servers in transaction mode", r.Mode)
	case r.Isolation == routing.Dedicated:
		return errors.New("a soak cannot give tenants logins of their own")
	case r.Schemas != "" && !strings.HasSuffix(r.Schemas, "*"):
		return fmt.Errorf("schemas = %q admits one tenant only", r.Schemas)
	case !slices.ContainsFunc(r.SearchPath, func(s string) bool {
		return strings.Contains(s, "{tenant}") || strings.Contains(s, "{schema}")
	}):
		return errors.New("no schema in its search_path is the tenant's own")
	}
	return nil
}

// list adds the tenants to those that the configuration lists.
func (g *Ground) list(cfg *config.Config, names []string, running bool) error {
	entries := slices.Clone(cfg.Tenants)
	for _, name := range names {
		if slices.ContainsFunc(cfg.Tenants, func(e routing.TenantEntry) bool { return e.Name == name }) {
			continue
		}
		if running {
			return fmt.Errorf("its tenants are listed: list [tenant.%s] to [tenant.%s] in the pooler's configuration, or leave out --at",
				names[0], names[len(names)-1])
		}
		entries = append(entries, routing.TenantEntry{Name: name})
	}
	table, problems := routing.Build(cfg.Rules, entries)
	if table == nil {
		return fmt.Errorf("with its tenants listed: %s", problems[0].Text)
	}
	g.Table = table
	return nil
}

// resolve makes sure that the probe's clients reach it by this very route.
func (g *Ground) resolve(p *Probe, name string) error {
	route, err := g.Table.Resolve(routing.Identity{User: p.user, Database: p.database})
	switch {
	case err != nil:
		return fmt.Errorf("user %q, database %q: %w", p.user, p.database, err)
	case route.Rule != g.Rule:
		return fmt.Errorf("user %q, database %q: route %d takes them first", p.user, p.database, route.Rule+1)
	case route.Tenant != name || route.Cluster != g.Cluster.Name:
		return fmt.Errorf("user %q, database %q: they lead to tenant %q on cluster %q", p.user, p.database, route.Tenant, route.Cluster)
	}
	p.route = route
	for _, s := range append(slices.Clone(route.Path), route.Schema) {
		if !strings.Contains(s, stem) {
			continue // a schema that all tenants read
		}
		if p.home == "" {
			p.home = s
		}
		if !slices.Contains(p.schemas, s) {
			p.schemas = append(p.schemas, s)
		}
	}
	for _, s := range append(slices.Clone(p.schemas), cmp.Or(route.Role, p.home)) {
		if err := routing.CheckName(s); err != nil {
			return err
		}
	}
	return nil
}

// login is a user that the route admits for the tenant, if possible one whose password is known.
func login(cfg *config.Config, r routing.Rule, tenant string) string {
	if r.User != "" {
		return expand(r.User, tenant, "")
	}
	first := ""
	for _, u := range r.Users {
		name := strings.ReplaceAll(strings.TrimSuffix(u, "*"), "{tenant}", tenant)
		if secret, ok := cfg.Auth.Users.Secret(name); ok && secret.Kind() == auth.Plain {
			return name
		}
		first = cmp.Or(first, name)
	}
	return cmp.Or(first, stem+"user")
}

func expand(pattern, tenant, otherwise string) string {
	return cmp.Or(strings.ReplaceAll(pattern, "{tenant}", tenant), otherwise)
}
