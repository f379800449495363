package main

import (
	"context"
	"fmt"
	"strings"
)

// The many tenants are schemas t1, t2, ... with a login of the same name each,
// for those who know tenants by their login. Each has pgbench's tables, small.
const (
	tenantRows   = 1000 // accounts of each
	tenantsMost  = 1000
	tenantsWrite = 50 // so many have the tables that writing needs
)

func tenantName(i int) string { return fmt.Sprintf("t%d", i+1) }

// loadTenants makes the many tenants, unless they are there.
func (l *Lab) loadTenants(ctx context.Context) error {
	if l.loaded {
		return nil
	}
	for from := 0; from < tenantsMost; from += 50 {
		var sql strings.Builder
		for i := from; i < from+50; i++ {
			sql.WriteString(tenantSQL(tenantName(i), i < tenantsWrite))
		}
		if err := l.execute(ctx, database, sql.String()); err != nil {
			return err
		}
	}
	l.loaded = true
	return l.execute(ctx, database, "VACUUM ANALYZE", "CHECKPOINT")
}

func tenantSQL(name string, writes bool) string {
	sql := fmt.Sprintf(`CREATE ROLE %[1]s LOGIN IN ROLE %[2]s PASSWORD '%[3]s'; ALTER ROLE %[1]s SET search_path = %[1]s;
SET ROLE %[2]s; CREATE SCHEMA %[1]s; SET search_path = %[1]s;
CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88));
CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
INSERT INTO pgbench_branches VALUES (1, 0);
INSERT INTO pgbench_accounts SELECT n, 1, 0, '' FROM generate_series(1, %[4]d) n;
`, name, role, password, tenantRows)
	if writes {
		sql += `CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84));
CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
INSERT INTO pgbench_tellers SELECT n, 1, 0, '' FROM generate_series(1, 10) n;
`
	}
	return sql + "RESET ROLE; RESET search_path;\n"
}

// who is whom the clients of a scenario connect as: each contender says how a
// tenant is named to it.
func (s Scenario) who(r *Running) []identity {
	if s.Tenants == 0 {
		return []identity{{role, r.Database}}
	}
	all := make([]identity, s.Tenants)
	for i := range all {
		all[i] = r.tenant(tenantName(i))
	}
	return all
}
