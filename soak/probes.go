package soak

import (
	"context"
	"fmt"
	"strings"

	"tenantpool/routing"
)

// made is the comment on every schema and role that a soak makes. Nothing without it is ever
// dropped.
const made = "made by tenantpool soak, to be dropped by it"

// madeIn is the comment on a role, which belongs to no database.
func madeIn(database string) string { return made + ", in database " + database }

// probeSQL makes what a tenant has. Every table's first column to be read is the tenant's name; the
// functions do what no pooler can read in the text of their caller.
const probeSQL = `
CREATE TABLE {home}.soak_whoami (tenant text);
INSERT INTO {home}.soak_whoami VALUES ('{tenant}');
CREATE TABLE {home}.soak_items (tenant text, id int PRIMARY KEY);
INSERT INTO {home}.soak_items SELECT '{tenant}', i FROM generate_series(1, 20) AS i;
CREATE TABLE {home}.soak_shape (tenant text, {shape});
INSERT INTO {home}.soak_shape (tenant) SELECT '{tenant}' FROM generate_series(1, 3);
CREATE TABLE {home}.soak_ledger (client int, tenant text);
CREATE SEQUENCE {home}.soak_seq START {start};
CREATE FUNCTION {home}.soak_run(sql text) RETURNS text LANGUAGE plpgsql AS
 'BEGIN EXECUTE sql; RETURN ''{tenant}''; END';
CREATE FUNCTION {home}.soak_lastval() RETURNS text LANGUAGE plpgsql AS
 'BEGIN RETURN lastval(); EXCEPTION WHEN object_not_in_prerequisite_state THEN RETURN ''none''; END';
CREATE FUNCTION {home}.soak_fire() RETURNS trigger LANGUAGE plpgsql AS
 'BEGIN EXECUTE NEW.sql; RETURN NULL; END';
CREATE TABLE {home}.soak_trap (sql text);
CREATE TRIGGER fire BEFORE INSERT ON {home}.soak_trap FOR EACH ROW EXECUTE FUNCTION {home}.soak_fire();
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {home} TO {user};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {home} TO {user};
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {home} TO {user};`

// shapes are the further columns of a table that looks different from tenant to tenant.
var shapes = []string{"a int DEFAULT 1", "a text DEFAULT 'x'", "a numeric DEFAULT 1.5, b int DEFAULT 2",
	"a int[] DEFAULT '{1,2}', b text DEFAULT 'y', c date DEFAULT '2000-01-01'"}

func (p *Probe) shape() string { return shapes[p.number%len(shapes)] }

// columns is how many columns the table soak_shape of the tenant has.
func (p *Probe) columns() int { return 1 + strings.Count(p.shape(), "DEFAULT") }

// span is how far apart the sequences of two tenants begin.
const span = 100_000_000

// owns says whether a number can be from the tenant's sequence.
func (p *Probe) owns(n int) bool { return n/span == p.number }

// sql is the text that makes the tenant, in one transaction.
func (p *Probe) sql(database, login string) string {
	var b strings.Builder
	for _, schema := range p.schemas {
		fmt.Fprintf(&b, "CREATE SCHEMA %s; COMMENT ON SCHEMA %[1]s IS '%s';\n", ident(schema), made)
	}
	user := login
	if p.route.Isolation == routing.RoleSwitch {
		user = p.route.Role
		fmt.Fprintf(&b, "CREATE ROLE %s; COMMENT ON ROLE %[1]s IS '%s'; GRANT %[1]s TO %[3]s;\n",
			ident(user), strings.ReplaceAll(madeIn(database), "'", "''"), ident(login))
	}
	for _, schema := range p.schemas {
		fmt.Fprintf(&b, "GRANT USAGE ON SCHEMA %s TO %s;\n", ident(schema), ident(user))
	}
	b.WriteString(strings.NewReplacer("{home}", ident(p.home), "{user}", ident(user), "{tenant}", p.route.Tenant,
		"{shape}", p.shape(), "{start}", fmt.Sprint(p.number*span)).Replace(probeSQL))
	return b.String()
}

// build makes all probe tenants, behind a sweep of what an earlier soak has left.
func (a *admin) build(ctx context.Context, g *Ground) error {
	if err := a.sweep(ctx); err != nil {
		return err
	}
	for _, p := range g.Probes {
		if err := a.exec(ctx, p.sql(a.database, g.Cluster.User)); err != nil {
			return fmt.Errorf("make tenant %q: %w (what is not a soak's own is never replaced)", p.route.Tenant, err)
		}
	}
	return nil
}

// The names of what a soak has made in this database. A name alone proves nothing, and a comment
// alone may have been copied: it takes both.
var (
	schemasSQL = `SELECT n.nspname FROM pg_catalog.pg_namespace n
 WHERE n.nspname LIKE '%` + pattern(stem) + `%' AND pg_catalog.obj_description(n.oid, 'pg_namespace') = '` + made + `'`
	rolesSQL = `SELECT r.rolname FROM pg_catalog.pg_roles r
 WHERE r.rolname LIKE '%` + pattern(stem) + `%' AND pg_catalog.shobj_description(r.oid, 'pg_authid') =
 '` + made + `, in database ' || pg_catalog.current_database()`
)

// pattern is a text as LIKE takes it literally.
func pattern(s string) string { return strings.ReplaceAll(s, "_", `\_`) }

// sweep drops every schema and role that a soak has made in this database.
func (a *admin) sweep(ctx context.Context) error {
	for _, kind := range []struct {
		list string
		drop func(ctx context.Context, name string) error
	}{{schemasSQL, a.dropSchema}, {rolesSQL, a.dropRole}} {
		names, err := a.rows(ctx, kind.list)
		if err != nil {
			return err
		}
		for _, n := range names {
			if err := kind.drop(ctx, n[0]); err != nil {
				return fmt.Errorf("drop what a soak has made: %w", err)
			}
		}
	}
	return nil
}

func (a *admin) dropSchema(ctx context.Context, name string) error {
	return a.exec(ctx, "DROP SCHEMA "+ident(name)+" CASCADE")
}

// dropRole drops a role, and its temporary tables first if a server connection that has not ended yet
// holds some.
func (a *admin) dropRole(ctx context.Context, name string) error {
	err := a.exec(ctx, "DROP ROLE "+ident(name))
	if err == nil {
		return nil
	}
	if a.exec(ctx, "DROP OWNED BY "+ident(name)+"; DROP ROLE "+ident(name)) == nil {
		return nil
	}
	return err
}
