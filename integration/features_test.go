package integration

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"tenantpool/internal/pgtest"
)

// features are texts that use a session feature each, and what is to be found behind them.
var features = []struct{ key, use, look, want string }{
	{"listen", "LISTEN news", "SELECT pg_listening_channels()", "news"},
	{"advisory_locks", "SELECT pg_advisory_lock(4711)", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()", "1"},
	{"temp", "CREATE TEMP TABLE mine AS SELECT 'here' AS name", "SELECT name FROM mine", "here"},
	{"hold_cursors", "DECLARE h CURSOR WITH HOLD FOR SELECT generate_series(1, 3)", "FETCH 1 FROM h", "1"},
	{"sql_prepare", "PREPARE p AS SELECT name FROM whoami", "EXECUTE p", "acme"},
	{"sequences", "SELECT lastval()", "SELECT lastval()", "1"},
}

func sequenceFor(t *testing.T, w *world) {
	t.Helper()
	w.exec(t, "SET ROLE app; CREATE SEQUENCE acme.s; CREATE SEQUENCE globex.s START 1000")
}

func TestAFeatureThatPinsKeepsItsServerUntilTheSessionEnds(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		sequenceFor(t, w)
		p := startPooler(t, w, setup{size: 8, global: `session_features = { listen = "pin" }`})
		for _, f := range features {
			c := login(t, p.endpoint, "acme")
			if f.key == "sequences" {
				c.run("SELECT nextval('s')")
			}
			c.run(f.use)
			pid := c.value("SELECT pg_backend_pid()")
			login(t, p.endpoint, "globex").expect("SELECT name FROM whoami", "globex")
			c.expect(f.look, f.want)
			c.expect("SELECT pg_backend_pid()", pid)
			c.send(terminate)
			c.rest()
		}
	})
}

// A refusal names the setting; in a transaction it is the server's own failure, as any error would be.
func TestAFeatureThatIsRefusedSaysWhichSettingRefusesIt(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		sequenceFor(t, w)
		all := make([]string, len(features))
		for i, f := range features {
			all[i] = f.key + ` = "refuse"`
		}
		p := startPooler(t, w, setup{size: 1, global: "session_features = { " + strings.Join(all, ", ") + " }"})
		other := login(t, p.endpoint, "globex")
		for _, f := range features {
			c := login(t, p.endpoint, "acme")
			for _, request := range [][]byte{query(f.use), once(f.use), join(parse("named", f.use), bind("", "named"), execute("", 0), syncNow)} {
				c.send(request)
				_, err := result(c.until('Z'))
				if err == nil || err.code != "0A000" || !strings.Contains(err.hint, "session_features."+f.key+" =") {
					t.Errorf("%s: got %v", f.use, err)
				}
				other.expect("SELECT name FROM whoami", "globex")
			}
			c.run("BEGIN")
			expectServerError(t, c, f.use, "0A000")
			expectServerError(t, c, "SELECT 1", "25P02")
			c.run("ROLLBACK")
			c.expect("SELECT name FROM whoami", "acme")
		}
	})
}

func TestATenantAndARouteMaySayOtherwiseAboutFeatures(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{
			global: `session_features = { temp = "refuse", advisory_locks = "refuse" }`,
			route:  `session_features = { temp = "pin" }` + "\n[tenant.globex]\nsession_features = { advisory_locks = \"pin\", temp = \"refuse\" }",
		})
		const temp, lock = "CREATE TEMP TABLE x (a int)", "SELECT pg_try_advisory_lock(1)"
		acme, globex := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		acme.run(temp)
		expectServerError(t, acme, lock, "0A000")
		globex.run(lock)
		expectServerError(t, globex, temp, "0A000")
	})
}

// What a pinned session listens to it hears at once, between its queries and while the pooler has one
// of its own running for it.
func TestAPinnedSessionHearsItsNotificationsWhileItIsIdle(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{global: `session_features = { listen = "pin" }`})
		c, other := login(t, p.endpoint, "acme"), login(t, p.endpoint, "acme")
		c.run("LISTEN news")
		for i := range 100 {
			other.send(query(fmt.Sprintf("NOTIFY news, 'extra %d'", i)))
			if i%2 == 0 {
				c.send(query("CREATE TEMP TABLE x (a int)"), query("DROP TABLE x"), query("RESET ALL")) // what is left, then? And the path again
				heard := c.until('Z')
				heard = append(heard, c.until('Z')...)
				heard = append(heard, c.until('Z')...)
				if e := firstError(heard); e != nil {
					t.Fatal(e)
				}
				if strings.Contains(kinds(heard), "A") {
					other.until('Z')
					continue
				}
			}
			if m := c.next(); m.kind != 'A' || !strings.Contains(string(m.body), fmt.Sprintf("news\x00extra %d\x00", i)) {
				t.Fatalf("got %c %q", m.kind, m.body)
			}
			other.until('Z')
		}
		c.expect("SELECT name FROM whoami", "acme")
	})
}

// pinnedTo says whether the session keeps its server: with one connection for all, another tenant
// waits in vain while it does.
func (p *pooler) pinned(t *testing.T, c *rawClient) bool {
	t.Helper()
	other := login(t, p.endpoint, "globex")
	defer other.vanish(false)
	_, err := other.try("SELECT 1")
	if err != nil && err.code != "53300" {
		t.Fatal(err)
	}
	return err != nil
}

const shortWait = `
query_wait_timeout = "150ms"
session_features = { listen = "pin" }`

// What a session leaves on its server ties it there for as long as the server says that it is there,
// whatever the texts said.
func TestAPinnedSessionIsUnpinnedWhenNothingIsLeft(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.exec(t, "SET ROLE app; CREATE SEQUENCE shared.s")
		p := startPooler(t, w, setup{size: 1, global: shortWait})
		c := login(t, p.endpoint, "acme")
		for _, step := range []struct {
			texts  []string
			pinned bool
		}{
			{[]string{"CREATE TEMP TABLE a (x int)"}, true},
			{[]string{"CREATE TEMP TABLE b (x int)", "DROP TABLE a"}, true},
			{[]string{"BEGIN", "DROP TABLE b", "ROLLBACK"}, true},
			{[]string{"DROP TABLE b"}, false},
			{[]string{"CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"}, true},
			{[]string{"DISCARD TEMP"}, false},
			{[]string{"BEGIN", "CREATE TEMP TABLE a (x int) ON COMMIT DROP", "INSERT INTO a VALUES (1)", "COMMIT"}, false},
			{[]string{"BEGIN", "CREATE TEMP TABLE a (x int)", "ROLLBACK"}, false},
			{[]string{"CREATE TEMP TABLE a (x nonsense)"}, false},
			{[]string{"SELECT pg_advisory_lock(1)", "SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(1)"}, true},
			{[]string{"SELECT shared.run('SELECT pg_advisory_lock(2)')", "SELECT pg_advisory_unlock(1)"}, true},
			{[]string{"SELECT pg_advisory_unlock_all()"}, false},
			{[]string{"LISTEN news", "LISTEN others", "UNLISTEN news"}, true},
			{[]string{"UNLISTEN *"}, false},
			{[]string{"BEGIN", "DECLARE h CURSOR WITH HOLD FOR SELECT 1", "COMMIT"}, true},
			{[]string{"CLOSE h"}, false},
			{[]string{"PREPARE p AS SELECT 1", "EXECUTE p"}, true},
			{[]string{"DEALLOCATE p"}, false},
			{[]string{"BEGIN", "SELECT nextval('shared.s')", "SELECT lastval()", "COMMIT", "SELECT lastval()"}, true},
			{[]string{"CREATE TEMP TABLE a (x int)", "DROP TABLE a"}, true},
			{[]string{"DISCARD SEQUENCES"}, false},
			{[]string{"SET search_path = pg_temp"}, true},
			{[]string{"DISCARD ALL"}, false},
			{[]string{"PREPARE p AS SELECT 1", "SET application_name = 'own'", "SET work_mem = '77kB'", "DEALLOCATE ALL"}, false},
			{[]string{"SHOW search_path"}, false},
		} {
			for _, sql := range step.texts {
				c.try(sql)
			}
			if got := p.pinned(t, c); got != step.pinned {
				t.Errorf("after %q: pinned is %v", step.texts, got)
			}
		}
		c.expect("SELECT name FROM whoami", "acme")
		c.expect("SHOW work_mem", "77kB")
		c.expect("SHOW application_name", "own")
	})
}

func TestDiscardAllUnpinsAndLeavesNothing(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.helperRole(t)
		p := startPooler(t, w, setup{size: 1, global: shortWait})
		for what, request := range map[string][]byte{"simple": query("DISCARD ALL"), "extended": once("DISCARD ALL"),
			"named": join(parse("d", "DISCARD ALL"), bind("", "d"), execute("", 0), syncNow)} {
			c := login(t, p.endpoint, "acme", "TimeZone", "Europe/Berlin")
			for _, l := range leftovers {
				c.try(l.leave)
			}
			c.send(parse("mine", "SELECT 1"), syncNow)
			c.until('Z')
			if !p.pinned(t, c) {
				t.Fatal("not pinned at all")
			}
			c.send(request)
			if _, err := result(c.until('Z')); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if p.pinned(t, c) {
				t.Errorf("%s: still pinned", what)
			}
			expectNoLeftovers(t, c, "acme")
			c.expect("SHOW TimeZone", "Europe/Berlin")
			c.send(bind("", "mine"), execute("", 0), syncNow)
			if _, err := result(c.until('Z')); err == nil || err.code != "26000" {
				t.Errorf("%s: the statement prepared before gives %v", what, err)
			}
			next := login(t, p.endpoint, "globex")
			expectNoLeftovers(t, next, "globex")
			next.vanish(false)
			c.run("BEGIN")
			expectServerError(t, c, "DISCARD ALL", "25001")
			c.run("ROLLBACK")
			c.vanish(false)
		}
	})
}

// A session that is never pinned is never asked about, and one that is pinned once, not per statement.
func TestWhatIsLeftIsAskedForOnce(t *testing.T) {
	needsPooler(t)
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			o := pgtest.Options{Version: version, Settings: map[string]string{"shared_preload_libraries": "pg_stat_statements"}}
			w := newWorld(t, pgtest.StartOwn(t, o))
			w.exec(t, "CREATE EXTENSION pg_stat_statements")
			whatIsLeftIsAskedForOnce(t, w)
		})
	}
}

func whatIsLeftIsAskedForOnce(t *testing.T, w *world) {
	const asked = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE '%pg_listening_channels()), %' AND query NOT LIKE '%coalesce%'"
	p := startPooler(t, w, setup{})
	c := login(t, p.endpoint, "acme")
	for _, sql := range []string{"SELECT 1", "DROP TABLE IF EXISTS nothing", "SELECT pg_advisory_unlock_all()", "BEGIN", "DISCARD TEMP", "COMMIT"} {
		c.run(sql)
	}
	if n := w.value(t, asked); n != "0" {
		t.Errorf("asked %s times for a session without a pin", n)
	}
	c.run("PREPARE p AS SELECT 1")
	for range 20 {
		c.run("EXECUTE p")
	}
	if n := w.value(t, asked); n != "1" {
		t.Errorf("asked %s times", n)
	}
}

// Why sessions keep their servers is counted for each tenant, and told as it happens at level debug.
func TestTheReasonsOfPinsAreCountedAndLogged(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 8, more: "[log]\nlevel = \"debug\""})
		a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "acme")
		a.run("SELECT pg_advisory_lock(1)")
		a.run("CREATE TEMP TABLE x (a int)")
		b.run("SELECT pg_advisory_lock(2)")
		b.run("SELECT pg_advisory_unlock(2)")
		p.log.await(t, regexp.MustCompile(`level=DEBUG msg="session pinned" tenant=acme user=app server=\d+ reason="temporary object"`))
		p.log.await(t, regexp.MustCompile(`level=DEBUG msg="session unpinned" tenant=acme user=app`))
		must(t, p.process.Signal(syscall.SIGUSR1))
		p.log.await(t, regexp.MustCompile(`msg=stats tenant=acme .* pins=2 pinned=1 reasons="advisory lock: 2, temporary object: 1"`))
	})
}

// A text too long to be read whole is judged by its beginning.
func TestTheBeginningOfALongTextIsJudged(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, global: `query_wait_timeout = "150ms"`})
		c := login(t, p.endpoint, "acme")
		long := "; SELECT length('" + strings.Repeat("x;", 100_000) + "')"
		for sql, code := range map[string]string{"LISTEN news": "0A000", "SET search_path TO globex": "42501", "SELECT 1; SET SCHEMA 'globex'": "42501"} {
			expectServerError(t, c, sql+long, code)
			c.expect("SELECT name FROM whoami", "acme")
		}
		c.send(parse("", "CREATE TEMP TABLE x AS SELECT length('"+strings.Repeat("x;", 100_000)+"')"), bind("", ""), execute("", 0), syncNow)
		if _, err := result(c.until('Z')); err != nil || !p.pinned(t, c) {
			t.Errorf("a long CREATE TEMP TABLE: %v, and the session is not pinned", err)
		}
		c.run("DROP TABLE x")
		c.run("SET work_mem = '77kB'" + long)
		if p.pinned(t, c) {
			t.Error("a long text pins for good")
		}
		c.expect("SHOW work_mem", "77kB")
		c.run("PREPARE p AS SELECT name FROM whoami" + long)
		if !p.pinned(t, c) {
			t.Error("a long text that prepares does not pin")
		}
		c.expect("EXECUTE p", "acme")
	})
}

// Whatever the reason: no more sessions are pinned than may be, and others find a server.
func TestNoReasonPinsMoreSessionsThanMayBe(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 4, global: `query_wait_timeout = "3s"`})
		const computed = "SELECT set_config('app.' || 'x', '1', false)"
		for what, request := range map[string][]byte{
			"a computed name":                   query(computed),
			"a computed name, unnamed":          once(computed),
			"a computed name, named":            join(parse("s", computed), bind("", "s"), execute("", 0), syncNow),
			"a path of temporary objects":       query("SELECT set_config('search_path', 'pg_temp, acme', false)"),
			"a statement too long to be shared": join(parse("s", "SELECT 1 /*"+strings.Repeat("x", 70<<10)+"*/"), syncNow),
		} {
			refused := 0
			var held []*rawClient
			for range 4 {
				c := login(t, p.endpoint, "acme")
				held = append(held, c)
				c.send(request)
				for _, r := range c.until('Z') {
					if r.kind == 'E' {
						refused++
					}
				}
			}
			if refused != 3 {
				t.Errorf("%s: %d of 4 sessions were refused, want 3", what, refused)
			}
			login(t, p.endpoint, "globex").expect("SELECT name FROM whoami", "globex")
			for _, c := range held {
				c.send(terminate)
				c.rest()
			}
		}
	})
}
