package integration

import (
	"fmt"
	"strings"
	"testing"
)

// death is a point at which a client dies: what it has done until then. It starts logged in, unless
// it does that itself.
type death struct {
	point string
	live  func(c *rawClient)
}

// deathsBeforeLogin are those of clients that never were anybody.
var deathsBeforeLogin = []death{
	{"before a word", func(*rawClient) {}},
	{"inside a startup packet", func(c *rawClient) { c.send(startup(version30, "user", "app", "database", "acme")[:19]) }},
	{"after an SSLRequest", func(c *rawClient) { c.send(packet(codeSSL, nil)) }},
	{"after the startup packet", func(c *rawClient) { c.send(startup(version30, "user", "app", "database", "acme")) }},
	{"inside the password exchange", func(c *rawClient) {
		c.send(startup(version30, "user", "app", "database", "acme"))
		c.next()
		c.send([]byte("p\x00\x00\x00\x30SCRAM-SHA"))
	}},
}

// lost is what a dying client leaves half done: if it is ever seen, it was not undone.
const lost = "INSERT INTO notes VALUES (666, 'lost')"

var deathsAtWork = []death{
	{"idle", func(*rawClient) {}},
	{"inside a message's header", func(c *rawClient) { c.send([]byte("Q\x00\x00")) }},
	{"inside a query", func(c *rawClient) { c.send(query(lost)[:20]) }},
	{"inside a long query", func(c *rawClient) { c.send(query(lost + strings.Repeat(" ", 200_000))[:150_000]) }},
	{"inside a parse", func(c *rawClient) { c.send(parse("s", lost)[:15]) }},
	{"inside a bind", func(c *rawClient) { c.send(parse("s", lost), bind("", "s", "1")[:9]) }},
	{"inside a long bind", func(c *rawClient) {
		c.send(parse("", "SELECT $1::text"), bind("", "", strings.Repeat("x", 200_000))[:150_000])
	}},
	{"in a batch without sync", func(c *rawClient) { c.send(parse("", lost), bind("", ""), execute("", 0)) }},
	{"in a batch after a flush", func(c *rawClient) {
		c.send(parse("", lost), bind("", ""), execute("", 0), flush)
		c.until('C')
	}},
	{"in a failed batch", func(c *rawClient) {
		c.send(parse("", "SELECT nothing"), flush)
		c.until('E')
	}},
	{"in a pipeline whose end is missing", func(c *rawClient) {
		c.send(once("SELECT 1"), once("SELECT 2"), parse("", lost), bind("", ""), execute("", 0))
		c.until('Z')
	}},
	{"in a transaction", func(c *rawClient) { c.run("BEGIN"); c.run(lost) }},
	{"in a failed transaction", func(c *rawClient) { c.run("BEGIN"); c.run(lost); c.try("SELECT 1/0") }},
	{"in a transaction, inside a message", func(c *rawClient) { c.run("BEGIN"); c.run(lost); c.send(query("COMMIT")[:7]) }},
	{"in a copy in", func(c *rawClient) {
		c.send(query(copyIn))
		c.until('G')
		c.send(copyData("666\tlost\n"))
	}},
	{"in a copy in, inside a message", func(c *rawClient) {
		c.send(query(copyIn))
		c.until('G')
		c.send(copyData("666\tlost\n"), copyData("667\tlost\n")[:8])
	}},
	{"in a copy in of a batch", func(c *rawClient) {
		c.send(parse("", copyIn), bind("", ""), execute("", 0), flush)
		c.until('G')
		c.send(copyData("666\tlost\n"))
	}},
	{"in a copy out", func(c *rawClient) {
		c.send(query("COPY (SELECT repeat('x', 8000) FROM generate_series(1, 5000)) TO STDOUT"))
		c.until('d')
	}},
	{"in a long result", func(c *rawClient) {
		c.send(query("SELECT repeat('x', 8000) FROM generate_series(1, 5000)"))
		c.until('D')
	}},
	{"in a suspended portal", func(c *rawClient) {
		c.send(parse("", "SELECT generate_series(1, 10)"), bind("", ""), execute("", 2), flush)
		c.until('s')
	}},
	{"with settings of its own", func(c *rawClient) {
		c.run("SET statement_timeout = '7777s'; SET TimeZone = 'Asia/Tokyo'; SET app.secret = 'mine'")
	}},
	{"with a path moved by a function", func(c *rawClient) { c.run("SELECT shared.run('SET search_path TO initech')") }},
	{"with settings of an open transaction", func(c *rawClient) { c.run("BEGIN"); c.run("SET statement_timeout = '7777s'") }},
}

// A client dies before it is anybody, in order and by a reset; whoever comes next is served. What those
// leave that die later is looked for by attacksByDying.
func TestAClientThatDiesBeforeItIsAnybodyTroublesNobody(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		for _, d := range deathsBeforeLogin {
			for _, hard := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, by a reset %v", d.point, hard), func(t *testing.T) {
					c := dialRaw(t, p.endpoint)
					d.live(c)
					c.vanish(hard)
					for _, tenant := range []string{"acme", "globex"} {
						expectAsNew(t, p, tenant)
					}
				})
			}
		}
	})
}

// expectAsNew checks that a new client of the tenant finds no trace of another.
func expectAsNew(t *testing.T, p *pooler, tenant string) {
	t.Helper()
	c := login(t, p.endpoint, tenant)
	defer c.vanish(false)
	c.send(query("SELECT name FROM whoami"))
	answer := c.until('Z')
	if rows, err := result(answer); err != nil || len(rows) != 1 || rows[0][0] != tenant || status(answer) != 'I' {
		t.Fatalf("%s: got %v, %v, status %c", tenant, rows, err, status(answer))
	}
	c.expect("SELECT current_setting('search_path')", tenant)
	c.expect("SELECT current_setting('statement_timeout')", "0")
	c.expect("SELECT current_setting('TimeZone')", c.params["TimeZone"])
	c.expect("SELECT coalesce(current_setting('app.secret', true), '')", "")
	c.expect("SELECT pg_current_xact_id_if_assigned() IS NULL AND now() = statement_timestamp()", "t")
	c.expect("SELECT count(*) FROM pg_cursors", "0")
}

// Postgres finishes what it has read of a client that has gone. So does the pooler, unless it was
// left half said.
func TestAStatementSentWholeIsCarriedOutThoughItsClientIsGone(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		for i, parting := range [][]byte{nil, terminate} {
			c := login(t, p.endpoint, "acme")
			c.send(query(fmt.Sprintf("INSERT INTO notes VALUES (%d)", i)), parting)
			c.vanish(false)
			w.eventually(t, fmt.Sprintf("SELECT count(*) = 1 FROM acme.notes WHERE id = %d", i))
		}
	})
}

func TestAHalfClosedClientIsServedUntilItsLastReply(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		c := login(t, p.endpoint, "acme")
		c.send(query("SELECT name FROM whoami, pg_sleep(0.05)"), once("SELECT name FROM whoami"))
		must(t, c.tcp.CloseWrite())
		if got := kinds(c.rest()); got != "TDCZ12TDCZ" {
			t.Errorf("answered with %q", got)
		}
	})
}

func TestTheStatementOfAClientThatIsGoneIsCancelledAfterItsGrace(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, global: `client_gone_grace = "100ms"`})
		c := login(t, p.endpoint, "acme")
		c.send(query("SELECT pg_sleep(3600)"))
		w.awaitSleep(t)
		c.vanish(true)
		w.eventually(t, "SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND "+w.lent())
		expectAsNew(t, p, "globex")
	})
}

func TestAClientThatDiesWhileItWaitsIsNoLongerServed(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		holder := login(t, p.endpoint, "globex")
		holder.run("BEGIN")
		for i := range 20 {
			c := login(t, p.endpoint, "acme")
			c.send(query("BEGIN; " + lost))
			c.vanish(i%2 == 0)
		}
		holder.run("COMMIT")
		expectAsNew(t, p, "acme")
		holder.expect("SELECT name FROM whoami", "globex")
		w.eventually(t, "SELECT count(*) = 0 FROM acme.notes")
	})
}

// While others wait, a session does not read on before its statement ends, and so does not see its
// client's end either. It is told of it all the same.
func TestASecondStatementOfAClientThatIsGoneIsCancelledWhileOthersWait(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, global: `client_gone_grace = "100ms"`})
		a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		a.run("BEGIN")
		b.send(query("SELECT name FROM whoami"))
		a.send(query("SELECT pg_sleep(0.05)"), query("SELECT pg_sleep(3600)"))
		a.vanish(false)
		if rows, err := result(b.until('Z')); err != nil || rows[0][0] != "globex" {
			t.Errorf("the one that waited got %v, %v", rows, err)
		}
	})
}
