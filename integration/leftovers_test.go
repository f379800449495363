package integration

import (
	"strings"
	"testing"
)

// leftovers are what a client can leave on a server connection, and how the next one would see it. In
// transaction mode attacksByLeftovers leaves them.
// A look that gives %t means the tenant's own name.
var leftovers = []struct{ what, leave, look, want string }{
	{"a temporary table in the place of the tenant's", "CREATE TEMP TABLE whoami AS SELECT 'stolen'::text AS name", "SELECT name FROM whoami", "%t"},
	{"a temporary function", "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
		"SELECT count(*) FROM pg_proc WHERE pronamespace = pg_my_temp_schema()", "0"},
	{"a cursor that outlives its transaction", "DECLARE held CURSOR WITH HOLD FOR SELECT name FROM whoami", "SELECT count(*) FROM pg_cursors", "0"},
	{"an ear", "LISTEN secrets", "SELECT count(*) FROM pg_listening_channels()", "0"},
	{"an advisory lock", "SELECT pg_advisory_lock(4711)", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()", "0"},
	{"a time-out", "SET statement_timeout = '7777s'", "SHOW statement_timeout", "0"},
	{"a time zone", "SET TimeZone = 'Asia/Tokyo'", "SELECT current_setting('TimeZone') = 'Asia/Tokyo'", "f"},
	{"a setting of its own", "SET app.tenant = 'acme'", "SELECT coalesce(current_setting('app.tenant', true), '')", ""},
	{"an encoding", "SET client_encoding = 'LATIN1'", "SHOW client_encoding", "UTF8"},
	{"the meaning of backslashes", "SET standard_conforming_strings = off", "SHOW standard_conforming_strings", "on"},
	{"a read-only default", "SET default_transaction_read_only = on", "SHOW default_transaction_read_only", "off"},
	{"an SQL prepared statement", "PREPARE stolen AS SELECT name FROM acme.whoami", "SELECT count(*) FROM pg_prepared_statements WHERE from_sql", "0"},
	{"a moved path", "SELECT set_config('search_path', 'initech', false)", "SELECT name FROM whoami", "%t"},
	{"an emptied path", "SET search_path = ''", "SELECT name FROM whoami", "%t"},
	{"another role", "SET ROLE helper", "SELECT current_user", "app"},
}

func expectNoLeftovers(t *testing.T, c *rawClient, tenant string) {
	t.Helper()
	c.expect("SELECT current_setting('search_path')", tenant)
	for _, l := range leftovers {
		want := strings.ReplaceAll(l.want, "%t", tenant)
		if got := c.value(l.look); got != want {
			t.Errorf("%s is seen by the next client, of %s: %s gives %q, want %q", l.what, tenant, l.look, got, want)
		}
	}
}

// helperRole makes a role that app may take.
func (w *world) helperRole(t *testing.T) {
	t.Helper()
	w.exec(t, `DO $$ BEGIN CREATE ROLE helper; EXCEPTION WHEN duplicate_object THEN END $$; GRANT helper TO app`)
}

// The states of a transaction are left by a client that stays; the next one begins anew.
func TestAFailedTransactionIsItsOwnClientsAffair(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2})
		c := login(t, p.endpoint, "acme")
		c.run("BEGIN")
		c.try("SELECT 1/0")
		for range 4 {
			expectAsNew(t, p, "globex")
			expectAsNew(t, p, "acme")
		}
		expectServerError(t, c, "SELECT 1", "25P02")
		c.run("ROLLBACK")
		c.expect("SELECT name FROM whoami", "acme")
	})
}

// random() goes on from a seed that somebody has set, but not with the next tenant.
func TestNobodyChoosesTheRandomNumbersOfTheNextTenant(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		c, next := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		for _, leave := range []string{"SELECT setseed(0.25)", "SELECT shared.run('SELECT setseed(0.25)')"} {
			seen := map[string]bool{}
			for range 3 {
				c.run(leave)
				seen[next.value("SELECT random()")] = true
			}
			if len(seen) != 3 {
				t.Errorf("behind %s the next tenant's random() gives %d different numbers of 3", leave, len(seen))
			}
		}
	})
}

// What a trigger prepares shows in no text. Another role can neither read nor run it.
func TestWhatATriggerPreparesIsNotAnotherRoles(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		for _, tenant := range []string{"acme", "globex"} {
			w.exec(t, strings.ReplaceAll("DO $$ BEGIN CREATE ROLE of_{t}; EXCEPTION WHEN duplicate_object THEN END $$; GRANT of_{t} TO app;"+
				"GRANT USAGE ON SCHEMA {t} TO of_{t}; GRANT ALL ON ALL TABLES IN SCHEMA {t} TO of_{t}", "{t}", tenant))
		}
		w.exec(t, `CREATE FUNCTION acme.arm() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				EXECUTE 'PREPARE spy AS SELECT 1'; RETURN NEW; END $$;
			CREATE TRIGGER arm BEFORE INSERT ON acme.notes FOR EACH ROW EXECUTE FUNCTION acme.arm()`)
		p := startPooler(t, w, setup{size: 1, route: "isolation = \"role\"\nrole = \"of_{tenant}\""})
		next := login(t, p.endpoint, "globex")
		login(t, p.endpoint, "acme").run("INSERT INTO notes VALUES (1)")
		next.expect("SELECT count(*) FROM pg_prepared_statements", "0")
		expectServerError(t, next, "EXECUTE spy", "26000")
	})
}
