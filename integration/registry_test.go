package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// registered is a setup with a registry and a route for its tenants.
func registered(lines string) setup {
	return setup{size: 2, more: "[registry]\ncluster = \"main\"\n" + lines + `
[[route]]
database    = "{tenant}_r"
users       = ["app"]
cluster     = "main"
search_path = ["{schema}"]
`}
}

// withRegistry makes the table of docs/registry.sql.
func (w *world) withRegistry(t testing.TB) {
	t.Helper()
	ddl, err := os.ReadFile(filepath.Join("..", "docs", "registry.sql"))
	must(t, err)
	w.exec(t, string(ddl)+"; GRANT USAGE ON SCHEMA tenantpool TO app; GRANT SELECT ON tenantpool.tenants TO app;")
}

// admits says whether app may log in to a database.
func (p *pooler) admits(t testing.TB, database string) bool {
	t.Helper()
	c, err := tryLogin(t, p.endpoint, "app", password("app"), database)
	c.vanish(false)
	return err == nil
}

func (p *pooler) eventuallyAdmits(t testing.TB, database string) {
	t.Helper()
	eventually(t, database+" is admitted", func() bool { return p.admits(t, database) })
}

func TestTenantsOfARegistryComeAndGoWhileThePoolerRuns(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		w.withRegistry(t)
		w.exec(t, "INSERT INTO tenantpool.tenants (name) VALUES ('acme'), ('initech')")
		p := startPooler(t, w, registered("interval = \"1h\"\n")) // what is seen is notified
		p.eventuallyAdmits(t, "acme_r")
		acme, initech := login(t, p.endpoint, "acme_r"), login(t, p.endpoint, "initech_r")
		if p.admits(t, "other_r") {
			t.Error("a tenant that has no row is admitted")
		}
		w.exec(t, "INSERT INTO tenantpool.tenants (name, schema, match_databases, settings) VALUES ('other', 'globex', '{g}', '{\"app.n\": 7}')")
		p.eventuallyAdmits(t, "other_r")
		g := login(t, p.endpoint, "g")
		g.expect("SELECT name FROM whoami", "globex")
		g.expect("SELECT current_setting('app.n')", "7")

		w.exec(t, "UPDATE tenantpool.tenants SET state = 'disabled' WHERE name = 'acme'")
		eventually(t, "acme is disabled", func() bool { return !p.admits(t, "acme_r") })
		acme.expectEnd("SELECT 1", "28000", `tenant "acme" is not accepting connections`)
		w.exec(t, "DELETE FROM tenantpool.tenants WHERE name = 'other'")
		eventually(t, "other is gone", func() bool { return !p.admits(t, "g") })
		g.expectEnd("SELECT 1", "3D000", `tenant "other" does not exist any more`)
		initech.expect("SELECT name FROM whoami", "initech")
		w.exec(t, "TRUNCATE tenantpool.tenants")
		eventually(t, "initech is gone", func() bool { return !p.admits(t, "initech_r") })
	})
}

// A suspension is told with its reason, to whoever logs in and to whoever begins a transaction. One that
// is under way ends as it would have.
func TestASuspendedRowTellsItsReason(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		w.withRegistry(t)
		w.exec(t, "INSERT INTO tenantpool.tenants (name, query_timeout, max_prepared) VALUES ('acme', '300ms', 1), ('globex', NULL, NULL)")
		p := startPooler(t, w, registered("interval = \"1h\"\n"))
		p.eventuallyAdmits(t, "acme_r")
		idle, busy, globex := login(t, p.endpoint, "acme_r"), login(t, p.endpoint, "acme_r"), login(t, p.endpoint, "globex_r")
		if _, e := idle.try("SELECT pg_sleep(20)"); e == nil || e.code != "57014" {
			t.Errorf("the row's query_timeout gave %v", e)
		}
		busy.run("BEGIN")

		w.exec(t, "UPDATE tenantpool.tenants SET state = 'suspended', reason = 'invoice 4711 is open' WHERE name = 'acme'")
		const told = `tenant "acme" is suspended: invoice 4711 is open`
		eventually(t, "acme is suspended", func() bool { return !p.admits(t, "acme_r") })
		if _, e := tryLogin(t, p.endpoint, "app", password("app"), "acme_r"); e == nil || e.code != "57P03" || e.severity != "FATAL" || e.message != told {
			t.Errorf("a login was told %v", e)
		}
		idle.expectEnd("SELECT 1", "57P03", told)
		busy.expect("SELECT name FROM whoami", "acme")
		busy.run("COMMIT")
		busy.expectEnd("BEGIN", "57P03", told)
		globex.expect("SELECT name FROM whoami", "globex")

		w.exec(t, "UPDATE tenantpool.tenants SET state = 'active' WHERE name = 'acme'")
		p.eventuallyAdmits(t, "acme_r")
		login(t, p.endpoint, "acme_r").expect("SELECT name FROM whoami", "acme")
	})
}

func TestARowThatCannotBeUsedIsRefusedAndTheOthersGoOn(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		w.withRegistry(t)
		evil := `a"; DROP TABLE globex.notes; --`
		quoted := `"` + strings.ReplaceAll(evil, `"`, `""`) + `"`
		w.exec(t, "DROP INDEX tenantpool.tenants_home; SET ROLE app; CREATE SCHEMA "+quoted+"; CREATE TABLE "+quoted+".whoami AS SELECT 'evil' AS name")
		w.exec(t, `INSERT INTO tenantpool.tenants (name, schema, settings, cluster, isolation) VALUES
			('acme', NULL, NULL, NULL, NULL),
			('path', NULL, '{"search_path": "globex"}', NULL, NULL),
			('list', NULL, '{"app.x": ["y"]}', NULL, NULL),
			('name', NULL, '{"x; RESET ROLE": "y"}', NULL, NULL),
			('public', NULL, NULL, NULL, NULL),
			('user', '$user', NULL, NULL, NULL),
			('twin', 'acme', NULL, NULL, NULL),
			('lost', NULL, NULL, 'nowhere', NULL),
			('role', NULL, NULL, NULL, 'role'),
			('value', 'initech', '{"app.x": "it''s \\ \"; DROP TABLE globex.notes; --"}', NULL, NULL),
			('`+evil+`', NULL, NULL, NULL, NULL)`)
		p := startPooler(t, w, registered(""))
		p.eventuallyAdmits(t, "acme_r")
		for tenant, reason := range map[string]string{"path": "use the key search_path", "list": "no text, number or truth value",
			"name": "is not the name of a setting", "public": "is not for a tenant", "user": `not the name of a schema`,
			"twin": `tenant ..acme.. has schema ..acme.. already`, "lost": "no cluster is called", "role": "needs a route"} {
			p.log.await(t, regexp.MustCompile(`a row of the registry is refused" tenant=`+tenant+` reason=.*`+reason))
			if p.admits(t, tenant+"_r") {
				t.Errorf("%s is admitted", tenant)
			}
		}
		login(t, p.endpoint, evil+"_r").expect("SELECT name FROM whoami", "evil")
		login(t, p.endpoint, "value_r").expect("SELECT current_setting('app.x')", `it's \ "; DROP TABLE globex.notes; --`)
		w.exec(t, "SELECT FROM globex.notes")
		if n := strings.Count(p.log.String(), "tenant=twin"); n != 1 {
			t.Errorf("a refused row was logged %d times", n)
		}
	})
}

func TestUntilARegistryHasBeenReadItsTenantsAreToldToComeAgain(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		s := registered("query = \"SELECT * FROM public.customers;\"\nchannel = \"\"\ninterval = \"200ms\"\n")
		s.more += "[tenant.initech]\n"
		p := startPooler(t, w, s)
		p.log.await(t, regexp.MustCompile("registry cannot be read.*42P01"))
		if _, e := tryLogin(t, p.endpoint, "app", password("app"), "acme_r"); e == nil || e.code != "57P03" || e.severity != "FATAL" {
			t.Errorf("got %v", e)
		}
		login(t, p.endpoint, "initech_r").expect("SELECT name FROM whoami", "initech") // the configuration lists it
		// The rows of django-tenants, public among them.
		w.exec(t, `CREATE TABLE public.customers (id int, schema_name varchar(63), domain_url varchar(128));
			INSERT INTO public.customers VALUES (1, 'public', 'example.com'), (2, 'acme', 'Acme.example.com'), (3, 'globex', 'globex.example.com');
			GRANT SELECT ON public.customers TO app`)
		p.eventuallyAdmits(t, "acme_r")
		login(t, p.endpoint, "globex.example.com").expect("SELECT name FROM whoami", "globex")
		acme := login(t, p.endpoint, "acme.example.com")
		w.exec(t, "DROP TABLE public.customers")
		p.log.awaitNth(t, regexp.MustCompile("registry cannot be read.*42P01"), 2)
		acme.expect("SELECT name FROM whoami", "acme") // the last good table stays
	})
}

func TestAnIncludedFileThatChangesReloadsByItself(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		s := setup{global: "include = [\"tenants/*.toml\"]", more: listedRoute, beside: map[string]string{}}
		r := startReloadable(t, w, s)
		dir := filepath.Join(filepath.Dir(r.file), "tenants")
		must(t, os.Mkdir(dir, 0o700))
		must(t, os.WriteFile(filepath.Join(dir, "a.toml"), []byte("[tenant.acme]\n"), 0o600))
		r.eventuallyAdmits(t, "acme_x")
		must(t, os.WriteFile(filepath.Join(dir, "b.toml"), []byte("[tenant.globex\n"), 0o600))
		r.log.await(t, regexp.MustCompile(`b.toml:1:\d+:`))
		if !r.admits(t, "acme_x") || r.admits(t, "globex_x") {
			t.Error("a file that is wrong changes something")
		}
	})
}
