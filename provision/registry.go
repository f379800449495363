package provision

import (
	"context"
	"fmt"
	"strings"

	"tenantpool/pool"
	"tenantpool/routing"
)

// table quotes the name of a table, with or without its schema.
func table(name string) string {
	schema, rest, ok := strings.Cut(name, ".")
	if !ok {
		return pool.QuoteIdent(name)
	}
	return pool.QuoteIdent(schema) + "." + pool.QuoteIdent(rest)
}

// InsertRow lists a tenant in a table like that of docs/registry.sql. What is empty
// becomes NULL, which leaves it to the route.
func InsertRow(ctx context.Context, pg *Conn, name string, e routing.TenantEntry, password string) error {
	level := ""
	if e.Isolation != nil {
		level = e.Isolation.String()
	}
	columns, values := []string{"name"}, []string{e.Name}
	for _, c := range [][2]string{{"schema", e.Schema}, {"cluster", e.Cluster}, {"isolation", level}, {"login", e.Login}, {"password", password}} {
		if c[1] != "" {
			columns, values = append(columns, c[0]), append(values, c[1])
		}
	}
	marks := make([]string, len(values))
	for i := range marks {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	sql := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table(name), strings.Join(columns, ", "), strings.Join(marks, ", "))
	if _, err := query(ctx, pg, sql, values...); err != nil {
		return fmt.Errorf("registry %s: %w", name, reason(err))
	}
	return nil
}

// DeleteRow takes a tenant out of such a table.
func DeleteRow(ctx context.Context, pg *Conn, name, tenant string) error {
	if _, err := query(ctx, pg, "DELETE FROM "+table(name)+" WHERE name = $1", tenant); err != nil {
		return fmt.Errorf("registry %s: %w", name, reason(err))
	}
	return nil
}
