package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"tenantpool/internal/pgtest"
)

// setUp finds the programs, starts Postgres and makes the tenants.
func (s *stage) setUp(ctx context.Context) (err error) {
	s.server, err = pgtest.Launch(ctx, pgtest.Options{
		MaxConnections: 2*s.poolSize + 20, // the pooler's, a compared pooler's, and the demo's own
		Settings:       map[string]string{"max_wal_size": "4GB", "checkpoint_timeout": "1h"},
	})
	if errors.Is(err, pgtest.ErrNotFound) {
		return fmt.Errorf("%w (apt-get install postgresql, or: scripts/install-deps.sh demo)", err)
	}
	if err != nil {
		return err
	}
	s.later(func() { s.server.Stop() })
	if s.pgbench, err = s.server.Binaries.Tool("pgbench"); err != nil {
		return fmt.Errorf("%w (apt-get install postgresql-contrib, or: scripts/install-deps.sh demo)", err)
	}
	if s.dir, err = s.directory(nil); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "postgres %s   private, on 127.0.0.1:%d, with %d tenants: a schema each\n",
		s.server.Binaries.Release, s.server.Port, s.tenants)
	return s.makeTenants(ctx)
}

// directory makes a temporary directory for the account that lasts as long as the stage.
func (s *stage) directory(as *pgtest.Account) (string, error) {
	dir, remove, err := pgtest.TempDir(as)
	if err == nil {
		s.later(func() { remove() })
	}
	return dir, err
}

func (s *stage) makeTenants(ctx context.Context) error {
	tenants := tenantNames(s.tenants)
	err := s.server.Exec(ctx, "postgres", "CREATE ROLE "+login+" LOGIN")
	if err == nil {
		err = s.server.Exec(ctx, "postgres", "CREATE DATABASE "+database+" OWNER "+login)
	}
	if err == nil {
		err = s.server.Exec(ctx, database, tenantSQL(tenants))
	}
	if err != nil {
		return fmt.Errorf("making the tenants: %w", err)
	}
	for _, tenant := range tenants {
		s.results = append(s.results, &result{tenant: tenant, tps: map[string]float64{}, switches: "-"})
		if err := os.WriteFile(s.scriptFile(tenant), []byte(checkScript(tenant)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) scriptFile(tenant string) string { return filepath.Join(s.dir, tenant+".sql") }

// stayUp says how to look around, and waits for the user's Ctrl-C.
func (s *stage) stayUp(ctx context.Context, e endpoint) {
	fmt.Fprintf(s.out, "\nStill up, until Ctrl-C. Through the pooler:\n")
	for _, r := range s.results {
		user, db := e.identity(r.tenant)
		fmt.Fprintf(s.out, "  PGPASSWORD=%s psql -h %s -p %d -U %s %s\n", e.password, e.host, e.port, user, db)
	}
	fmt.Fprintf(s.out, "Past it, as the superuser:\n  psql -h %s -p %s -U %s %s\n",
		s.server.Host, strconv.Itoa(s.server.Port), s.server.User, database)
	<-ctx.Done()
}
