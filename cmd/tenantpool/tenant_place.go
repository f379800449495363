package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"tenantpool/config"
	"tenantpool/pool"
	"tenantpool/provision"
	"tenantpool/routing"
)

// placed is a tenant, and where it lives.
type placed struct {
	provision.Tenant
	cluster *config.Cluster
	rule    routing.Rule
	entry   *routing.TenantEntry // what has to be published for it to exist; nil: nothing
}

// placedBy is the tenant of a route.
func placedBy(cfg *config.Config, r *routing.Route, e *routing.TenantEntry) placed {
	c := cfg.Cluster(r.Cluster)
	return placed{provision.Tenant{Route: r, ClusterLogin: c.User}, c, cfg.Rules[r.Rule], e}
}

// wish is what a new tenant should be like. What is empty is left to its route.
type wish struct{ name, schema, cluster, isolation string }

func (w wish) fits(r *routing.Route) bool {
	return r.Schema == cmp.Or(w.schema, r.Schema) && r.Cluster == cmp.Or(w.cluster, r.Cluster) &&
		r.Isolation.String() == cmp.Or(w.isolation, r.Isolation.String())
}

// place finds where a new tenant would live: under a route that takes it as it is,
// or else as a tenant that is listed.
func (w wish) place(cfg *config.Config) (placed, error) {
	if slices.ContainsFunc(cfg.Tenants, func(t routing.TenantEntry) bool { return t.Name == w.name }) {
		return placed{}, fmt.Errorf("tenant %q is listed already", w.name)
	}
	if cfg.Table.Registers(w.name) {
		return placed{}, fmt.Errorf("tenant %q is a row of the registry already", w.name)
	}
	if w.cluster != "" && cfg.Cluster(w.cluster) == nil {
		return placed{}, fmt.Errorf("there is no [cluster.%s] in %s", w.cluster, cfg.File)
	}
	for _, r := range cfg.Table.Reach(w.name) {
		if w.fits(r) {
			return placedBy(cfg, r, nil), nil
		}
	}
	e := routing.TenantEntry{Name: w.name, Schema: w.schema}
	r, err := w.listed(cfg, e)
	if err != nil {
		return placed{}, err
	}
	if w.cluster != "" && r.Cluster != w.cluster {
		e.Cluster = w.cluster
	}
	if w.isolation != "" && r.Isolation.String() != w.isolation {
		level, err := parseIsolation(w.isolation)
		if err != nil {
			return placed{}, err
		}
		e.Isolation = &level
	}
	if r, err = w.listed(cfg, e); err != nil {
		return placed{}, err
	}
	return placedBy(cfg, r, &e), nil
}

func parseIsolation(word string) (routing.Isolation, error) {
	for i := routing.Shared; i <= routing.Dedicated; i++ {
		if i.String() == word {
			return i, nil
		}
	}
	return 0, fmt.Errorf("--isolation is shared, role or dedicated, not %q", word)
}

// listed gives the route of a tenant if the entry were listed: one that fits, or
// else the first.
func (w wish) listed(cfg *config.Config, e routing.TenantEntry) (*routing.Route, error) {
	table, problems := routing.Build(cfg.Rules, append(slices.Clone(cfg.Tenants), e))
	for _, p := range problems {
		if !p.Warning && p.Tenant == len(cfg.Tenants) {
			return nil, errors.New(p.Text)
		}
	}
	if table == nil {
		return nil, fmt.Errorf("%s: its routes do not go with tenant %q", cfg.File, e.Name)
	}
	routes := table.Reach(e.Name)
	if len(routes) == 0 {
		return nil, fmt.Errorf("no [[route]] of %s leads to a tenant %q", cfg.File, e.Name)
	}
	for _, r := range routes {
		if w.fits(r) {
			return r, nil
		}
	}
	return routes[0], nil
}

// connect logs in past the pooler: as the admin, or else as the cluster.
func (f *tenantFlags) connect(ctx context.Context, cfg *config.Config, c *config.Cluster) (*provision.Conn, error) {
	if f.admin == "" {
		pg, err := pool.Administer(ctx, *poolOptions(cfg, c, slog.New(slog.NewTextHandler(io.Discard, nil))))
		if err != nil {
			return nil, fmt.Errorf("cluster %q: %w", c.Name, err)
		}
		return pg, nil
	}
	login, err := provision.ParseLogin(f.admin)
	if err != nil {
		return nil, fmt.Errorf("--admin-url: %w", err)
	}
	pg, err := provision.Dial(ctx, login)
	if err != nil {
		return nil, fmt.Errorf("--admin-url: %w", err)
	}
	return pg, nil
}
