package provision

import (
	"context"
	"fmt"

	"tenantpool/pool"
	"tenantpool/routing"
)

// Holding is what a drop would take away.
type Holding struct {
	Schema   bool
	Role     bool
	Tables   string // how many
	Bytes    string // as Postgres writes a size
	Sessions int    // server connections of the tenant's own login
}

const holdingQuery = `SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.text),
 EXISTS (SELECT FROM pg_catalog.pg_roles a WHERE a.rolname OPERATOR(pg_catalog.=) $2::pg_catalog.text),
 pg_catalog.count(*) FILTER (WHERE c.relkind IN ('r','p')), pg_catalog.pg_size_pretty(COALESCE(pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid))
  FILTER (WHERE c.relkind IN ('r','m')), 0)),
 (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity s WHERE s.usename OPERATOR(pg_catalog.=) $2::pg_catalog.text)
FROM pg_catalog.pg_class c, pg_catalog.pg_namespace n
 WHERE c.relnamespace OPERATOR(pg_catalog.=) n.oid AND n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.text`

// Holds finds out what a tenant has. Who is connected can be told by the server for
// a login of the tenant's own alone.
func Holds(ctx context.Context, pg *Conn, t Tenant) (h Holding, err error) {
	rows, err := query(ctx, pg, holdingQuery, t.Schema, t.Actor())
	if err != nil {
		return h, reason(err)
	}
	row := rows[0]
	h = Holding{Schema: row[0] == "t", Role: t.OwnRole() && row[1] == "t", Tables: row[2], Bytes: row[3]}
	if t.Isolation == routing.Dedicated {
		_, _ = fmt.Sscan(row[4], &h.Sessions)
	}
	return h, nil
}

// DropScript gives the statements that take away what a tenant has.
func DropScript(t Tenant, s Server, h Holding) []string {
	var script []string
	if h.Schema {
		script = append(script, "DROP SCHEMA "+pool.QuoteIdent(t.Schema)+" CASCADE")
	}
	if h.Role {
		role := pool.QuoteIdent(t.Actor())
		begin, _ := lending(t, s)
		script = append(script, begin...) // a role itself may drop what it owns
		script = append(script, "SET LOCAL ROLE "+role, "DROP OWNED BY "+role, "RESET ROLE", "DROP ROLE "+role)
	}
	return script
}

// Drop takes away what a tenant has, in one transaction.
func Drop(ctx context.Context, pg *Conn, t Tenant, database string, unpublish func(context.Context, *Conn) error) error {
	s, err := Ask(ctx, pg, database)
	if err != nil {
		return err
	}
	h, err := Holds(ctx, pg, t)
	if err != nil {
		return err
	}
	script := append([]string{"BEGIN"}, DropScript(t, s, h)...)
	err = run(ctx, pg, script...)
	if err == nil && unpublish != nil {
		err = unpublish(ctx, pg)
	}
	if err == nil {
		return run(ctx, pg, "COMMIT")
	}
	if !pg.IsClosed() && pg.TxStatus() != 'I' {
		_, _ = pg.Exec(context.WithoutCancel(ctx), "ROLLBACK").ReadAll()
	}
	return err
}
