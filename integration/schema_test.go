package integration

import (
	"fmt"
	"testing"
)

// A schema that goes away while its tenant works is an error and nothing else, until it is back.
func TestASchemaThatIsDroppedInUseFailsItsTenantUntilItIsBack(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2, cluster: `schema_check = "100ms"`})
		c, other := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		c.expect("SELECT name FROM whoami", "acme")
		w.exec(t, "DROP SCHEMA acme CASCADE")
		awaitCode(t, c, "SELECT name FROM whoami", "3F000")
		for range 20 {
			expectServerError(t, c, "SELECT 1", "3F000")
			other.expect("SELECT name FROM whoami", "globex")
		}
		awaitRefusal(t, p, "acme", "3D000")
		w.addTenants(t, "acme")
		awaitCode(t, c, "SELECT name FROM whoami", "")
		c.expect("SELECT name FROM whoami", "acme")
		eventually(t, "new clients are served", func() bool { return served(t, p, "acme") })
	})
}

// A schema that the login may not use is as good as none: Postgres would pass over it in silence.
func TestASchemaThatMayNotBeUsedFailsItsTenant(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.exec(t, "CREATE SCHEMA common; GRANT USAGE ON SCHEMA common TO app; CREATE TABLE common.whoami AS SELECT 'nobody' AS name; GRANT SELECT ON common.whoami TO app")
		p := startPooler(t, w, setup{size: 1, cluster: `schema_check = "100ms"`, more: `
[[route]]
database    = "both_{tenant}"
users       = ["app"]
cluster     = "main"
search_path = ["{schema}", "common"]
tenants     = "schema"`})
		c := login(t, p.endpoint, "both_acme")
		c.expect("SELECT name FROM whoami", "acme")
		w.exec(t, "ALTER SCHEMA acme OWNER TO postgres; REVOKE ALL ON SCHEMA acme FROM app")
		awaitCode(t, c, "SELECT 1", "3F000")
		for range 20 {
			expectServerError(t, c, "SELECT name FROM whoami", "3F000")
		}
		w.exec(t, "GRANT USAGE ON SCHEMA acme TO app")
		awaitCode(t, c, "SELECT 1", "")
		c.expect("SELECT name FROM whoami", "acme")
	})
}

func TestATenantWhoseSchemaIsMadeLaterIsServedThen(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, cluster: `schema_check = "100ms"`})
		awaitRefusal(t, p, "hooli", "3D000")
		w.addTenants(t, "hooli")
		eventually(t, "its clients are served", func() bool { return served(t, p, "hooli") })
	})
}

// A listed tenant exists by the configuration: without its schema it is told so.
func TestAListedTenantWithoutASchemaIsToldSo(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, more: `
[tenant.pied]
schema          = "customer_0042"
match_databases = ["pied_piper"]

[[route]]
database    = "listed_{tenant}"
users       = ["app"]
cluster     = "main"
search_path = ["{schema}"]
`})
		if _, refusal := tryLogin(t, p.endpoint, "app", password("app"), "listed_pied"); refusal == nil || refusal.code != "3F000" {
			t.Errorf("got %v, want 3F000", refusal)
		}
		w.addTenants(t, "customer_0042")
		eventually(t, "its clients are served", func() bool {
			c, refusal := tryLogin(t, p.endpoint, "app", password("app"), "listed_pied")
			return refusal == nil && c.value("SELECT name FROM whoami") == "customer_0042"
		})
	})
}

// awaitCode repeats a query until it gives the SQLSTATE, or none if it is "". Until then nothing but
// an error may come, and no row of anybody else.
func awaitCode(t testing.TB, c *rawClient, sql, code string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s gives %q", sql, code), func() bool {
		_, err := c.try(sql)
		if err == nil {
			return code == ""
		}
		return err.code == code
	})
}

func expectServerError(t *testing.T, c *rawClient, sql, code string) {
	t.Helper()
	if rows, err := c.try(sql); err == nil || err.code != code {
		t.Errorf("%s: got %v, %v; want %s", sql, rows, err, code)
	}
}

// awaitRefusal waits until a login of app as the tenant is refused with the SQLSTATE.
func awaitRefusal(t *testing.T, p *pooler, tenant, code string) {
	t.Helper()
	eventually(t, "login of "+tenant+" refused with "+code, func() bool {
		c, refusal := tryLogin(t, p.endpoint, "app", password("app"), tenant)
		defer c.vanish(false)
		return refusal != nil && refusal.code == code
	})
}

// With schema_check = "switch" nobody waits for the next look: a schema that has gone, or may not be
// used, fails the switch, and nothing is read from the schemas behind it in the path.
func TestASwitchFailsAtOnceIfItsSchemaIsNotThere(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.exec(t, "CREATE SCHEMA common; GRANT USAGE ON SCHEMA common TO app; CREATE TABLE common.whoami AS SELECT 'nobody' AS name; GRANT SELECT ON common.whoami TO app")
		x := openTap(t, w)
		p := startPooler(t, w, setup{size: 1, host: x.address(), cluster: `schema_check = "switch"`, more: `
[[route]]
database    = "both_{tenant}"
users       = ["app"]
cluster     = "main"
search_path = ["{schema}", "common"]
tenants     = "schema"`})
		c, other := login(t, p.endpoint, "both_acme"), login(t, p.endpoint, "both_globex")
		for _, fault := range []struct{ away, back string }{
			{"ALTER SCHEMA acme OWNER TO postgres; REVOKE ALL ON SCHEMA acme FROM app", "GRANT USAGE ON SCHEMA acme TO app"},
			{"ALTER SCHEMA acme RENAME TO elsewhere", "ALTER SCHEMA elsewhere RENAME TO acme"},
		} {
			c.expect("SELECT name FROM whoami", "acme")
			other.expect("SELECT name FROM whoami", "globex")
			w.exec(t, fault.away)
			expectServerError(t, c, "SELECT name FROM whoami", "3F000")
			other.expect("SELECT name FROM whoami", "globex")
			w.exec(t, fault.back)
			awaitCode(t, c, "SELECT 1", "")
			c.expect("SELECT name FROM whoami", "acme")
			if got := x.during(func() { other.expect("SELECT name FROM whoami", "globex") }); got != 2 {
				t.Errorf("%d round trips, want 2", got)
			}
		}
	})
}

// Between two statements of one session that nobody came between, nothing is asked. A schema that is
// made again under its name is found; until then its tables are not.
func TestASchemaMadeAgainUnderItsNameIsFoundByTheSessionThatKeptItsServer(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, cluster: `schema_check = "switch"`})
		c := login(t, p.endpoint, "acme")
		c.expect("SELECT name FROM whoami", "acme")
		w.exec(t, "DROP SCHEMA acme CASCADE")
		if rows, err := c.try("SELECT name FROM whoami"); err == nil || err.code != "42P01" && err.code != "3F000" {
			t.Errorf("got %v, %v", rows, err)
		}
		w.addTenants(t, "acme")
		awaitCode(t, c, "SELECT name FROM whoami", "")
		c.expect("SELECT name FROM whoami", "acme")
	})
}
