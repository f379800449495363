package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"tenantpool/auth"
	"tenantpool/config"
	"tenantpool/provision"
	"tenantpool/routing"
)

func runTenantDrop(args []string, stdout, stderr io.Writer) int {
	f := newTenantFlags("drop", stderr)
	registry := f.String("registry", "", "take its row out of this `table` of the cluster")
	yes := f.Bool("yes", false, "do it; without, only say what would be dropped")
	names, status, ok := f.parse(args, 1, 1)
	if !ok {
		return status
	}
	if err := f.drop(context.Background(), names[0], *registry, *yes, stdout); err != nil {
		return f.fail(err)
	}
	return 0
}

// drop refuses while clients are connected, takes the tenant out of the books and
// drops what it has.
func (f *tenantFlags) drop(ctx context.Context, name, registry string, yes bool, stdout io.Writer) error {
	cfg, err := f.load(ctx)
	if err != nil {
		return err
	}
	routes := cfg.Table.Reach(name)
	if len(routes) == 0 {
		return fmt.Errorf("no [[route]] of %s leads to a tenant %q", cfg.File, name)
	}
	t := placedBy(cfg, routes[0], nil)
	if registry == "" && cfg.Table.Registers(name) {
		if registry = rowsIn(cfg, t.Route.Cluster); registry == "" {
			return fmt.Errorf("tenant %q is a row of the registry on cluster %q: take it out there, then drop its schema, or say --registry TABLE", name, cfg.Registry.Cluster)
		}
	}
	file, err := entryFile(cfg, name)
	if err != nil {
		return err
	}
	pg, err := f.connect(ctx, cfg, t.cluster)
	if err != nil {
		return err
	}
	defer pg.Close(ctx)
	h, err := provision.Holds(ctx, pg, t.Tenant)
	if err != nil {
		return err
	}
	if !h.Schema && !h.Role {
		return fmt.Errorf("tenant %q has neither schema nor role on cluster %q", name, t.Route.Cluster)
	}
	if err := f.unused(ctx, cfg, t, h, stdout); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "tenant %q: schema %q on cluster %q with %s tables, %s", name, t.Schema, t.Route.Cluster, h.Tables, h.Bytes)
	if h.Role {
		fmt.Fprintf(stdout, ", and role %q", t.Actor())
	}
	fmt.Fprintln(stdout)
	if !yes {
		return errors.New("nothing was dropped; say --yes to drop it for good")
	}
	if err := provision.Drop(ctx, pg, t.Tenant, t.cluster.Database, unpublish(t, file, registry)); err != nil {
		return fmt.Errorf("tenant %q: %w (nothing was dropped)", name, err)
	}
	fmt.Fprintln(stdout, "dropped")
	return nil
}

// entryFile is the file of its own in which a tenant is listed, "" if it is not
// listed at all. One that is listed elsewhere has to be taken out by hand.
func entryFile(cfg *config.Config, name string) (string, error) {
	if !slices.ContainsFunc(cfg.Tenants, func(t routing.TenantEntry) bool { return t.Name == name }) {
		return "", nil
	}
	for _, pattern := range cfg.Include {
		if path, ok := provision.EntryFile(pattern, name); ok && provision.IsEntry(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("[tenant.%s] has been written by hand: take it out of %s, or of the file it includes, then drop its schema with the rest",
		name, cfg.File)
}

// unpublish takes the tenant out of the books, as the last step of a drop.
func unpublish(t placed, file, registry string) func(context.Context, *provision.Conn) error {
	return func(ctx context.Context, pg *provision.Conn) error {
		if registry != "" {
			if err := provision.DeleteRow(ctx, pg, registry, t.Route.Tenant); err != nil {
				return err
			}
		}
		if file != "" {
			if err := provision.RemoveEntry(file); err != nil {
				return err
			}
		}
		if t.Route.Login != "" && t.cluster.LoginSecretsFile != "" {
			return provision.DropSecret(t.cluster.LoginSecretsFile, t.Route.Login)
		}
		return nil
	}
}

// unused refuses while somebody is connected: as the pooler knows, and as the
// server does for a login of the tenant's own.
func (f *tenantFlags) unused(ctx context.Context, cfg *config.Config, t placed, h provision.Holding, stdout io.Writer) error {
	if h.Sessions > 0 {
		return fmt.Errorf("tenant %q has %s to the server as %q; end them first", t.Route.Tenant, count(h.Sessions, "connection"), t.Actor())
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	switch n, err := connected(ctx, cfg, t.Route.Tenant); {
	case err != nil:
		fmt.Fprintf(stdout, "note: %v\n", err)
	case n > 0:
		return fmt.Errorf("tenant %q has %s connected to the pooler; suspend or drain it first", t.Route.Tenant, count(n, "client"))
	}
	return nil
}

// connected asks the pooler that runs, as the first of its admins whose password is
// known, how many clients of a tenant there are.
func connected(ctx context.Context, cfg *config.Config, tenant string) (int, error) {
	host, port, err := poolerAt(cfg, "")
	if err != nil || len(cfg.Admin.Users) == 0 {
		return 0, fmt.Errorf("%w: [admin] users names nobody", provision.ErrNoConsole)
	}
	user := cfg.Admin.Users[0]
	password := os.Getenv("PGPASSWORD")
	if s, ok := cfg.Auth.Users.Secret(user); ok && s.Kind() == auth.Plain {
		password = s.Reveal()
	}
	login, err := provision.ConsoleLogin(host, port, user, password)
	if err != nil {
		return 0, err
	}
	return provision.Connected(ctx, login, tenant)
}
