package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"

	"tenantpool/config"
	"tenantpool/registry"
	"tenantpool/routing"
)

// load reads the configuration and, once, the registry that it names, as the login
// by which the pooler reads it. The table of the result has the tenants of both.
// Rows that are refused are told.
func (f *tenantFlags) load(ctx context.Context) (*config.Config, error) {
	cfg, err := config.Load(f.file)
	if err != nil || cfg.Registry.Cluster == "" {
		return cfg, err
	}
	quiet := slog.New(slog.DiscardHandler)
	judge := &tenants{cfg: cfg}
	catalog := registry.NewCatalog(judge.admit, func(t *routing.Table) { cfg.Table = t }, quiet)
	catalog.Rebase(cfg.Table, true, func(*routing.Table) {})
	r := cfg.Registry
	o := registry.Options{Server: *poolOptions(cfg, cfg.Cluster(r.Cluster), quiet), Query: r.Query, Log: quiet}
	if err := registry.Once(ctx, o, catalog); err != nil {
		return nil, fmt.Errorf("the registry on cluster %q cannot be read: %w", r.Cluster, err)
	}
	refused := catalog.Refused()
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		fmt.Fprintf(f.Output(), "registry: the row of %q is refused: %s\n", name, refused[name])
	}
	return cfg, nil
}

// listing is every tenant that is listed by name, in the configuration or as a row.
func listing(cfg *config.Config) []routing.TenantEntry {
	all := slices.Clone(cfg.Tenants)
	for e := range cfg.Table.Registered() {
		all = append(all, e)
	}
	return all
}

var plainQuery = regexp.MustCompile(`(?i)^\s*SELECT\s+\*\s+FROM\s+([a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*)\s*;?\s*$`)

// rowsIn is the table whose rows are the registry of a cluster, "" if there is none
// that could be written to: only a query that gives whole rows of one table says.
func rowsIn(cfg *config.Config, cluster string) string {
	m := plainQuery.FindStringSubmatch(cfg.Registry.Query)
	if m == nil || cfg.Registry.Cluster == "" || cfg.Registry.Cluster != cluster {
		return ""
	}
	return m[1]
}
