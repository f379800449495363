package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/pool"
)

// Creation is what Create is to do.
type Creation struct {
	Tenant   Tenant
	Database string // of the cluster
	Grants   Grants
	Template string // SQL to run as the tenant; "" is none

	// Publish is called last, in the same transaction: if it fails nothing has been
	// made. It may be nil.
	Publish func(context.Context, *Conn) error
}

// Create makes a tenant in one transaction of the connection's: all of it, or
// nothing. It checks the tenant before it commits.
func Create(ctx context.Context, pg *Conn, c Creation) error {
	s, err := Ask(ctx, pg, c.Database)
	if err != nil {
		return err
	}
	if err := run(ctx, pg, "BEGIN"); err != nil {
		return err
	}
	defer func() {
		if !pg.IsClosed() && pg.TxStatus() != 'I' {
			_, _ = pg.Exec(context.WithoutCancel(ctx), "ROLLBACK").ReadAll()
		}
	}()
	if err := run(ctx, pg, Script(c.Tenant, s, c.Grants)...); err != nil {
		return err
	}
	if err := c.asTenant(ctx, pg, s); err != nil {
		return err
	}
	if err := c.verify(ctx, pg); err != nil {
		return err
	}
	if c.Publish != nil {
		if err := c.Publish(ctx, pg); err != nil {
			return err
		}
	}
	return run(ctx, pg, "COMMIT")
}

// verify is the check of a new tenant.
func (c Creation) verify(ctx context.Context, pg *Conn) error {
	report, err := Check(ctx, pg, c.Tenant, nil)
	if err != nil {
		return err
	}
	if len(report.Faults) > 0 {
		return fmt.Errorf("the new tenant fails its check: %s", strings.Join(report.Faults, "; "))
	}
	return nil
}

// asTenant becomes the tenant for a moment: to see that its path is what it
// should be, and to run the template.
func (c Creation) asTenant(ctx context.Context, pg *Conn, s Server) error {
	t := c.Tenant
	begin, end := lending(t, s)
	if c.Template != "" && t.OwnRole() && !c.Grants.Create { // to make its tables, once
		schema, actor := pool.QuoteIdent(t.Schema), pool.QuoteIdent(t.Actor())
		begin = append(begin, "GRANT CREATE ON SCHEMA "+schema+" TO "+actor)
		end = append(end, "REVOKE CREATE ON SCHEMA "+schema+" FROM "+actor)
	}
	if err := run(ctx, pg, append(begin, profile(t)...)...); err != nil {
		return err
	}
	if err := samePath(ctx, pg, t); err != nil {
		return err
	}
	if c.Template != "" {
		if err := runTemplate(ctx, pg, c.Template); err != nil {
			return err
		}
	}
	return run(ctx, pg, append([]string{"RESET ROLE", "SET LOCAL search_path TO pg_catalog"}, end...)...)
}

// profile gives the statements after which a transaction is the tenant's.
func profile(t Tenant) []string {
	quoted := make([]string, len(t.Path))
	for i, name := range t.Path {
		quoted[i] = pool.QuoteIdent(name)
	}
	script := []string{localSetting("tenantpool.tenant", t.Tenant), localSetting("tenantpool.schema", t.Schema)}
	for _, s := range t.Settings {
		script = append(script, localSetting(s.Name, s.Value))
	}
	script = append(script, "SET LOCAL search_path TO "+strings.Join(quoted, ", "))
	if t.OwnRole() {
		script = append(script, "SET LOCAL ROLE "+pool.QuoteIdent(t.Actor()))
	}
	return script
}

func localSetting(name, value string) string {
	return fmt.Sprintf("SELECT pg_catalog.set_config(%s, %s, true)", pool.QuoteValue(name), pool.QuoteValue(value))
}

// samePath reports an error if Postgres skips a schema of the path, because it is
// not there or may not be used.
func samePath(ctx context.Context, pg *Conn, t Tenant) error {
	rows, err := query(ctx, pg, "SELECT s FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) s")
	if err != nil {
		return reason(err)
	}
	seen := make(map[string]bool, len(rows))
	for _, row := range rows {
		seen[row[0]] = true
	}
	for _, want := range t.Path {
		if !seen[want] {
			return fmt.Errorf("schema %q of the search_path does not exist, or %q may not use it", want, t.Actor())
		}
	}
	return nil
}

// runTemplate runs the operator's own SQL within the transaction.
func runTemplate(ctx context.Context, pg *Conn, sql string) error {
	if _, err := pg.Exec(ctx, sql).ReadAll(); err != nil {
		return fmt.Errorf("template: %w", at(sql, err))
	}
	if pg.TxStatus() != 'T' {
		return errors.New("template: it ends the transaction; leave COMMIT and ROLLBACK out of it")
	}
	return nil
}

// at says in which line of sql the server found its error, if it said where.
func at(sql string, err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Position < 1 {
		return reason(err)
	}
	line, left := 1, int(e.Position)-1 // in characters
	for _, r := range sql {
		if left--; left < 0 {
			break
		}
		if r == '\n' {
			line++
		}
	}
	return fmt.Errorf("line %d: %w", line, reason(err))
}
