package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// reloadable is a pooler whose configuration a test rewrites.
type reloadable struct {
	*pooler
	file string
	done int // reloads that its log has told of
}

// startReloadable runs a pooler on a configuration that may be written anew.
func startReloadable(t *testing.T, w *world, s setup) *reloadable {
	t.Helper()
	needsPooler(t)
	file := s.write(t, w)
	return &reloadable{pooler: awaitPooler(t, launchPooler(t, s, file)), file: file}
}

var reloadEnds = regexp.MustCompile(`msg="?(reloaded|reload refused).*`)

// reload sends HUP and returns the line that says how it went.
func (r *reloadable) reload(t *testing.T) string {
	t.Helper()
	must(t, r.process.Signal(syscall.SIGHUP))
	r.done++
	return r.log.awaitNth(t, reloadEnds, r.done)
}

// change replaces a piece of the configuration and reloads it.
func (r *reloadable) change(t *testing.T, from, to string) string {
	t.Helper()
	r.rewrite(t, from, to)
	return r.reload(t)
}

// rewrite replaces a piece of the configuration.
func (r *reloadable) rewrite(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(r.file)
	must(t, err)
	if !strings.Contains(string(text), from) {
		t.Fatalf("the configuration does not hold %q:\n%s", from, text)
	}
	must(t, os.WriteFile(r.file, []byte(strings.Replace(string(text), from, to, 1)), 0o600))
}

// listedRoute is a route for tenants that the configuration lists, by a database name of its own.
const listedRoute = `
[[route]]
database    = "{tenant}_x"
users       = ["app"]
cluster     = "main"
search_path = ["{schema}"]
`

func TestAReloadChangesLimitsAndKeepsServersAndClients(t *testing.T) {
	onNewest(t, func(t *testing.T, w *world) {
		r := startReloadable(t, w, setup{size: 1})
		c := login(t, r.endpoint, "acme")
		server := c.value("SELECT pg_backend_pid()")
		if line := r.change(t, "pool_size = 1", "pool_size = 2"); !strings.Contains(line, "reloaded") {
			t.Fatal(line)
		}
		if want := "cluster.main.pool_size: 1 -> 2"; !strings.Contains(r.log.String(), want) {
			t.Errorf("the log does not say %q", want)
		}
		c.expect("SELECT pg_backend_pid()", server)
		c.run("BEGIN")
		login(t, r.endpoint, "globex").expect("SELECT name FROM whoami", "globex") // on a second server
		c.run("COMMIT")

		text, err := os.ReadFile(r.file)
		must(t, err)
		if line := r.change(t, "pool_size = 2", "pool_size = \"many\""); !strings.Contains(line, "refused") {
			t.Error(line)
		}
		if want := regexp.MustCompile(`config.toml:\d+:\d+: cluster.pool_size`); !want.MatchString(r.log.String()) {
			t.Errorf("the log does not say where the fault is")
		}
		c.expect("SELECT pg_backend_pid()", server)
		must(t, os.WriteFile(r.file, text, 0o600))
		if line := r.change(t, `[auth]`, "query_timeout = \"300ms\"\n[auth]"); !strings.Contains(line, "reloaded") {
			t.Error(line)
		}
		if _, e := c.try("SELECT pg_sleep(20)"); e == nil || e.code != "57014" {
			t.Errorf("a new query_timeout does not hold: %v", e)
		}
	})
}

// "tenantpool reload" tells whoever asks what has changed, or every fault.
func TestTheReloadCommandTellsWhatCameOfIt(t *testing.T) {
	onNewest(t, func(t *testing.T, w *world) {
		s := withConsole(t)
		s.size = 1
		r := startReloadable(t, w, s)
		boss := operate(t, r.pooler, "boss")
		server := login(t, r.endpoint, "acme").value("SELECT pg_backend_pid()")
		r.rewrite(t, "pool_size = 1", "pool_size = 2")
		if out := r.verb(t, s, 0, "reload"); out != "cluster.main.pool_size: 1 -> 2\n" {
			t.Errorf("a reload says\n%s", out)
		}
		r.rewrite(t, "pool_size = 2", "pool_size = \"many\"\npool_sise = 3")
		faults := []*regexp.Regexp{regexp.MustCompile(`config.toml:\d+:\d+: cluster.pool_size`), regexp.MustCompile(`config.toml:\d+:\d+: .*pool_sise`)}
		out := r.verb(t, s, 1, "reload")
		for _, fault := range faults {
			if !fault.MatchString(out) {
				t.Errorf("a reload that is refused does not say %s, but\n%s", fault, out)
			}
		}
		login(t, r.endpoint, "acme").expect("SELECT pg_backend_pid()", server)
		if rows := records(t, boss, "SHOW DATABASES"); rows[0]["pool_size"] != int64(2) {
			t.Errorf("pool_size is %v", rows[0]["pool_size"])
		}
		past := records(t, boss, "SHOW RELOADS")
		if len(past) != 2 || past[0]["result"] != "ok" || past[0]["changes"] != "cluster.main.pool_size: 1 -> 2" || past[1]["result"] != "failed" {
			t.Fatalf("SHOW RELOADS gives %v", past)
		}
		for _, fault := range faults {
			if !fault.MatchString(fmt.Sprint(past[1]["problems"])) {
				t.Errorf("SHOW RELOADS does not have %s, but %v", fault, past[1]["problems"])
			}
		}
	})
}

func TestASessionFollowsItsTenantThroughReloads(t *testing.T) {
	onNewest(t, func(t *testing.T, w *world) {
		w.exec(t, "SET ROLE app; CREATE SCHEMA extra; CREATE TABLE extra.more (x int); INSERT INTO extra.more VALUES (7)")
		r := startReloadable(t, w, setup{size: 2, more: listedRoute + "[tenant.acme]\n[tenant.globex]\n[tenant.initech]\n"})
		acme, globex := login(t, r.endpoint, "acme_x"), login(t, r.endpoint, "globex_x")
		initech := login(t, r.endpoint, "initech_x")
		acme.run("SET TimeZone TO 'Asia/Tokyo'")
		acme.run("PREPARE mine AS SELECT name FROM whoami")
		acme.run("DEALLOCATE mine")
		server := acme.value("SELECT pg_backend_pid()")
		initech.expect("SELECT name FROM whoami", "initech")

		r.change(t, `search_path = ["{schema}"]`, `search_path = ["{schema}", "extra"]
settings = { "app.tenant" = "{tenant}" }`)
		acme.send(query("SELECT x FROM more"))
		told := acme.until('Z')
		if rows, e := result(told); e != nil || rows[0][0] != "7" {
			t.Errorf("%v, %v", rows, e)
		}
		if got := reported(told)["search_path"]; got != "acme, extra" {
			t.Errorf("the client was told of the path %q", got)
		}
		acme.expect("SHOW TimeZone", "Asia/Tokyo")
		acme.expect("SELECT current_setting('app.tenant')", "acme")
		if acme.value("SELECT pg_backend_pid()") == server {
			t.Error("a server born before app.tenant serves a profile that names it")
		}
		globex.expect("SELECT name FROM whoami", "globex")

		r.change(t, "[tenant.acme]", "[tenant.acme]\nstate = \"disabled\"")
		acme.expectEnd("SELECT 1", "28000", `tenant "acme" is not accepting connections`)
		r.change(t, "[tenant.globex]", "")
		globex.expectEnd("SELECT 1", "3D000", `tenant "globex" does not exist any more`)
		initech.expect("SELECT name FROM whoami", "initech")
		r.change(t, "[tenant.initech]", "[tenant.initech]\nusers = [\"somebody\"]")
		initech.expectEnd("SELECT 1", "28000", `login "app" is no longer admitted to tenant "initech"`)
	})
}

// reported are the parameters that an answer tells of.
func reported(replies []reply) map[string]string {
	all := map[string]string{}
	for _, m := range replies {
		if m.kind == 'S' {
			name, value, _ := strings.Cut(strings.TrimSuffix(string(m.body), "\x00"), "\x00")
			all[name] = value
		}
	}
	return all
}

// expectEnd runs a query that must end the session.
func (c *rawClient) expectEnd(sql, code, message string) {
	c.t.Helper()
	c.send(query(sql))
	e := firstError(c.rest())
	if e == nil || e.severity != "FATAL" || e.code != code || e.message != message {
		c.t.Errorf("got %v, want FATAL %s %s", e, code, message)
	}
}

func TestAClusterThatBecomesAnotherDrains(t *testing.T) {
	onNewest(t, func(t *testing.T, w *world) {
		other := newWorld(t, w.server)
		r := startReloadable(t, w, setup{size: 2})
		busy, idle := login(t, r.endpoint, "acme"), login(t, r.endpoint, "globex")
		busy.run("BEGIN")
		idle.expect("SELECT current_database()", w.database)
		r.change(t, w.database, other.database)
		idle.expect("SELECT current_database()", other.database)
		busy.expect("SELECT current_database()", w.database)
		busy.run("COMMIT")
		busy.expect("SELECT current_database()", other.database)
		w.eventually(t, "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = '"+w.database+"' AND usename = 'app'")
	})
}

func TestAReloadChangesWhoMayLogIn(t *testing.T) {
	onNewest(t, func(t *testing.T, w *world) {
		r := startReloadable(t, w, setup{})
		old := login(t, r.endpoint, "acme")
		users := strings.Replace(setup{}.usersFile(), password("app"), "another", 1)
		must(t, os.WriteFile(filepath.Join(filepath.Dir(r.file), "users.txt"), []byte(users), 0o600))
		r.reload(t)
		old.expect("SELECT name FROM whoami", "acme")
		if _, err := connectAs(t, r.pooler, "app", password("app"), "acme", ""); err == nil {
			t.Error("the old password still lets in")
		}
		if _, err := connectAs(t, r.pooler, "app", "another", "acme", ""); err != nil {
			t.Errorf("the new password does not let in: %v", err)
		}
	})
}

// TENANTPOOL_RELOADS says how many reloads a run has, for more than a short one.
func TestReloadsUnderLoadDropNobody(t *testing.T) {
	onNewest(t, func(t *testing.T, w *world) {
		reloads := 12
		if n, err := strconv.Atoi(os.Getenv("TENANTPOOL_RELOADS")); err == nil {
			reloads = n
		}
		r := startReloadable(t, w, setup{size: 3})
		good, err := os.ReadFile(r.file)
		must(t, err)
		var stop atomic.Bool
		var done atomic.Int64
		var clients sync.WaitGroup
		for i := range 12 {
			tenant := tenants[i%len(tenants)]
			c := login(t, r.endpoint, tenant)
			clients.Go(func() {
				for !stop.Load() {
					if rows, e := c.try("SELECT name FROM whoami"); e != nil || rows[0][0] != tenant {
						t.Errorf("%s: %v, %v", tenant, rows, e)
						return
					}
					done.Add(1)
				}
			})
		}
		for i := range reloads {
			text := strings.Replace(string(good), "pool_size = 3", fmt.Sprintf("pool_size = %d", 2+i%5), 1)
			want := "reloaded"
			if i%2 == 1 {
				text, want = text+fmt.Sprintf("\nnonsense%d = 1\n", i), "refused"
			}
			must(t, os.WriteFile(r.file, []byte(text), 0o600))
			if line := r.reload(t); !strings.Contains(line, want) {
				t.Errorf("reload %d: %s", i, line)
			}
			login(t, r.endpoint, "acme").expect("SELECT name FROM whoami", "acme")
		}
		stop.Store(true)
		clients.Wait()
		t.Logf("%d reloads, %d queries of 12 clients", reloads, done.Load())
	})
}

// Until a registry that came with a reload has been read, sessions go on by the route that they have:
// also where the pool has nothing for them.
func TestWhoeverIsRefusedWhileARegistryIsUnreadHearsIt(t *testing.T) {
	onNewest(t, func(t *testing.T, w *world) {
		r := startReloadable(t, w, setup{size: 1, route: "max_waiting = 1"})
		holder, first, second := login(t, r.endpoint, "initech"), login(t, r.endpoint, "acme"), login(t, r.endpoint, "acme")
		holder.run("BEGIN")
		r.change(t, "[auth]", "[registry]\ncluster = \"main\"\nquery = \"SELECT * FROM no_such_table\"\nchannel = \"\"\n[auth]")
		r.log.await(t, regexp.MustCompile("registry cannot be read"))
		answers := make(chan *serverError, 2)
		for _, c := range []*rawClient{first, second} {
			c.send(query("SELECT 1"))
			go func() { answers <- firstError(c.until('Z')) }()
		}
		if e := <-answers; e == nil || e.code != "53300" {
			t.Errorf("got %v", e)
		}
		holder.run("COMMIT")
		if e := <-answers; e != nil {
			t.Error(e)
		}
		r.change(t, w.database, newWorld(t, w.server).database) // another pool
		first.expectEnd("SELECT 1", "57P03", "the tenants are not known yet")
	})
}

func TestWhoeverWaitsForAPausedClusterThatIsGoneGoesOn(t *testing.T) {
	onNewest(t, func(t *testing.T, w *world) {
		s := withConsole(t)
		s.global = "query_wait_timeout = 0"
		r := startReloadable(t, w, s)
		boss := operate(t, r.pooler, "boss")
		c := login(t, r.endpoint, "acme")
		c.expect("SELECT name FROM whoami", "acme")
		command(t, boss, "PAUSE main")
		c.send(query("SELECT name FROM whoami"))
		eventually(t, "the client waits", func() bool { return len(records(t, boss, "SHOW WAITERS")) == 1 })
		text, err := os.ReadFile(r.file)
		must(t, err)
		text = []byte(strings.NewReplacer("[cluster.main]", "[cluster.next]", `"main"`, `"next"`).Replace(string(text)))
		must(t, os.WriteFile(r.file, text, 0o600))
		if line := r.reload(t); !strings.Contains(line, "reloaded") {
			t.Fatal(line)
		}
		if rows, e := result(c.until('Z')); e != nil || rows[0][0] != "acme" {
			t.Errorf("%v, %v", rows, e)
		}
	})
}

// What was prepared while a setting was the client's own is judged anew once it is the profile's.
func TestAStatementPreparedBeforeAReloadMayNotSetWhatTheProfileNamesSince(t *testing.T) {
	onNewest(t, func(t *testing.T, w *world) {
		r := startReloadable(t, w, setup{})
		for _, name := range []string{"", "mine"} {
			c := login(t, r.endpoint, "acme")
			c.send(parse(name, "SET app.tenant TO 'globex'"), syncNow)
			if e := firstError(c.until('Z')); e != nil {
				t.Fatal(e)
			}
			line := r.change(t, `tenants     = "schema"`, `tenants     = "schema"
settings    = { "app.tenant" = "{tenant}" }`)
			if !strings.Contains(line, "reloaded") {
				t.Fatal(line)
			}
			if name != "" { // a simple query would drop the other one
				c.expect("SELECT current_setting('app.tenant')", "acme")
				c.run("BEGIN")
			}
			c.send(bind("", name), execute("", 0), syncNow)
			if e := firstError(c.until('Z')); e == nil {
				t.Errorf("statement %q is run", name)
			}
			if rows, e := c.try("SELECT current_setting('app.tenant')"); e == nil && rows[0][0] != "acme" {
				t.Errorf("statement %q: the tenant is %q", name, rows[0][0])
			}
			r.change(t, `
settings    = { "app.tenant" = "{tenant}" }`, "")
		}
	})
}
