package provision

import (
	"context"
	"fmt"
	"strings"

	"tenantpool/routing"
)

// Report is what a check of a tenant found.
type Report struct {
	Objects int      // tables, views and sequences in its schema
	Faults  []string // each with what to do about it; none is good
}

// checkQuery asks all that a check wants to know: $1 schema, $2 the actor, $3 the
// cluster's login, $4 the path.
const checkQuery = `SELECT n.oid IS NOT NULL, a.oid IS NOT NULL,
 COALESCE(pg_catalog.has_schema_privilege(a.oid, n.oid, 'USAGE'), false),
 COALESCE(pg_catalog.has_schema_privilege('public', n.oid, 'USAGE') OR pg_catalog.has_schema_privilege('public', n.oid, 'CREATE'), false),
 COALESCE(a.rolcanlogin, false), COALESCE(a.rolsuper OR a.rolbypassrls OR a.rolcreaterole, false),
 l.oid IS NOT NULL, COALESCE(l.rolsuper, false), COALESCE(pg_catalog.pg_has_role(l.oid, a.oid, 'MEMBER'), false),
 COALESCE(pg_catalog.pg_has_role(l.oid, a.oid, 'USAGE'), false),
 (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c WHERE c.relnamespace OPERATOR(pg_catalog.=) n.oid AND c.relkind IN ('r','p','v','m','f','S')),
 (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c WHERE c.relnamespace OPERATOR(pg_catalog.=) n.oid AND c.relkind IN ('r','p','v','m','f')
   AND NOT pg_catalog.has_table_privilege(a.oid, c.oid, 'SELECT')),
 (SELECT pg_catalog.string_agg(p, ', ') FROM pg_catalog.unnest($4::pg_catalog.text[]) p WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_namespace e
   WHERE e.nspname OPERATOR(pg_catalog.=) p AND pg_catalog.has_schema_privilege(a.oid, e.oid, 'USAGE')))
FROM (SELECT) one
 LEFT JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.text
 LEFT JOIN pg_catalog.pg_roles a ON a.rolname OPERATOR(pg_catalog.=) $2::pg_catalog.text
 LEFT JOIN pg_catalog.pg_roles l ON l.rolname OPERATOR(pg_catalog.=) $3::pg_catalog.text`

// openQuery names the other tenants' schemas that an actor may use: $1 the actor,
// $2 its own path, $3 the schemas of all tenants.
const openQuery = `SELECT n.nspname FROM pg_catalog.pg_namespace n, pg_catalog.pg_roles a
 WHERE a.rolname OPERATOR(pg_catalog.=) $1::pg_catalog.text AND n.nspname OPERATOR(pg_catalog.=) ANY ($3::pg_catalog.text[])
 AND NOT n.nspname OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.text[]) AND pg_catalog.has_schema_privilege(a.oid, n.oid, 'USAGE')
 ORDER BY 1 LIMIT 3`

// Check looks at schema, role, grants and path of a tenant. others are the schemas
// of all tenants of the cluster, which a role of the tenant's own must not be able
// to use. The error is about asking.
func Check(ctx context.Context, pg *Conn, t Tenant, others []string) (Report, error) {
	rows, err := query(ctx, pg, checkQuery, t.Schema, t.Actor(), t.ClusterLogin, array(t.Path))
	if err != nil {
		return Report{}, reason(err)
	}
	r := judge(t, rows[0])
	if !t.OwnRole() || len(others) == 0 {
		return r, nil
	}
	if rows, err = query(ctx, pg, openQuery, t.Actor(), array(t.Path), array(others)); err != nil {
		return r, reason(err)
	}
	for _, row := range rows {
		r.fault("role %q may use schema %q of another tenant: REVOKE ALL ON SCHEMA %[2]q FROM PUBLIC, %[1]q", t.Actor(), row[0])
	}
	return r, nil
}

func (r *Report) fault(format string, args ...any) {
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

// judge turns the answer to checkQuery into faults. The order is that in which
// they have to be mended.
func judge(t Tenant, row []string) (r Report) {
	is := func(i int) bool { return row[i] == "t" }
	_, _ = fmt.Sscan(row[10], &r.Objects)
	switch {
	case !is(6):
		r.fault("the cluster's login %q does not exist", t.ClusterLogin)
	case !is(1):
		r.fault("role %q does not exist", t.Actor())
	case !is(0):
		r.fault("schema %q does not exist", t.Schema)
	}
	if len(r.Faults) > 0 {
		return r
	}
	if missing := row[12]; missing != "" {
		r.fault("%q may not use, or there is not: %s of its search_path; GRANT USAGE ON SCHEMA ... TO %[1]q", t.Actor(), missing)
	} else if !is(2) {
		r.fault("%q may not use its schema: GRANT USAGE ON SCHEMA %q TO %[1]q", t.Actor(), t.Schema)
	}
	if is(3) && t.OwnRole() {
		r.fault("everybody may use the schema: REVOKE ALL ON SCHEMA %q FROM PUBLIC", t.Schema)
	}
	if row[11] != "0" {
		r.fault("%q may not read %s of its tables: GRANT SELECT ON ALL TABLES IN SCHEMA %q TO %[1]q", t.Actor(), row[11], t.Schema)
	}
	r.role(t, is)
	return r
}

// role judges the tenant's own role.
func (r *Report) role(t Tenant, is func(int) bool) {
	if !t.OwnRole() {
		return
	}
	if is(5) {
		r.fault("role %q has rights that pass all others: ALTER ROLE %[1]q NOSUPERUSER NOBYPASSRLS NOCREATEROLE", t.Actor())
	}
	switch login := t.ClusterLogin; {
	case t.Isolation == routing.Dedicated && !is(4):
		r.fault("%q cannot log in: ALTER ROLE %[1]q LOGIN", t.Actor())
	case t.Isolation == routing.Dedicated:
	case is(7):
		r.fault("the cluster's login %q is a superuser, which makes roles meaningless", login)
	case !is(8):
		r.fault("login %q may not become %q: GRANT %[2]q TO %[1]q", login, t.Actor())
	case is(9):
		r.fault("login %q has the rights of %q without SET ROLE: ALTER ROLE %[1]q NOINHERIT, or GRANT %[2]q TO %[1]q WITH INHERIT FALSE",
			login, t.Actor())
	}
}

// array writes a list as Postgres does.
func array(list []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = `"` + escape.Replace(s) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}
