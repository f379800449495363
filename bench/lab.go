package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"tenantpool/internal/pgtest"
)

// The one tenant: a database to the poolers, a schema to Postgres.
const (
	tenant   = "acme"
	role     = "app"
	database = "app"
	scale    = 10       // of pgbench -i: a million rows
	password = "secret" // where clients log in with one
)

// A Lab is the place that all contenders share: one server with the data
// loaded, and a directory that the poolers' account may read.
type Lab struct {
	options options
	server  *pgtest.Server
	account *pgtest.Account
	dir     string // goes with the server
	pgbench string

	cert, key string // what poolers show to clients with TLS
	loaded    bool   // the many tenants are there
}

// openLab starts the server and loads it. The caller closes the Lab.
func openLab(ctx context.Context, o options) (*Lab, error) {
	return newLab(ctx, o, pgtest.Options{Version: o.Postgres, MaxConnections: 300, Settings: serverSettings}, func(l *Lab) error { return l.prepare(ctx) })
}

// newLab starts a server and has it filled. The caller closes the Lab.
func newLab(ctx context.Context, o options, of pgtest.Options, fill func(*Lab) error) (*Lab, error) {
	account, err := pgtest.Unprivileged()
	if err != nil {
		return nil, err
	}
	server, err := pgtest.Launch(ctx, of)
	if err != nil {
		return nil, err
	}
	l := &Lab{options: o, server: server, account: account}
	if l.pgbench, err = server.Binaries.Tool("pgbench"); err == nil {
		err = l.makeDir()
	}
	if err == nil {
		err = fill(l)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// serverSettings keep the data in memory and background work out of the way.
var serverSettings = map[string]string{
	"shared_buffers": "256MB",
	"autovacuum":     "off",
	"jit":            "off",
	"max_wal_size":   "4GB",
}

// Close stops the server and removes all files.
func (l *Lab) Close() error { return l.server.Stop() }

// prepare makes what the poolers show with TLS, and the one tenant.
func (l *Lab) prepare(ctx context.Context) error {
	authority, err := pgtest.MakeAuthority(l.dir, "authority")
	if err != nil {
		return err
	}
	if l.cert, l.key, err = authority.Make("pooler", pgtest.Leaf{Hosts: []string{"127.0.0.1"}}); err != nil {
		return err
	}
	if err := l.account.Own(l.key); err != nil {
		return err
	}
	return l.load(ctx)
}

func (l *Lab) makeDir() (err error) {
	if l.dir, err = os.MkdirTemp(l.server.SocketDir, "bench-"); err != nil {
		return err
	}
	return errors.Join(os.Chmod(l.dir, 0o755), l.account.Own(l.dir))
}

// load creates the login, the tenant's schema and its tables.
func (l *Lab) load(ctx context.Context) error {
	if err := l.execute(ctx, "postgres", "CREATE ROLE "+role+" LOGIN PASSWORD '"+password+"'", "CREATE DATABASE "+database+" OWNER "+role); err != nil {
		return err
	}
	if err := l.execute(ctx, database, "CREATE SCHEMA "+tenant+" AUTHORIZATION "+role); err != nil {
		return err
	}
	init := exec.CommandContext(ctx, l.pgbench, "-i", "-q", "-s", strconv.Itoa(scale), "-h", l.server.Host,
		"-p", strconv.Itoa(l.server.Port), "-U", role, database)
	init.Env = environment("PGSSLMODE=disable", "PGOPTIONS=-c search_path="+tenant)
	if out, err := init.CombinedOutput(); err != nil {
		return fmt.Errorf("pgbench -i: %w: %s", err, out)
	}
	return l.execute(ctx, database, blobs, bulk, "VACUUM ANALYZE", "CHECKPOINT")
}

// execute runs statements as the superuser, each on its own.
func (l *Lab) execute(ctx context.Context, database string, statements ...string) error {
	for _, statement := range statements {
		if err := l.server.Exec(ctx, database, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// blobs makes the table of the big result: 16 rows of 64 KiB, kept out of line
// and uncompressed. md5 keeps them from being all alike.
const blobs = `SET ROLE ` + role + `; SET search_path TO ` + tenant + `;
CREATE TABLE blobs (id int PRIMARY KEY, body text NOT NULL);
ALTER TABLE blobs ALTER body SET STORAGE EXTERNAL;
INSERT INTO blobs SELECT n, repeat(md5(n::text), 2048) FROM generate_series(1, 16) n`

// path is a file in the lab's directory.
func (l *Lab) path(name string) string { return filepath.Join(l.dir, name) }

// write puts a file into the lab's directory that the poolers may read.
func (l *Lab) write(name, text string) (string, error) {
	path := l.path(name)
	return path, os.WriteFile(path, []byte(text), 0o644)
}
