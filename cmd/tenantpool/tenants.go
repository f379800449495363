package main

import (
	"errors"
	"fmt"
	"log/slog"

	"tenantpool/config"
	"tenantpool/pool"
	"tenantpool/proxy"
	"tenantpool/registry"
	"tenantpool/routing"
)

// tenants keeps the routing table of the proxy: the configuration's, and what a
// registry adds to it. What is not safe for several goroutines is guarded by the
// catalog: it calls one at a time.
type tenants struct {
	log     *slog.Logger
	catalog *registry.Catalog
	source  *registry.Source // nil: there is no registry; reload's turn guards it
	cfg     *config.Config
	options proxy.Options
	proxy   *proxy.Proxy // nil: it does not run yet
}

func newTenants(cfg *config.Config, log *slog.Logger) *tenants {
	t := &tenants{log: log, cfg: cfg}
	t.catalog = registry.NewCatalog(t.admit, t.publish, log)
	return t
}

// first gives the options that the proxy begins with.
func (t *tenants) first(o proxy.Options) (first proxy.Options) {
	t.catalog.Rebase(t.cfg.Table, t.cfg.Registry.Cluster != "", func(table *routing.Table) {
		t.options = t.withSecrets(o)
		first = tabled(t.options, table)
	})
	return first
}

// start begins to read the registry, if there is one.
func (t *tenants) start(p *proxy.Proxy) {
	t.proxy = p
	t.source = t.newSource(t.cfg)
}

func (t *tenants) newSource(cfg *config.Config) *registry.Source {
	r := cfg.Registry
	if r.Cluster == "" {
		return nil
	}
	return registry.Start(registry.Options{Server: *poolOptions(cfg, cfg.Cluster(r.Cluster), t.log),
		Query: r.Query, Channel: r.Channel, Interval: r.Interval, Log: t.log}, t.catalog)
}

// rebase puts another configuration in force.
func (t *tenants) rebase(cfg *config.Config, o proxy.Options) {
	old := t.cfg
	t.catalog.Rebase(cfg.Table, cfg.Registry.Cluster != "", func(table *routing.Table) {
		t.cfg, t.options = cfg, t.withSecrets(o)
		t.proxy.Apply(tabled(t.options, table))
	})
	r := cfg.Registry
	switch {
	case old.Registry == r && (r.Cluster == "" || sameServer(old.Cluster(r.Cluster), cfg.Cluster(r.Cluster))):
		if t.source != nil {
			t.source.Refresh()
		}
	default:
		t.stop()
		t.source = t.newSource(cfg)
	}
}

// stop ends the reading of the registry.
func (t *tenants) stop() {
	if t.source != nil {
		t.source.Stop()
		t.source = nil
	}
}

// publish puts a table in force that the registry has changed. Pools are told
// only where its profiles name settings that they did not name before.
func (t *tenants) publish(table *routing.Table) {
	before := t.options.Table
	t.options.Table = table
	for name := range t.options.Pools {
		if !sameNames(before.SettingNames(name), table.SettingNames(name)) {
			t.proxy.Apply(tabled(t.options, table))
			return
		}
	}
	t.proxy.SetTable(table)
}

func sameNames(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// tabled gives options with another table, and pools that are made for it.
func tabled(o proxy.Options, table *routing.Table) proxy.Options {
	o.Table = table
	pools := make(map[string]*pool.Options, len(o.Pools))
	for name, po := range o.Pools {
		own := *po
		own.Blank = table.SettingNames(name)
		pools[name] = &own
	}
	o.Pools = pools
	return o
}

// withSecrets has logins of tenants looked for in the registry, too.
func (t *tenants) withSecrets(o proxy.Options) proxy.Options {
	listed := o.Login
	o.Login = func(r *routing.Route) (pool.Login, bool, error) {
		if secret, ok := t.catalog.Secret(r.Tenant); ok && r.Isolation == routing.Dedicated {
			return pool.Login{User: r.Login, Password: secret}, true, nil
		}
		return listed(r)
	}
	return o
}

// admit refuses a row that the configuration has no place for.
func (t *tenants) admit(row registry.Row) error {
	if row.Cluster != "" && t.cfg.Cluster(row.Cluster) == nil {
		return fmt.Errorf("cluster: no cluster is called %q", row.Cluster)
	}
	if row.Isolation != nil && *row.Isolation == routing.RoleSwitch && !t.switchesRoles(row.Cluster) {
		return errors.New(`isolation: "role" needs a route with isolation = "role" on that cluster: only then is its login judged for it`)
	}
	return nil
}

// switchesRoles says that the logins of all clusters that a tenant may be on are
// judged for roles.
func (t *tenants) switchesRoles(cluster string) bool {
	if cluster != "" {
		return t.cfg.SwitchesRoles(cluster)
	}
	for _, r := range t.cfg.Rules {
		if !t.cfg.SwitchesRoles(r.Cluster) {
			return false
		}
	}
	return true
}
