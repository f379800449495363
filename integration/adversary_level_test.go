package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/internal/pgtest"
)

// level is how far tenants are kept apart on the server.
type level string

const (
	atShared    level = "shared"
	atRole      level = "role"
	atDedicated level = "dedicated"
)

var levels = []level{atShared, atRole, atDedicated}

// oddTenant is one whose name needs every kind of quoting, and more than ASCII.
const oddTenant = `Zoë's "x"`

// inhabitants are the tenants of an arena.
var inhabitants = []string{"acme", "globex", "initech", oddTenant}

// arena is a world at one level with a pooler that has one server connection.
//
// A tenant's schema holds whoami, notes, a sequence s, shape, which no two tenants have in the same
// shape, and trap, whose trigger executes what is inserted: SQL in a text that looks plain. Schema
// shared holds run, which executes what it is told, and ledger, whose row security goes by
// app.tenant_id, a setting of every profile. The superuser owns that schema.
type arena struct {
	*world
	level level
	p     *pooler
	root  *pgconn.PgConn    // the superuser's own connection
	blank map[string]string // what a client of globex finds on a blank connection
}

// ask runs SQL as the superuser, past the pooler, and returns its first value.
func (a *arena) ask(t testing.TB, sql string) string {
	t.Helper()
	return firstValue(t, a.root, sql)
}

// adversaryServer launches a server that holds few locks and allows prepared transactions.
func adversaryServer(t *testing.T, version string) *pgtest.Server {
	t.Helper()
	return pgtest.StartOwn(t, pgtest.Options{Version: version, MaxConnections: 20, Settings: map[string]string{
		"max_prepared_transactions": "5", "max_locks_per_transaction": "10"}})
}

// openArena makes the world of a level on the server, and its pooler.
func openArena(t *testing.T, server *pgtest.Server, l level) *arena {
	t.Helper()
	w := &world{server: server, database: server.FreshDatabase(t)}
	w.exec(t, arenaRoles)
	if server.Binaries.Version != "15" {
		w.exec(t, arenaMembersOnly)
	} else {
		w.exec(t, "GRANT acme, globex, initech, "+quoted(oddTenant)+" TO pooler")
	}
	w.exec(t, fmt.Sprintf("GRANT CREATE, TEMP ON DATABASE %s TO PUBLIC", w.database))
	w.exec(t, arenaShared)
	for _, tenant := range inhabitants {
		w.settle(t, l, tenant)
	}
	a := &arena{world: w, level: l, root: w.superuser(t)}
	t.Cleanup(func() { a.root.Close(context.Background()) })
	a.p = startPooler(t, w, a.setup())
	return a
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// owner is whose a tenant's schema is at the level, and who its statements run as.
func (l level) owner(tenant string) string {
	if l == atShared {
		return "app"
	}
	return tenant
}

// login is what the server connection of a tenant logs in as.
func (l level) login(tenant string) string {
	switch l {
	case atShared:
		return "app"
	case atRole:
		return "pooler"
	}
	return tenant
}

// settle makes a tenant's schema.
func (w *world) settle(t *testing.T, l level, tenant string) {
	t.Helper()
	shape := "a text DEFAULT 'seven', b text DEFAULT 'more'"
	if tenant == "acme" {
		shape = "a int DEFAULT 7"
	}
	w.exec(t, strings.NewReplacer("{owner}", quoted(l.owner(tenant)), "{t}", quoted(tenant), "{name}", literal(tenant),
		"{shape}", shape).Replace(arenaTenant))
}

func (a *arena) setup() setup {
	s := setup{
		size: 1, trust: true, login: a.level.login("app"),
		global:  `client_gone_grace = "100ms"`,
		cluster: `schema_check = "100ms"`,
		route:   `settings = { "app.tenant_id" = "{tenant}" }` + fmt.Sprintf("\nisolation = %q\n", a.level),
	}
	if a.level == atDedicated {
		s.login = "app"
		s.route += "login = \"{tenant}\"\n"
		s.cluster += "\nlogin_secrets_file = \"\"" // the server trusts
	}
	return s
}

const arenaRoles = `
DO $$ BEGIN
	IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pooler') THEN RETURN; END IF;
	CREATE ROLE app LOGIN;
	CREATE ROLE pooler LOGIN NOINHERIT;
	CREATE ROLE acme LOGIN;
	CREATE ROLE globex LOGIN;
	CREATE ROLE initech LOGIN;
	CREATE ROLE "Zoë's ""x""" LOGIN;
	CREATE ROLE helper;
	GRANT helper TO app, pooler, acme;
	GRANT SET ON PARAMETER session_replication_role TO app, acme;
END $$;`

const arenaMembersOnly = `GRANT acme, globex, initech, "Zoë's ""x""" TO pooler WITH INHERIT FALSE, SET TRUE`

const arenaShared = `
SET check_function_bodies = off;
CREATE SCHEMA shared;
GRANT USAGE ON SCHEMA shared TO PUBLIC;
CREATE FUNCTION shared.run(sql text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE sql; END';
CREATE FUNCTION shared.spring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE NEW.sql; RETURN NULL; END';
CREATE FUNCTION shared.first() RETURNS text LANGUAGE sql AS 'SELECT name FROM whoami';
CREATE FUNCTION shared.stepping_out() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS
	$$ BEGIN PERFORM set_config('app.secret', 'acme was here', false); PERFORM set_config('search_path', 'globex', false); END $$;
CREATE TABLE shared.ledger (tenant text);
ALTER TABLE shared.ledger ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON shared.ledger USING (tenant = current_setting('app.tenant_id'));
GRANT SELECT ON shared.ledger TO PUBLIC;`

const arenaTenant = `
INSERT INTO shared.ledger VALUES ({name});
CREATE SCHEMA {t} AUTHORIZATION {owner};
SET ROLE {owner};
CREATE TABLE {t}.whoami (name text);
INSERT INTO {t}.whoami VALUES ({name});
CREATE TABLE {t}.notes (id int, text text);
CREATE SEQUENCE {t}.s;
CREATE TABLE {t}.shape ({shape});
INSERT INTO {t}.shape DEFAULT VALUES;
CREATE TABLE {t}.trap (sql text);
CREATE TRIGGER spring BEFORE INSERT ON {t}.trap FOR EACH ROW EXECUTE FUNCTION shared.spring();`
