package starter

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5/pgconn"
)

// Facts are what a server says of itself.
type Facts struct {
	Host, Database, User string
	Port                 uint16
	Version              string
	Password             bool   // the server asks for one
	TLS, CA              string // for the cluster's keys; "" is the default
	Superuser            bool
	ReadsSecrets         bool // the login may read pg_authid
	Schemas              []Schema
}

// Schema is a schema that may be a tenant: not Postgres's, not an extension's and
// not public.
type Schema struct {
	Name, Owner string
	Usable      bool // the login may use it
	Role        bool // there is a role of that name
	Login       bool // which can log in
	Secret      bool // and has a password, as far as may be seen
	Member      bool // and which the login may become
}

const aboutLogin = `SELECT pg_catalog.current_setting('server_version'), a.rolsuper,
 pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT')
 FROM pg_catalog.pg_roles a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER`

// aboutSchemas gives the schemas; %s is whether the role has a password.
const aboutSchemas = `SELECT n.nspname, o.rolname, pg_catalog.has_schema_privilege(n.oid, 'USAGE'), r.oid IS NOT NULL,
 COALESCE(r.rolcanlogin, false), %s, COALESCE(pg_catalog.pg_has_role(CURRENT_USER, r.oid, 'MEMBER'), false)
 FROM pg_catalog.pg_namespace n
 JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) n.nspowner
 LEFT JOIN pg_catalog.pg_roles r ON r.rolname OPERATOR(pg_catalog.=) n.nspname
 WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{public,information_schema}')
 AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
  AND d.objid OPERATOR(pg_catalog.=) n.oid AND d.deptype OPERATOR(pg_catalog.=) 'e')
 ORDER BY n.nspname COLLATE "C"`

const hasSecret = `EXISTS (SELECT FROM pg_catalog.pg_authid s WHERE s.oid OPERATOR(pg_catalog.=) r.oid AND s.rolpassword IS NOT NULL)`

// Look connects as a URL or a string of libpq's says, and asks.
func Look(ctx context.Context, from string) (*Facts, error) {
	c, err := pgconn.ParseConfig(from)
	if err != nil {
		return nil, errors.New("--from: this is no address of a server, as in postgres://user@host/database")
	}
	f := &Facts{Host: c.Host, Port: c.Port, Database: c.Database, User: c.User}
	if f.Database == "" {
		f.Database = f.User
	}
	pg, err := f.connect(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { _ = pg.Close(ctx) }()
	f.transport(c, pg, from)
	return f, f.ask(ctx, pg)
}

// connect logs in without the password first, to see whether one is needed.
func (f *Facts) connect(ctx context.Context, c *pgconn.Config) (*pgconn.PgConn, error) {
	bare := c.Copy()
	bare.Password = ""
	pg, err := pgconn.ConnectConfig(ctx, bare)
	if err != nil && c.Password != "" {
		f.Password = true
		pg, err = pgconn.ConnectConfig(ctx, c)
	}
	if err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	return pg, nil
}

// transport finds out how the connection is protected.
func (f *Facts) transport(c *pgconn.Config, pg *pgconn.PgConn, from string) {
	_, encrypted := pg.Conn().(*tls.Conn)
	local := pg.Conn().RemoteAddr().Network() == "unix" || c.Host == "localhost" || c.Host == "127.0.0.1" || c.Host == "::1"
	switch {
	case !encrypted && !local:
		f.TLS = "disable"
	case encrypted && c.TLSConfig != nil && c.TLSConfig.InsecureSkipVerify:
		f.TLS = "require"
	case encrypted:
		f.TLS = "verify-full"
		if u, err := url.Parse(from); err == nil {
			f.CA = u.Query().Get("sslrootcert")
		}
	}
}

func (f *Facts) ask(ctx context.Context, pg *pgconn.PgConn) error {
	rows, err := query(ctx, pg, aboutLogin)
	if err != nil || len(rows) != 1 {
		return fmt.Errorf("--from: the server does not say who the login is: %w", err)
	}
	f.Version, f.Superuser, f.ReadsSecrets = rows[0][0], rows[0][1] == "t", rows[0][2] == "t"
	secret := "false"
	if f.ReadsSecrets {
		secret = hasSecret
	}
	rows, err = query(ctx, pg, fmt.Sprintf(aboutSchemas, secret))
	if err != nil {
		return fmt.Errorf("--from: the schemas cannot be listed: %w", err)
	}
	for _, r := range rows {
		is := func(i int) bool { return r[i] == "t" }
		f.Schemas = append(f.Schemas, Schema{Name: r[0], Owner: r[1], Usable: is(2), Role: is(3), Login: is(4), Secret: is(5), Member: is(6)})
	}
	return nil
}

func query(ctx context.Context, pg *pgconn.PgConn, sql string) (rows [][]string, err error) {
	result := pg.ExecParams(ctx, sql, nil, nil, nil, nil)
	for result.NextRow() {
		var row []string
		for _, v := range result.Values() {
			row = append(row, string(v))
		}
		rows = append(rows, row)
	}
	_, err = result.Close()
	return rows, err
}
