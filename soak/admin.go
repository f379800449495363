package soak

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/config"
	"tenantpool/routing"
)

// admin is the direct connection that makes and drops the probe tenants. It holds the lock that
// keeps a second soak away from the database.
type admin struct {
	pg       *pgconn.PgConn
	database string
	version  string // of the server
	temp     bool   // the clients may make temporary tables
}

// Login is a login past the pooler. Nil is the cluster's own.
type Login struct{ config *pgconn.Config }

// ParseLogin reads a connection string, with what libpq's environment adds to it. "" is nil. The error
// names no secret.
func ParseLogin(dsn string) (*Login, error) {
	if dsn == "" {
		return nil, nil
	}
	cfg, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("not a connection string such as postgres://user:password@host:5432/database")
	}
	return &Login{cfg}, nil
}

// clusterLogin is the login that the pooler uses.
func clusterLogin(c *config.Cluster) (*Login, error) {
	cfg, err := pgconn.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	cfg.Host, cfg.Port, cfg.Database = c.Hosts[0], uint16(c.Port), c.Database
	cfg.User, cfg.Password = c.User, c.Password.Reveal()
	return &Login{cfg}, nil
}

// connect logs in past the pooler and makes sure that the login can do what a soak needs.
func connect(ctx context.Context, g *Ground, login *Login) (*admin, error) {
	if login == nil {
		var err error
		if login, err = clusterLogin(g.Cluster); err != nil {
			return nil, err
		}
	}
	pg, err := pgconn.ConnectConfig(ctx, login.config)
	if err != nil {
		return nil, fmt.Errorf("connect to cluster %q directly: %w", g.Cluster.Name, err)
	}
	a := &admin{pg: pg}
	if err := a.inspect(ctx, g, login.config.User); err != nil {
		pg.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return a, nil
}

// lockSQL takes the lock that one soak has on a database. Its number is the word "soak".
const lockSQL = "SELECT pg_catalog.pg_try_advisory_lock(1936679275, 0)"

const inspectSQL = `SELECT current_database(), current_setting('server_version'),
 has_database_privilege(current_database(), 'CREATE'), r.rolsuper OR r.rolcreaterole,
 has_database_privilege('%s', current_database(), 'TEMP')
 FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`

func (a *admin) inspect(ctx context.Context, g *Ground, user string) error {
	row, err := a.row(ctx, fmt.Sprintf(inspectSQL, strings.ReplaceAll(g.Cluster.User, "'", "''")))
	if err != nil {
		return fmt.Errorf("ask cluster %q what login %q may do: %w", g.Cluster.Name, user, err)
	}
	a.database, a.version, a.temp = row[0], row[1], row[4] == "t"
	const another = `; or name another login with --admin "postgres://..."`
	switch {
	case a.database != g.Cluster.Database:
		return fmt.Errorf("--admin leads to database %q, cluster %q is database %q",
			a.database, g.Cluster.Name, g.Cluster.Database)
	case row[2] != "t":
		return fmt.Errorf("login %q may not create schemas: GRANT CREATE ON DATABASE %s TO %s%s",
			user, ident(a.database), ident(user), another)
	case g.level() == routing.RoleSwitch && row[3] != "t":
		return fmt.Errorf("login %q may not create roles, which isolation = \"role\" needs%s", user, another)
	}
	row, err = a.row(ctx, lockSQL)
	if err == nil && row[0] != "t" {
		err = fmt.Errorf("another soak is running in database %q", a.database)
	}
	return err
}

// level is the isolation of the probe tenants.
func (g *Ground) level() routing.Isolation { return g.Probes[0].route.Isolation }

func (a *admin) close() { a.pg.Close(context.Background()) }

func (a *admin) exec(ctx context.Context, sql string) error {
	_, err := a.pg.Exec(ctx, sql).ReadAll()
	return err
}

// rows runs one query and returns what it gives, NULL as "".
func (a *admin) rows(ctx context.Context, sql string) ([][]string, error) {
	results, err := a.pg.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	var all [][]string
	for _, row := range results[len(results)-1].Rows {
		fields := make([]string, len(row))
		for i, f := range row {
			fields[i] = string(f)
		}
		all = append(all, fields)
	}
	return all, nil
}

// row is rows for a query that gives one row.
func (a *admin) row(ctx context.Context, sql string) ([]string, error) {
	all, err := a.rows(ctx, sql)
	if err == nil && len(all) != 1 {
		err = fmt.Errorf("%d rows instead of one: %s", len(all), sql)
	}
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// ident quotes a name.
func ident(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
