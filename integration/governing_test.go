package integration

import (
	"strings"
	"testing"
)

// pathChanges lead the path to another tenant, in every spelling that a text or a batch shows.
var pathChanges = []string{
	"SET search_path TO globex", "SET search_path = 'globex'", "set session Search_Path to \"globex\", public", "SET SCHEMA 'globex'",
	"SET LOCAL search_path TO globex", "SELECT set_config('search_path', 'globex', false)", "SELECT pg_catalog.set_config('search_path', 'globex', true)",
}

// otherChanges are of what no policy lets a client change.
var otherChanges = []string{
	"SET ROLE helper", "SET role = helper", "SET SESSION ROLE helper", "SELECT set_config('role', 'helper', false)", "SET SESSION AUTHORIZATION helper",
	"SET app.tenant_id = 'globex'", "SET LOCAL app.tenant_id TO 'globex'", "SELECT set_config('app.tenant_id', 'globex', false)",
}

const policyRoute = `
settings = { "app.tenant_id" = "{tenant}" }
tenant_settings = `

// whoAmI is all that the profile decides.
const whoAmI = "SELECT concat_ws(' ', name, current_setting('app.tenant_id'), current_user) FROM whoami"

func eachWay(sql string) [][]byte {
	return [][]byte{query(sql), once(sql), join(parse("p", sql), syncNow, bind("", "p"), execute("", 0), closeStatement("p"), syncNow)}
}

// end reads the answers to a request.
func (c *rawClient) end(request []byte) *serverError {
	c.t.Helper()
	c.send(request)
	all := c.until('Z')
	for range strings.Count(string(request), string(syncNow)) - 1 {
		all = append(all, c.until('Z')...)
	}
	return firstError(all)
}

func TestARefusedChangeIsAnErrorLikeAnyOther(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.helperRole(t)
		for policy, changes := range map[string][]string{
			"own": append(pathChanges, otherChanges...), "refuse": append(append(pathChanges, otherChanges...), "SET search_path = ''", "SET search_path TO acme, pg_catalog"),
			"follow": otherChanges,
		} {
			p := startPooler(t, w, setup{size: 1, route: policyRoute + `"` + policy + `"`})
			c := login(t, p.endpoint, "acme")
			for _, sql := range changes {
				for _, request := range eachWay(sql) {
					if e := c.end(request); e == nil || e.code != "42501" || !strings.Contains(e.hint, "tenant_settings") {
						t.Errorf("%s: %s: got %v", policy, sql, e)
					}
				}
				c.expect(whoAmI, "acme acme app")
				c.run("BEGIN")
				expectServerError(t, c, sql, "42501")
				expectServerError(t, c, "SELECT 1", "25P02")
				c.run("ROLLBACK")
			}
			login(t, p.endpoint, "globex").expect(whoAmI, "globex globex app")
		}
	})
}

// strangeName is a tenant whose name wants quoting in every way.
const strangeName = `é'T\x`

// An application that hard-codes its settings is told what it wants to hear, and stays where it is.
func TestAnIgnoredChangeSucceedsAndChangesNothing(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.helperRole(t)
		w.exec(t, `SET ROLE app; CREATE SCHEMA "`+strangeName+`"; CREATE TABLE "`+strangeName+`".whoami AS SELECT 'strange'::text AS name`)
		for _, mode := range []string{"transaction", "session"} {
			p := startPooler(t, w, setup{size: 4, mode: mode, route: policyRoute + `"ignore"`})
			c := login(t, p.endpoint, "acme", "search_path", "globex", "options", "-c role=helper -c app.tenant_id=globex")
			for _, sql := range append(pathChanges, otherChanges...) {
				for _, request := range eachWay(sql) {
					if e := c.end(request); e != nil {
						t.Errorf("%s: got %v", sql, e)
					}
					c.expect(whoAmI, "acme acme app")
				}
				c.run("BEGIN")
				c.send(query(sql))
				if all := c.until('Z'); strings.HasPrefix(sql, "S") && !strings.HasPrefix(sql, "SELECT") && kinds(all) != "CZ" || firstError(all) != nil {
					t.Errorf("%s: got %q %v", sql, kinds(all), firstError(all))
				}
				c.expect(whoAmI, "acme acme app")
				c.run("COMMIT")
			}
			c.expect("SELECT set_config('search_path', 'globex', false)", "acme")
			c.run("SET work_mem = '77kB'; SET search_path TO public; SET statement_timeout = '7777s'")
			c.expect("SELECT concat_ws(' ', current_setting('work_mem'), current_setting('statement_timeout'))", "77kB 7777s")
			c.expect(whoAmI, "acme acme app")
			c.run("RESET search_path")
			c.expect(whoAmI, "acme acme app")
			strange := login(t, p.endpoint, strangeName, "search_path", "public")
			strange.run("SET search_path TO public")
			strange.run("SELECT set_config('search_path', 'public', false)")
			strange.expect("SELECT name FROM whoami", "strange")
			expectServerError(t, c, "SELECT set_config('search_path', lower('GLOBEX'), false)", "42501")
			login(t, p.endpoint, "globex").expect(whoAmI, "globex globex app")
		}
	})
}

// A path that is followed belongs to the session: it is there in every transaction, wherever that
// runs, and nobody else meets it.
func TestAFollowedPathIsTheSessionsAlone(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, cluster: `schema_check = "50ms"`, route: policyRoute + `"follow"`})
		peer, other := login(t, p.endpoint, "acme"), login(t, p.endpoint, "initech")
		for _, sql := range append(pathChanges, "SET search_path TO nowhere, globex", "SELECT set_config('search_path', lower('GLOBEX'), false)") {
			for _, request := range eachWay(sql) {
				c := login(t, p.endpoint, "acme")
				if e := c.end(request); e != nil {
					t.Errorf("%s: got %v", sql, e)
				}
				want := "globex acme app"
				if strings.Contains(sql, "LOCAL") || strings.Contains(sql, "true") {
					want = "acme acme app"
				}
				for range 3 {
					other.expect(whoAmI, "initech initech app")
					c.expect(whoAmI, want)
					peer.expect(whoAmI, "acme acme app")
				}
				c.run("RESET search_path")
				other.expect(whoAmI, "initech initech app")
				c.expect(whoAmI, "acme acme app")
				c.vanish(false)
			}
		}
		c := login(t, p.endpoint, "acme", "search_path", "globex, public")
		other.expect(whoAmI, "initech initech app")
		c.expect(whoAmI, "globex acme app")
		expectServerError(t, c, `SET search_path TO "$user", public`, "42501")
		c.run("SET search_path TO acme")
		c.run("RESET search_path")
		c.expect("SHOW search_path", "globex, public")
	})
}

func TestAStartupPacketIsJudgedByThePolicyToo(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		for policy, refused := range map[string]string{"own": "path role setting", "refuse": "own path role setting", "follow": "role setting", "ignore": ""} {
			p := startPooler(t, w, setup{trust: true, route: policyRoute + `"` + policy + `"`})
			for what, params := range map[string][]string{
				"own": {"search_path", "acme, pg_catalog"}, "path": {"search_path", "globex"}, "role": {"role", "helper"}, "setting": {"options", "-c app.tenant_id=x"},
				"same": {"search_path", "acme", "role", "none"},
			} {
				c := dialRaw(t, p.endpoint)
				c.send(startup(version30, append([]string{"user", "app", "database", "acme"}, params...)...))
				e := c.authenticate("app", "")
				if want := strings.Contains(refused, what); want != (e != nil) || e != nil && (e.code != "42501" || e.severity != "FATAL") {
					t.Errorf("%s: %v: got %v", policy, params, e)
				}
			}
		}
	})
}

func TestATenantMayHaveAPolicyOfItsOwn(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{global: `tenant_settings = "refuse"`, route: `tenant_settings = "ignore"` + "\n[tenant.globex]\ntenant_settings = \"follow\""})
		acme, globex := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		acme.run("SET search_path TO initech")
		acme.expect("SELECT name FROM whoami", "acme")
		globex.run("SET search_path TO initech")
		globex.expect("SELECT name FROM whoami", "initech")
	})
}

// Where the server may take for a constant what looks like a statement, nothing is put in its place.
func TestAConstantIsNeverTakenForAStatement(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, route: policyRoute + `"ignore"`})
		c := login(t, p.endpoint, "acme")
		c.send(parse("x", "SELECT 1"), syncNow)
		c.until('Z')
		c.run("SET standard_conforming_strings = off; SET escape_string_warning = off")
		c.expect(`SELECT 'it\'s; DEALLOCATE x; isn\'t it'`, "it's; DEALLOCATE x; isn't it")
		const text = `SELECT 'it\'s; SET search_path TO globex; isn\'t it'`
		if rows, e := c.try(text); e == nil && rows[0][0] != "it's; SET search_path TO globex; isn't it" || e != nil && e.code != "42501" {
			t.Errorf("got %v, %v", rows, e)
		}
		c.expect("SELECT name FROM whoami", "acme")
	})
}
