package integration

import (
	"fmt"
	"strconv"
	"syscall"
	"testing"
)

// onlyError reads to the end of the connection and returns the one error that may come.
func onlyError(t *testing.T, c *rawClient) *serverError {
	t.Helper()
	var found []*serverError
	for _, m := range c.rest() {
		if m.kind == 'E' {
			found = append(found, parseError(m.body))
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d errors instead of one: %v", len(found), found)
	}
	return found[0]
}

func expectFatal(t *testing.T, c *rawClient, codes ...string) {
	t.Helper()
	e := onlyError(t, c)
	for _, code := range codes {
		if e.code == code && e.severity == "FATAL" && e.message != "" {
			return
		}
	}
	t.Errorf("got %v, want FATAL %v", e, codes)
}

// expectRecovery checks that clients are served again, by new server connections.
func expectRecovery(t *testing.T, p *pooler) {
	t.Helper()
	for _, tenant := range []string{"acme", "globex"} {
		expectAsNew(t, p, tenant)
	}
}

// servers holds a client in each state that a dying server may meet it in.
var serverDeaths = []struct {
	state string
	live  func(t *testing.T, w *world, c *rawClient)
}{
	{"in an idle transaction", func(_ *testing.T, _ *world, c *rawClient) { c.run("BEGIN") }},
	{"in a failed transaction", func(_ *testing.T, _ *world, c *rawClient) { c.run("BEGIN"); c.try("SELECT 1/0") }},
	{"in a query", func(t *testing.T, w *world, c *rawClient) {
		c.send(query("SELECT pg_sleep(3600)"))
		w.awaitSleep(t)
	}},
	{"in a batch", func(t *testing.T, w *world, c *rawClient) {
		c.send(once("SELECT pg_sleep($1::int)", "3600"))
		w.awaitSleep(t)
	}},
	{"in a copy in", func(_ *testing.T, _ *world, c *rawClient) {
		c.send(query(copyIn))
		c.until('G')
	}},
	{"in an unfinished batch", func(_ *testing.T, _ *world, c *rawClient) {
		c.send(parse("", "SELECT 1"), bind("", ""), execute("", 0), flush)
		c.until('C')
	}},
}

// A server process that is told to end says why. That is the one thing its client hears.
func TestAServerThatIsTerminatedSpeaksForItselfOnce(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		for _, d := range serverDeaths {
			t.Run(d.state, func(t *testing.T) {
				c := login(t, p.endpoint, "acme")
				d.live(t, w, c)
				w.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "+w.lent())
				expectFatal(t, c, "57P01")
				if !direct() {
					expectRecovery(t, p)
				}
			})
		}
	})
}

// A server process that is killed says nothing, and takes all others of its server with it.
func TestAServerThatIsKilledGivesItsClientOneClearError(t *testing.T) {
	needsPooler(t)
	onEachOwn(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		for _, d := range serverDeaths {
			t.Run(d.state, func(t *testing.T) {
				c := login(t, p.endpoint, "acme")
				d.live(t, w, c)
				w.killServers(t)
				expectFatal(t, c, "08006")
				w.awaitBack(t)
				eventually(t, "clients are served again", func() bool { return served(t, p, "acme") })
				expectRecovery(t, p)
			})
		}
	})
}

// killServers kills the server processes that the pooler lends.
func (w *world) killServers(t *testing.T) {
	t.Helper()
	pid, err := strconv.Atoi(w.value(t, "SELECT pid FROM pg_stat_activity WHERE "+w.lent()))
	must(t, err)
	must(t, syscall.Kill(pid, syscall.SIGKILL))
}

// awaitBack waits until a server that has crashed accepts connections again.
func (w *world) awaitBack(t *testing.T) {
	t.Helper()
	eventually(t, "the server is back", func() bool { return w.server.Exec(t.Context(), w.database, "SELECT 1") == nil })
}

// served says whether a client of the tenant can log in and query right now.
func served(t *testing.T, p *pooler, tenant string) bool {
	t.Helper()
	database, _ := p.names(tenant)
	c, refusal := tryLogin(t, p.endpoint, "app", password("app"), database)
	defer c.vanish(false)
	if refusal != nil {
		return false
	}
	rows, err := c.try("SELECT name FROM whoami")
	return err == nil && len(rows) == 1 && rows[0][0] == tenant
}

// While COMMIT runs nobody can know how it ends: the client is told just that.
func TestAServerThatDiesInACommitLeavesItsOutcomeUnknown(t *testing.T) {
	needsPooler(t)
	onEachOwn(t, func(t *testing.T, w *world) {
		w.exec(t, `
			CREATE FUNCTION acme.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3600); RETURN NULL; END';
			CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON acme.notes DEFERRABLE INITIALLY DEFERRED
				FOR EACH ROW EXECUTE FUNCTION acme.slow()`)
		p := startPooler(t, w, setup{size: 1})
		for _, commit := range [][]byte{query("COMMIT"), once("COMMIT"), query("end")} {
			c := login(t, p.endpoint, "acme")
			c.run("BEGIN")
			c.run("INSERT INTO notes VALUES (1)")
			c.send(commit)
			w.awaitSleep(t)
			w.killServers(t)
			expectFatal(t, c, "08007")
			w.awaitBack(t)
			eventually(t, "clients are served again", func() bool { return served(t, p, "acme") })
		}
	})
}

func TestIdleServersThatDieCostNobodyAnError(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		needsPooler(t)
		p := startPooler(t, w, setup{size: 3})
		c := login(t, p.endpoint, "acme")
		for range 5 {
			for _, sql := range []string{"BEGIN", "SELECT 1", "COMMIT"} {
				c.run(sql)
			}
			w.exec(t, "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE "+w.lent())
			c.expect("SELECT name FROM whoami", "acme")
		}
	})
}

func TestAServerThatStopsEndsOpenTransactionsOnlyAndIsUsedAgainWhenItIsBack(t *testing.T) {
	needsPooler(t)
	for _, immediate := range []bool{false, true} {
		t.Run(fmt.Sprintf("immediately %v", immediate), func(t *testing.T) {
			onEachOwn(t, func(t *testing.T, w *world) {
				p := startPooler(t, w, setup{size: 2, global: `query_wait_timeout = "60s"`})
				idle, busy := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
				idle.expect("SELECT name FROM whoami", "acme")
				busy.run("BEGIN")
				w.server.Down(immediate)
				expectFatal(t, busy, "57P01", "08006")
				idle.send(query("SELECT name FROM whoami"))
				must(t, w.server.Up(t.Context()))
				rows, err := result(idle.until('Z'))
				if err != nil || len(rows) != 1 || rows[0][0] != "acme" {
					t.Errorf("a client that was idle and then waited: %v, %v", rows, err)
				}
				eventually(t, "new clients are served", func() bool { return served(t, p, "globex") })
			})
		})
	}
}
