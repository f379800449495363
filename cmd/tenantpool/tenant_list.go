package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"text/tabwriter"

	"tenantpool/config"
	"tenantpool/provision"
	"tenantpool/routing"
)

// inventory is every tenant that can be reached, by name: those that are listed,
// and the schemas that routes take as they are. pattern narrows it, "" does not.
func (f *tenantFlags) inventory(ctx context.Context, cfg *config.Config, pattern string) ([]placed, error) {
	names := make(map[string]bool)
	for _, t := range listing(cfg) {
		names[t.Name] = true
	}
	for i := range cfg.Clusters {
		c := &cfg.Clusters[i]
		if !slices.ContainsFunc(cfg.Rules, func(r routing.Rule) bool { return r.Existence == routing.BySchema && r.Cluster == c.Name }) {
			continue
		}
		schemas, err := f.schemas(ctx, cfg, c)
		if err != nil {
			return nil, err
		}
		for _, s := range schemas {
			names[s] = names[s] || slices.ContainsFunc(cfg.Table.Reach(s), func(r *routing.Route) bool { return r.Cluster == c.Name })
		}
	}
	var all []placed
	for name, is := range names {
		if matches, err := path.Match(cmp.Or(pattern, "*"), name); err != nil {
			return nil, fmt.Errorf("--tenants %q is not a valid pattern", pattern)
		} else if !is || !matches && pattern != "" {
			continue
		}
		if routes := cfg.Table.Reach(name); len(routes) > 0 {
			all = append(all, placedBy(cfg, routes[0], nil))
		}
	}
	slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(a.Route.Tenant, b.Route.Tenant) })
	return all, nil
}

func (f *tenantFlags) schemas(ctx context.Context, cfg *config.Config, c *config.Cluster) ([]string, error) {
	pg, err := f.connect(ctx, cfg, c)
	if err != nil {
		return nil, err
	}
	defer pg.Close(ctx)
	return provision.Schemas(ctx, pg)
}

func runTenantList(args []string, stdout, stderr io.Writer) int {
	f := newTenantFlags("list", stderr)
	if _, status, ok := f.parse(args, 0, 0); !ok {
		return status
	}
	ctx := context.Background()
	cfg, err := f.load(ctx)
	if err != nil {
		return f.fail(err)
	}
	all, err := f.inventory(ctx, cfg, "")
	if err != nil {
		return f.fail(err)
	}
	states := make(map[string]string)
	for _, t := range listing(cfg) {
		switch {
		case t.Suspended != "":
			states[t.Name] = "suspended: " + t.Suspended
		case t.Disabled:
			states[t.Name] = "disabled"
		}
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TENANT\tCLUSTER\tSCHEMA\tISOLATION\tACTS AS\tKNOWN BY\tSTATE")
	for _, t := range all {
		state := cmp.Or(states[t.Route.Tenant], "enabled")
		known := "schema"
		switch {
		case cfg.Table.Registers(t.Route.Tenant):
			known = "row"
		case t.Existence == routing.Listed:
			known = "list"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.Route.Tenant, t.Route.Cluster, t.Schema, t.Isolation, t.Actor(), known, state)
	}
	w.Flush()
	return 0
}

func runTenantCheck(args []string, stdout, stderr io.Writer) int {
	f := newTenantFlags("check", stderr)
	names, status, ok := f.parse(args, 0, 1<<20)
	if !ok {
		return status
	}
	good, err := f.check(context.Background(), names, stdout)
	if err != nil {
		return f.fail(err)
	}
	if !good {
		return 1
	}
	return 0
}

// check checks the tenants of these names, or all, and prints a table. It reports
// whether all are as they should be.
func (f *tenantFlags) check(ctx context.Context, names []string, stdout io.Writer) (good bool, err error) {
	cfg, err := f.load(ctx)
	if err != nil {
		return false, err
	}
	all, err := f.inventory(ctx, cfg, "")
	if err != nil {
		return false, err
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TENANT\tCLUSTER\tSCHEMA\tISOLATION\tOBJECTS\tRESULT")
	good = true
	for i := range cfg.Clusters {
		ok, err := f.checkCluster(ctx, cfg, &cfg.Clusters[i], all, names, w)
		if err != nil {
			return false, err
		}
		good = good && ok
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(t placed) bool { return t.Route.Tenant == name }) {
			good = false
			fmt.Fprintf(w, "%s\t-\t-\t-\t-\tthere is no such tenant\n", name)
		}
	}
	return good, w.Flush()
}

func (f *tenantFlags) checkCluster(ctx context.Context, cfg *config.Config, c *config.Cluster, all []placed, names []string, w io.Writer) (good bool, err error) {
	var mine []placed
	var schemas []string
	for _, t := range all {
		if t.Route.Cluster == c.Name {
			schemas = append(schemas, t.Schema)
			if len(names) == 0 || slices.Contains(names, t.Route.Tenant) {
				mine = append(mine, t)
			}
		}
	}
	if len(mine) == 0 {
		return true, nil
	}
	pg, err := f.connect(ctx, cfg, c)
	if err != nil {
		return false, err
	}
	defer pg.Close(ctx)
	good = true
	for _, t := range mine {
		report, err := provision.Check(ctx, pg, t.Tenant, schemas)
		if err != nil {
			return false, fmt.Errorf("tenant %q: %w", t.Route.Tenant, err)
		}
		result := "ok"
		for i, fault := range report.Faults {
			good = false
			if i == 0 {
				result = fault
				continue
			}
			result += "\n\t\t\t\t\t" + fault
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", t.Route.Tenant, c.Name, t.Schema, t.Isolation, report.Objects, result)
	}
	return good, nil
}
