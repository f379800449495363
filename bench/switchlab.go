package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tenantpool/internal/pgtest"
)

// switchVersions are the servers on which switching is measured: one that does
// not report its search_path, and one that does.
var switchVersions = []string{"15", "18"}

// measureSwitching measures on every version that is there and gives the part
// of the results.
func measureSwitching(ctx context.Context, o options) (text string, err error) {
	about := fmt.Sprintf("\n%s, load before %s, revision %s\n", time.Now().UTC().Format("2006-01-02 15:04 MST"),
		loadAverage(), firstOutput(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12"))
	for _, version := range switchVersions {
		if _, missing := pgtest.FindVersion(version); missing != nil {
			about += fmt.Sprintf("\nPostgreSQL %s is not installed here.\n", version)
			continue
		}
		costs, release, err := measureOn(ctx, o, version)
		if err != nil {
			return "", fmt.Errorf("switching on PostgreSQL %s: %w", version, err)
		}
		about += fmt.Sprintf("\nPostgreSQL %s:\n\n%s", release, lendingTable(costs))
	}
	return about, nil
}

// measureOn measures on one version, with a server of its own.
func measureOn(ctx context.Context, o options, version string) (costs []cost, release string, err error) {
	lab, err := openSwitchLab(ctx, o, version)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	pool, err := newTenantPool(ctx, lab)
	if err != nil {
		return nil, "", err
	}
	t, err := openTap(fmt.Sprintf("%s:%d", lab.server.Host, lab.server.Port))
	if err != nil {
		return nil, "", err
	}
	defer t.listener.Close()
	plain, err := startForSwitching(ctx, pool, "plain", lab.server.Host, lab.server.Port)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, plain.Stop()) }()
	tapped, err := startForSwitching(ctx, pool, "tapped", "127.0.0.1", t.port())
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, tapped.Stop()) }()
	costs, err = measureLendings(ctx, o.Rounds, plain, tapped, t)
	return costs, lab.server.Binaries.Release, err
}

// openSwitchLab starts a server with two tenants and a role for each.
func openSwitchLab(ctx context.Context, o options, version string) (*Lab, error) {
	return newLab(ctx, o, pgtest.Options{Version: version, Settings: serverSettings}, func(l *Lab) error {
		if err := l.execute(ctx, "postgres", "CREATE ROLE "+role+" LOGIN NOINHERIT", "CREATE DATABASE "+database+" OWNER "+role); err != nil {
			return err
		}
		return l.execute(ctx, database, switchTenants...)
	})
}

var switchTenants = []string{
	"SET ROLE " + role + "; CREATE SCHEMA acme; CREATE SCHEMA globex; CREATE SCHEMA shared; CREATE TABLE acme.pgbench_branches ()",
	"CREATE FUNCTION shared.hidden() RETURNS int LANGUAGE sql AS 'SELECT 1'",
	"CREATE ROLE acme; CREATE ROLE globex; GRANT acme, globex TO " + role,
	"GRANT USAGE ON SCHEMA acme TO acme; GRANT USAGE ON SCHEMA globex TO globex; GRANT USAGE ON SCHEMA shared TO PUBLIC",
}

// startForSwitching starts a pooler with one server connection for each way to
// lend it.
func startForSwitching(ctx context.Context, t *tenantPool, name, host string, port int) (*Running, error) {
	listen, err := pgtest.FreePort()
	if err != nil {
		return nil, err
	}
	return t.lab.launch(ctx, &Running{Port: listen, Database: tenant}, name, name+".toml", switchConfig(listen, host, port), t.run())
}

func switchConfig(listen int, host string, port int) string {
	text := fmt.Sprintf("listen = [\"127.0.0.1:%d\"]\n\n[auth]\nmethod = \"trust\"\n", listen)
	for cluster, more := range map[string]string{"main": "", "trust": `same_tenant = "trust"`, "always": `same_tenant = "switch"`,
		"checked": `schema_check = "switch"`, "roles": ""} {
		text += fmt.Sprintf("\n[cluster.%s]\nhost = %q\nport = %d\ndatabase = %q\nuser = %q\npool_size = 1\n%s\n",
			cluster, host, port, database, role, more)
	}
	const setting = "settings = { \"app.tenant_id\" = \"{tenant}\" }\n"
	const roled = "isolation = \"role\"\nrole = \"{tenant}\"\n"
	for _, r := range []struct{ pattern, cluster, more string }{
		{"trust_{tenant}", "trust", ""}, {"always_{tenant}", "always", ""}, {"checked_{tenant}", "checked", ""},
		{"role_{tenant}", "roles", roled}, {"set_{tenant}", "main", setting}, {"both_{tenant}", "roles", setting + roled},
		{"{tenant}", "main", ""},
	} {
		text += fmt.Sprintf("\n[[route]]\ndatabase = %q\nusers = [%q]\ncluster = %q\nsearch_path = [\"{schema}\"]\ntenants = \"schema\"\n%s",
			r.pattern, role, r.cluster, r.more)
	}
	return text
}
