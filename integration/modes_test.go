package integration

import (
	"strings"
	"testing"
)

func TestInSessionModeAClientKeepsItsServerAndWhatIsOnIt(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2, mode: "session"})
		c := login(t, p.endpoint, "acme")
		pid := c.value("SELECT pg_backend_pid()")
		c.run("SET statement_timeout = '77s'")
		c.run("CREATE TEMP TABLE mine AS SELECT 'here' AS name")
		c.run("PREPARE p AS SELECT name FROM whoami")
		c.run("SELECT pg_advisory_lock(4711)")
		c.run("DECLARE h CURSOR WITH HOLD FOR SELECT generate_series(1, 3)")
		other := login(t, p.endpoint, "globex")
		other.expect("SELECT name FROM whoami", "globex")
		c.expect("SHOW statement_timeout", "77s")
		c.expect("SELECT name FROM mine", "here")
		c.expect("EXECUTE p", "acme")
		c.expect("SELECT pg_advisory_unlock(4711)", "t")
		c.expect("FETCH 1 FROM h", "1")
		c.expect("SELECT pg_backend_pid()", pid)
	})
}

func TestInSessionModeNotificationsArriveWhileTheClientIsIdle(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2, mode: "session"})
		c, other := login(t, p.endpoint, "acme"), login(t, p.endpoint, "acme")
		c.run("LISTEN news")
		other.run("NOTIFY news, 'extra'")
		if m := c.next(); m.kind != 'A' || !strings.Contains(string(m.body), "news\x00extra\x00") {
			t.Errorf("got %c %q", m.kind, m.body)
		}
		c.expect("SELECT name FROM whoami", "acme")
	})
}

// What a session leaves, of any sort, is gone when the next client gets its server: of the same
// tenant or another.
func TestTheEndOfASessionModeSessionLeavesABlankServer(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.helperRole(t)
		p := startPooler(t, w, setup{size: 1, mode: "session"})
		for _, parting := range []func(c *rawClient){
			func(c *rawClient) { c.send(terminate); c.rest() },
			func(c *rawClient) { c.vanish(false) },
			func(c *rawClient) { c.vanish(true) },
			func(c *rawClient) { c.run("BEGIN"); c.vanish(true) },
		} {
			c := login(t, p.endpoint, "acme")
			for _, l := range leftovers {
				c.try(l.leave) // what the tenant may not do is refused
			}
			parting(c)
			for _, tenant := range []string{"acme", "globex"} {
				next := login(t, p.endpoint, tenant)
				expectNoLeftovers(t, next, tenant)
				next.send(terminate)
				next.rest()
			}
		}
	})
}

func TestInStatementModeATransactionIsRefusedAndTheServerIsClean(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, mode: "statement"})
		c, other := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		for what, request := range map[string][]byte{
			"BEGIN":                    query("BEGIN"),
			"BEGIN and more":           query("BEGIN; INSERT INTO notes VALUES (1)"),
			"work, then BEGIN":         query("INSERT INTO notes VALUES (1); BEGIN; INSERT INTO notes VALUES (2)"),
			"BEGIN in a batch":         once("BEGIN"),
			"START TRANSACTION":        query("START TRANSACTION ISOLATION LEVEL SERIALIZABLE"),
			"a failed transaction":     query("BEGIN; SELECT 1/0"),
			"a chained transaction":    query("BEGIN; COMMIT AND CHAIN"),
			"a comment, and BEGIN":     query("/* hello */ BEGIN -- there"),
			"BEGIN hidden by a commit": query("BEGIN; COMMIT; BEGIN"),
		} {
			c.send(request)
			answer := c.until('Z')
			if e := firstError(answer); e == nil || status(answer) != 'I' || e.code != "0A000" && what != "a failed transaction" {
				t.Errorf("%s: got %v, status %c; want 0A000", what, e, status(answer))
			}
			other.expect("SELECT name FROM whoami WHERE now() = statement_timestamp()", "globex")
			c.expect("SELECT name FROM whoami", "acme")
		}
		if got := w.value(t, "SELECT count(*) FROM acme.notes WHERE id = 2"); got != "0" {
			t.Errorf("%s rows of a refused transaction", got)
		}
		c.run("INSERT INTO notes VALUES (7); INSERT INTO notes VALUES (8)")
		c.send(join(parse("s", "SELECT name, $1::int FROM whoami"), bind("", "s", "1"), execute("", 0), bind("", "s", "2"), execute("", 0), syncNow))
		if rows, err := result(c.until('Z')); err != nil || len(rows) != 2 {
			t.Errorf("a batch: %v, %v", rows, err)
		}
	})
}
