package provision

import "context"

const schemasQuery = `SELECT n.nspname FROM pg_catalog.pg_namespace n
 WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND n.nspname NOT IN ('public', 'information_schema')
 AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
  AND d.objid OPERATOR(pg_catalog.=) n.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char")
 ORDER BY 1`

// Schemas lists the schemas that can be tenants: all but those of Postgres and of
// extensions.
func Schemas(ctx context.Context, pg *Conn) ([]string, error) {
	rows, err := query(ctx, pg, schemasQuery)
	if err != nil {
		return nil, reason(err)
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row[0]
	}
	return names, nil
}
