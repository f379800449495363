package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"tenantpool/internal/pgtest"
)

// estate is a world whose server asks every login for its password, with tenants that have a login
// of their own: t01, t02 and so on, whose logins are login_t01, login_t02 and so on.
type estate struct {
	*world
	tenants []string
	secrets map[string]string // by login; a test may change them before it starts a pooler
}

const estateTenant = `
CREATE ROLE login_{t} LOGIN PASSWORD '{secret}';
CREATE SCHEMA {t} AUTHORIZATION login_{t};
SET ROLE login_{t};
CREATE TABLE {t}.whoami (name text);
INSERT INTO {t}.whoami VALUES ('{t}');
CREATE TABLE {t}.notes (id int, text text);
RESET ROLE;`

// onEachEstate runs a test on a server of its own of every version, with n tenants.
func onEachEstate(t *testing.T, n int, test func(t *testing.T, w *estate)) {
	t.Helper()
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			server := pgtest.StartOwn(t, pgtest.Options{Version: version, HBA: []string{"host all all 127.0.0.1/32 scram-sha-256"}})
			w := &estate{world: newWorld(t, server), secrets: make(map[string]string)}
			w.exec(t, "ALTER ROLE app PASSWORD '"+password("app")+"'")
			for i := range n {
				name := fmt.Sprintf("t%02d", i+1)
				w.tenants = append(w.tenants, name)
				w.secrets["login_"+name] = password("login_" + name)
				w.exec(t, strings.NewReplacer("{t}", name, "{secret}", password("login_"+name)).Replace(estateTenant))
			}
			test(t, w)
		})
	}
}

// start runs a pooler that knows the logins' secrets; s adds to its configuration.
func (w *estate) start(t *testing.T, s setup) *pooler {
	t.Helper()
	var text strings.Builder
	for login, secret := range w.secrets {
		fmt.Fprintf(&text, "%q %q\n", login, secret)
	}
	file := filepath.Join(t.TempDir(), "logins.txt")
	must(t, os.WriteFile(file, []byte(text.String()), 0o600))
	s.cluster += fmt.Sprintf("\npassword = %q\nlogin_secrets_file = %q\n", password("app"), file)
	if s.route == "" {
		s.route = dedicatedRoute
	}
	s.more += "\n[log]\nlevel = \"debug\"\n"
	p := startPooler(t, w.world, s)
	t.Cleanup(func() {
		for login, secret := range w.secrets {
			if strings.Contains(p.log.String(), secret) {
				t.Errorf("the log tells the secret of %s", login)
			}
		}
	})
	return p
}

const dedicatedRoute = "isolation = \"dedicated\"\nlogin = \"login_{tenant}\"\n"

// theirs is a condition on pg_stat_activity: connections of tenants' own logins.
const theirs = "usename LIKE 'login\\_%'"

// evictions are the connections that have made room so far.
func (p *pooler) evictions() int { return strings.Count(p.log.String(), "reason=evicted") }

func TestTwelveTenantsWithLoginsOfTheirOwnShareThreeConnections(t *testing.T) {
	needsPooler(t)
	onEachEstate(t, 12, func(t *testing.T, w *estate) {
		most := w.countBackends(t, theirs)
		p := w.start(t, setup{size: 3})
		var wait sync.WaitGroup
		for _, tenant := range w.tenants {
			wait.Go(func() {
				c := login(t, p.endpoint, tenant)
				for i := range 6 {
					c.expect("SELECT name || ' ' || session_user || ' ' || current_user || ' ' || current_setting('role') FROM whoami",
						fmt.Sprintf("%[1]s login_%[1]s login_%[1]s none", tenant))
					c.run(fmt.Sprintf("BEGIN; INSERT INTO notes VALUES (%d, '%s'); COMMIT", i, tenant))
				}
			})
		}
		wait.Wait()
		for _, tenant := range w.tenants {
			if got := w.value(t, fmt.Sprintf("SELECT count(*) FROM %s.notes WHERE text = '%s'", tenant, tenant)); got != "6" {
				t.Errorf("%s has %s notes", tenant, got)
			}
		}
		if n := most(); n > 3 {
			t.Errorf("%d connections", n)
		}
		if p.evictions() < 9 {
			t.Errorf("%d evictions", p.evictions())
		}
	})
}

// Whatever a session resets, it stays in its tenant, without any statement of the pooler's.
func TestResetsOfADedicatedSessionEndInItsTenant(t *testing.T) {
	needsPooler(t)
	onEachEstate(t, 2, func(t *testing.T, w *estate) {
		p := w.start(t, setup{size: 1, route: dedicatedRoute + "settings = { \"app.tenant_id\" = \"{tenant}\", work_mem = \"5MB\" }\n"})
		for _, tenant := range w.tenants {
			c := login(t, p.endpoint, tenant)
			mine := "SELECT name || current_setting('app.tenant_id') || current_setting('work_mem') || session_user FROM whoami"
			want := tenant + tenant + "5MBlogin_" + tenant
			c.expect(mine, want)
			for _, sql := range []string{"RESET ALL", "RESET ROLE", "SET ROLE NONE", "RESET SESSION AUTHORIZATION", "RESET search_path", "DISCARD ALL", "RESET work_mem"} {
				c.try(sql)
				c.expect(mine, want)
				rows, err := c.try(sql + "; " + mine)
				if err == nil && sql != "DISCARD ALL" && rows[0][0] != want {
					t.Errorf("behind %s: %q", sql, rows)
				}
			}
			for sql, code := range map[string]string{
				"SET ROLE app": "42501",
				"SELECT set_config('role', 'login_t02', true)": "42501",
				"SELECT set_config('role', 'app', true)":       "42501",
				"SELECT * FROM acme.whoami":                    "42501",
			} {
				if rows, err := c.try(sql); tenant == "t01" && (err == nil || err.code != code) {
					t.Errorf("%s: %q, %v", sql, rows, err)
				}
			}
			c.expect(mine, want)
		}
		c := login(t, p.endpoint, "t01")
		if _, err := c.try("SELECT * FROM t02.whoami"); err == nil || err.code != "42501" {
			t.Errorf("another tenant's table: %v", err)
		}
	})
}

// A connection that has just logged in for its tenant needs no switch.
func TestTheFirstStatementOnADedicatedConnectionIsTheClients(t *testing.T) {
	needsPooler(t)
	onEachEstate(t, 1, func(t *testing.T, w *estate) {
		p := w.start(t, setup{size: 1, cluster: "same_tenant = \"switch\""})
		for range 2 {
			login(t, p.endpoint, "t01").expect("SELECT name FROM whoami", "t01")
		}
		p.stop(t)
		if stats := p.log.await(t, tenantStats); !strings.Contains(stats, "switches=1 ") {
			t.Errorf("two clients: %s", stats)
		}
	})
}

// tenantStats is what the pooler logs of t01 when it stops.
var tenantStats = regexp.MustCompile(`msg=stats tenant=t01 .*`)

func TestAWrongSecretIsItsOwnTenantsAffair(t *testing.T) {
	needsPooler(t)
	onEachEstate(t, 3, func(t *testing.T, w *estate) {
		w.secrets["login_t02"] = "not what the server knows"
		w.exec(t, "ALTER ROLE login_t03 NOLOGIN")
		p := w.start(t, setup{size: 1})
		good := login(t, p.endpoint, "t01")
		for range 5 {
			for tenant, code := range map[string]string{"t02": "28P01", "t03": "28000"} {
				_, err := tryLogin(t, p.endpoint, "app", password("app"), tenant)
				if err == nil || err.code != code || err.severity != "FATAL" || !strings.Contains(err.message, "login_"+tenant) {
					t.Errorf("a client of %s: %v", tenant, err)
				}
			}
			good.expect("SELECT name FROM whoami", "t01")
			login(t, p.endpoint, "t01").expect("SELECT name FROM whoami", "t01")
		}
		w.exec(t, "ALTER ROLE login_t03 LOGIN")
		eventually(t, "t03 is let in again", func() bool {
			c, err := tryLogin(t, p.endpoint, "app", password("app"), "t03")
			if err != nil {
				return false
			}
			c.expect("SELECT name FROM whoami", "t03")
			return true
		})
	})
}

// A secret that the server refuses later on is told to those who wait, in the server's words.
func TestASecretThatGoesBadIsToldToWhoWaits(t *testing.T) {
	needsPooler(t)
	onEachEstate(t, 2, func(t *testing.T, w *estate) {
		p := w.start(t, setup{size: 1})
		a, b := login(t, p.endpoint, "t01"), login(t, p.endpoint, "t02")
		a.expect("SELECT name FROM whoami", "t01")
		w.exec(t, "ALTER ROLE login_t02 PASSWORD 'another'")
		if _, err := b.try("SELECT 1"); err == nil || err.code != "28P01" {
			// it may still have had its connection; then it is evicted now
			a.expect("SELECT name FROM whoami", "t01")
			if _, err = b.try("SELECT 1"); err == nil || err.code != "28P01" {
				t.Errorf("b: %v", err)
			}
		}
		a.expect("SELECT name FROM whoami", "t01")
	})
}

func TestANoisyTenantAndFiveQuietOnesAllGoOn(t *testing.T) {
	needsPooler(t)
	onEachEstate(t, 6, func(t *testing.T, w *estate) {
		p := w.start(t, setup{size: 3})
		stop := make(chan struct{})
		var noise, quiet sync.WaitGroup
		counts := make([]int, 20)
		for i := range counts {
			noise.Go(func() {
				c := login(t, p.endpoint, "t01")
				for {
					select {
					case <-stop:
						return
					default:
						c.expect("SELECT name FROM whoami", "t01")
						counts[i]++
					}
				}
			})
		}
		for _, tenant := range w.tenants[1:] {
			quiet.Go(func() {
				c := login(t, p.endpoint, tenant)
				for range 10 {
					c.expect("SELECT name FROM whoami", tenant)
				}
			})
		}
		quiet.Wait()
		close(stop)
		noise.Wait()
		for i, n := range counts {
			if n == 0 {
				t.Errorf("client %d of the noisy tenant had nothing done", i)
			}
		}
	})
}

// Tenants of every level share one cluster, its login and its places.
func TestSharedAndDedicatedTenantsOnOneCluster(t *testing.T) {
	needsPooler(t)
	onEachEstate(t, 4, func(t *testing.T, w *estate) {
		// one that still starts has no name yet by which the control connection could be told
		most := w.countBackends(t, "application_name <> 'tenantpool control' AND state <> 'starting' AND (usename = 'app' OR "+theirs+")")
		mixed := ""
		for _, tenant := range w.tenants {
			mixed += fmt.Sprintf("[tenant.%s]\nisolation = \"dedicated\"\nlogin = \"login_%s\"\n", tenant, tenant)
		}
		p := w.start(t, setup{size: 2, more: mixed, route: "# nothing\n"})
		var wait sync.WaitGroup
		for _, tenant := range append(append([]string(nil), tenants...), w.tenants...) {
			user := "app"
			if strings.HasPrefix(tenant, "t") {
				user = "login_" + tenant
			}
			wait.Go(func() {
				c := login(t, p.endpoint, tenant)
				for range 10 {
					c.expect("SELECT name || ' ' || session_user FROM whoami", tenant+" "+user)
				}
			})
		}
		wait.Wait()
		if n := most(); n > 2 {
			t.Errorf("%d connections", n)
		}
	})
}

// With tenant_change = "discard" no connection of the shared login ever serves a second tenant.
func TestDiscardKeepsConnectionsToOneTenant(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2, cluster: "tenant_change = \"discard\"\n", more: "\n[log]\nlevel = \"debug\"\n"})
		served := make(map[string]string) // by backend
		var mu sync.Mutex
		var wait sync.WaitGroup
		for _, tenant := range tenants {
			wait.Go(func() {
				for range 3 {
					c := login(t, p.endpoint, tenant, "application_name", "mine")
					for range 10 {
						row := c.run("SELECT pg_backend_pid(), name, session_user FROM whoami")[0]
						mu.Lock()
						if other := served[row[0]]; other != "" && other != tenant || row[1] != tenant || row[2] != "app" {
							t.Errorf("%s got %q, which served %q", tenant, row, other)
						}
						served[row[0]] = tenant
						mu.Unlock()
					}
				}
			})
		}
		wait.Wait()
		if p.evictions() == 0 {
			t.Error("nothing made room")
		}
	})
}

// What a client is told at login is what its tenant's login gives, and its own startup settings are
// stronger than those that are stored for that login.
func TestTheGreetingIsTheTenantsLogins(t *testing.T) {
	needsPooler(t)
	onEachEstate(t, 2, func(t *testing.T, w *estate) {
		w.exec(t, "ALTER ROLE login_t01 SET datestyle = 'German'; ALTER ROLE login_t01 SET intervalstyle = 'iso_8601'")
		p := w.start(t, setup{size: 1})
		c := login(t, p.endpoint, "t01")
		direct, err := tryLogin(t, endpoint{host: w.server.Host, port: w.server.Port}, "login_t01", password("login_t01"), w.database)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range direct.params {
			if got := c.params[name]; got != want && name != "application_name" && name != "search_path" && name != "client_encoding" {
				t.Errorf("%s is %q, not %q", name, got, want)
			}
		}
		c.expect("SHOW datestyle", direct.params["DateStyle"])
		c = login(t, p.endpoint, "t01", "datestyle", "ISO, MDY")
		if got := c.params["DateStyle"]; got != "ISO, MDY" {
			t.Errorf("one who asked for ISO is told %q", got)
		}
		c.expect("SHOW datestyle", "ISO, MDY")
		login(t, p.endpoint, "t02").expect("SHOW datestyle", "ISO, MDY")
	})
}

func TestADedicatedLoginMustBeAbleToUseTheSchemaAndNoMore(t *testing.T) {
	needsPooler(t)
	onEachEstate(t, 3, func(t *testing.T, w *estate) {
		w.exec(t, "ALTER SCHEMA t01 OWNER TO postgres; GRANT USAGE ON SCHEMA t01 TO app; ALTER ROLE login_t02 SUPERUSER")
		p := w.start(t, setup{size: 1, route: dedicatedRoute, more: "[tenant.t01]\n"})
		if _, err := tryLogin(t, p.endpoint, "app", password("app"), "t01"); err == nil || err.code != "3F000" {
			t.Errorf("without USAGE: %v", err)
		}
		if _, err := tryLogin(t, p.endpoint, "app", password("app"), "t02"); err == nil || err.code != "08001" || !strings.Contains(err.message, "superuser") {
			t.Errorf("a superuser: %v", err)
		}
		login(t, p.endpoint, "t03").expect("SELECT name FROM whoami", "t03")
	})
}

func TestACancelReachesADedicatedConnection(t *testing.T) {
	needsPooler(t)
	onEachEstate(t, 2, func(t *testing.T, w *estate) {
		p := w.start(t, setup{size: 1})
		c, other := login(t, p.endpoint, "t01"), login(t, p.endpoint, "t02")
		c.send(query("SELECT pg_sleep(60)"))
		w.eventually(t, "SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = 'login_t01' AND wait_event = 'PgSleep'")
		other.send(query("SELECT name FROM whoami"))
		c.cancel()
		if _, err := result(c.until('Z')); err == nil || err.code != "57014" {
			t.Errorf("got %v", err)
		}
		if rows, err := result(other.until('Z')); err != nil || rows[0][0] != "t02" {
			t.Errorf("got %q, %v", rows, err)
		}
	})
}

func TestPgbenchOfTenantsWithLoginsOfTheirOwn(t *testing.T) {
	needsPooler(t)
	onEachEstate(t, 0, func(t *testing.T, w *estate) {
		for _, r := range pgbenchRuns {
			w.exec(t, fmt.Sprintf(`CREATE ROLE login_%[1]s LOGIN PASSWORD '%[2]s'; GRANT app TO login_%[1]s;
				ALTER SCHEMA %[1]s OWNER TO login_%[1]s`, r.tenant, password("login_"+r.tenant)))
			w.secrets["login_"+r.tenant] = password("login_" + r.tenant)
			defer r.expectContents(t, w.world, 3)
		}
		most := w.countBackends(t, theirs)
		p := w.start(t, setup{size: 3})
		atOnce(t, func(r pgbenchRun) error { return r.initialise(t, w.world, p) })
		for _, mode := range []string{"simple", "extended", "prepared"} {
			atOnce(t, func(r pgbenchRun) error { return r.run(t, w.world, p, mode) })
		}
		if n := most(); n > 3 {
			t.Errorf("%d connections", n)
		}
	})
}
