package pool

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// verdict is what was last seen of a schema.
type verdict struct {
	ok bool
	at time.Time
}

// How long a verdict is good for.
const (
	goodFor = 30 * time.Second
	badFor  = 5 * time.Second
)

func (v verdict) stands(now time.Time) bool {
	if v.ok {
		return now.Sub(v.at) < goodFor
	}
	return now.Sub(v.at) < badFor
}

// ErrNoSchema says that a schema does not exist, or not for the role that would
// use it.
type ErrNoSchema struct{ Schema, Tenant string }

func (e *ErrNoSchema) Error() string { return errNoSchema(e.Schema, e.Tenant).Message }

// want is a schema and the role that is to use it, "" for the login.
type want struct{ schema, role string }

// schemaQuery says for each schema and role whether the one may use the other.
const schemaQuery = `SELECT (n.oid IS NOT NULL AND CASE
  WHEN u.r OPERATOR(pg_catalog.=) '' THEN pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  ELSE pg_catalog.has_schema_privilege(a.oid, n.oid, 'USAGE') END) IS TRUE
 FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY AS u(s, r, i)
 LEFT JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) u.s::pg_catalog.name
 LEFT JOIN pg_catalog.pg_roles a ON a.rolname OPERATOR(pg_catalog.=) u.r::pg_catalog.name
 ORDER BY u.i`

// lookFor asks for all of them in one query. Names that Postgres would cut are
// nobody's.
func lookFor(ctx context.Context, pg *pgconn.PgConn, wants []want) ([]bool, error) {
	schemas, roles := make([]string, len(wants)), make([]string, len(wants))
	for i, w := range wants {
		schemas[i], roles[i] = w.schema, w.role
	}
	result := pg.ExecParams(ctx, schemaQuery, [][]byte{TextArray(schemas), TextArray(roles)}, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, result.Err
	}
	if len(result.Rows) != len(wants) {
		return nil, errors.New("the server sent another number of rows than asked for")
	}
	there := make([]bool, len(wants))
	for i, row := range result.Rows {
		there[i] = string(row[0]) == "t" && checkName(wants[i].schema) == nil
	}
	return there, nil
}

// TextArray writes an array of texts as a bound parameter wants it.
func TextArray(items []string) []byte {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = `"` + escape.Replace(s) + `"`
	}
	return []byte("{" + strings.Join(quoted, ",") + "}")
}

// CheckSchema looks for a schema of prof's: it exists, and the role that uses it
// has USAGE. The error is *ErrNoSchema, *wire.Error if the server cannot be
// asked, or ctx's. Answers are kept, 30 s if good and 5 s if bad. From then on
// the schema is looked for in every round in which the profile is in use.
func (p *Pool) CheckSchema(ctx context.Context, prof *Profile, schema string) error {
	at := p.profilePlace(prof)
	v, ok := p.verdict(at, schema)
	if !ok && checkName(schema) == nil {
		there, err := ask(ctx, &p.control, func(ctx context.Context, pg *pgconn.PgConn) ([]bool, error) {
			if v, ok := p.verdict(at, schema); ok {
				return []bool{v.ok}, nil
			}
			return lookFor(ctx, pg, []want{{schema, prof.user()}})
		})
		if err != nil {
			return err
		}
		v = verdict{there[0], time.Now()}
		p.record(prof, at, []string{schema}, there)
	}
	if !v.ok {
		return &ErrNoSchema{schema, prof.spec.Tenant}
	}
	return nil
}

func (p *Pool) verdict(at *profilePlace, schema string) (verdict, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := at.watched[schema]
	return v, ok && v.stands(time.Now())
}

const schemaIsTenantQuery = `SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace n
 WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
  WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
  AND d.objid OPERATOR(pg_catalog.=) n.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char"))`

// SchemaIsTenant says whether a schema may be a tenant by its name alone, for
// routes with tenants = "schema": it exists, is not public, information_schema
// or pg_*, and no extension owns it. Answers are kept as CheckSchema's.
func (p *Pool) SchemaIsTenant(ctx context.Context, name string) (bool, error) {
	if checkName(name) != nil || strings.HasPrefix(name, "pg_") || name == "public" || name == "information_schema" {
		return false, nil
	}
	x := &p.control
	if v, ok := x.tenant(name); ok {
		return v.ok, nil
	}
	return ask(ctx, x, func(ctx context.Context, pg *pgconn.PgConn) (bool, error) {
		if v, ok := x.tenant(name); ok {
			return v.ok, nil
		}
		result := pg.ExecParams(ctx, schemaIsTenantQuery, [][]byte{[]byte(name)}, nil, nil, nil).Read()
		if result.Err != nil {
			return false, result.Err
		}
		ok := len(result.Rows) == 1 && string(result.Rows[0][0]) == "t"
		x.mu.Lock()
		defer x.mu.Unlock()
		x.tenants.put(name, verdict{ok, time.Now()})
		return ok, nil
	})
}

func (x *control) tenant(name string) (verdict, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	v, ok := x.tenants.get(name)
	return v, ok && v.stands(time.Now())
}
