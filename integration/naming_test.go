package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

const whoSQLText = "SELECT name FROM whoami"

// named prepares a statement by the protocol.
func makes(name string) []byte { return join(parse(name, whoSQLText), syncNow) }

// runs binds and runs a statement in one batch.
func runs(name string) []byte { return join(bind("", name), execute("", 0), syncNow) }

// namingConversations name, in SQL, what the protocol has prepared, and the other way round.
var namingConversations = []conversation{
	talk("DEALLOCATE, as Rails does it",
		say("Z", makes("a1")), say("Z", runs("a1")), say("Z", query("DEALLOCATE a1")), say("Z", runs("a1")), say("Z", makes("a1")), say("Z", runs("a1"))),
	talk("DEALLOCATE, as psycopg does it",
		say("Z", makes("_pg3_0")), say("Z", query(`DEALLOCATE "_pg3_0"`)), say("Z", query(`DEALLOCATE "_pg3_0"`)),
		say("ZZ", makes("_pg3_1"), once(`DEALLOCATE "_pg3_1"`)), say("Z", runs("_pg3_1"))),
	talk("DEALLOCATE ALL", say("ZZ", makes("a"), makes("b")), say("Z", query("DEALLOCATE ALL")), say("Z", runs("a")), say("Z", runs("b"))),
	talk("DEALLOCATE ALL, as pgx does it",
		say("Z", makes("a")), say("Z", query("deallocate all")), say("Z", makes("a")), say("Z", runs("a"))),
	talk("DEALLOCATE ALL in a batch", say("Z", makes("a")), say("Z", once("DEALLOCATE ALL")), say("Z", runs("a"))),
	talk("DEALLOCATE of what there is not", say("Z", query("DEALLOCATE nope")), say("Z", once("DEALLOCATE nope"))),
	talk("DEALLOCATE in a transaction",
		say("Z", makes("a")), say("Z", query("BEGIN")), say("Z", query("DEALLOCATE a")), say("Z", query("DEALLOCATE a")),
		say("Z", query("SELECT 1")), say("Z", query("ROLLBACK")), say("Z", runs("a"))),
	talk("DEALLOCATE in a failed transaction",
		say("Z", makes("a")), say("Z", query("BEGIN; SELECT 1/0")), say("Z", query("DEALLOCATE a")), say("Z", once("DEALLOCATE a")),
		say("Z", query("DEALLOCATE ALL")), say("Z", query("ROLLBACK")), say("Z", runs("a"))),
	talk("DEALLOCATE among others",
		say("Z", makes("a")), say("Z", query("INSERT INTO notes VALUES (1); UNLISTEN x; DEALLOCATE a; SELECT 2")), say("Z", runs("a"))),
	talk("DEALLOCATE among others that fail",
		say("Z", makes("a")), say("Z", query("INSERT INTO notes VALUES (1); DEALLOCATE a; SELECT 1/0")), say("Z", runs("a"))),
	talk("DEALLOCATE that is not reached", say("Z", makes("a")), say("Z", query("SELECT 1/0; DEALLOCATE a")), say("Z", runs("a"))),
	talk("DEALLOCATE before a fresh Parse, in one write",
		say("ZZZZ", makes("a"), query("DEALLOCATE a"), makes("a"), runs("a"))),
	talk("DEALLOCATE before a fresh Parse, in one batch",
		say("Z", makes("a")),
		say("Z", parse("", "DEALLOCATE a"), bind("", ""), execute("", 0), parse("a", "SELECT 'other'"), bind("", "a"), execute("", 0), syncNow)),
	talk("a DEALLOCATE that is prepared and run twice",
		say("Z", makes("a")), say("Z", parse("d", "DEALLOCATE a"), describeStatement("d"), syncNow),
		say("Z", bind("", "d"), describePortal(""), execute("", 0), syncNow), say("Z", bind("", "d"), execute("", 0), syncNow), say("Z", runs("a"))),
	talk("a DEALLOCATE that is skipped",
		say("Z", makes("a")), say("Z", once("SELECT 1/0")[:0], parse("", "SELECT 1/0"), bind("", ""), execute("", 0),
			parse("", "DEALLOCATE a"), bind("", ""), execute("", 0), syncNow), say("Z", runs("a"))),
	talk("two portals, one of which deallocates",
		say("Z", makes("a")), say("Z", query("BEGIN")), say("Z", parse("", "DEALLOCATE a"), bind("p", ""), syncNow),
		say("Z", parse("", "SELECT 3"), bind("q", ""), execute("q", 0), execute("p", 0), syncNow), say("Z", query("COMMIT")), say("Z", runs("a"))),
	talk("PREPARE of a name that the protocol has",
		say("Z", makes("a")), say("Z", query("PREPARE a AS SELECT 1")), say("Z", once("PREPARE a AS SELECT 1")), say("Z", runs("a"))),
	talk("Parse of a name that PREPARE has",
		say("Z", query("PREPARE a AS SELECT 'sql'")), say("Z", makes("a")), say("Z", query("EXECUTE a"))),
	talk("the protocol runs what PREPARE has made",
		say("Z", query("PREPARE a (int) AS SELECT $1 + 1")), say("Z", describeStatement("a"), syncNow),
		say("Z", bind("", "a", "41"), describePortal(""), execute("", 0), syncNow), say("Z", closeStatement("a"), syncNow),
		say("Z", query("EXECUTE a(1)")), say("Z", makes("a")), say("Z", runs("a"))),
	talk("PREPARE in a batch",
		say("Z", once("PREPARE a AS SELECT 'sql'")), say("Z", makes("a")), say("Z", runs("a")), say("Z", once("EXECUTE a")),
		say("Z", once("DEALLOCATE a")), say("Z", runs("a"))),
	talk("PREPARE that fails", say("Z", query("PREPARE a AS SELECT nothing")), say("Z", makes("a")), say("Z", runs("a"))),
	talk("PREPARE is not undone by a rollback",
		say("Z", query("BEGIN")), say("Z", query("PREPARE a AS SELECT 1")), say("Z", query("ROLLBACK")), say("Z", query("EXECUTE a"))),
	talk("PREPARE and DEALLOCATE in turn",
		say("Z", query("PREPARE a AS SELECT 1; PREPARE b AS SELECT 2; DEALLOCATE a; PREPARE a AS SELECT 3; EXECUTE a")),
		say("Z", query("PREPARE b AS SELECT 1")), say("Z", query("DEALLOCATE PREPARE ALL")), say("Z", query("EXECUTE b"))),
	talk("both kinds and DEALLOCATE ALL",
		say("Z", makes("p")), say("Z", query("PREPARE a AS SELECT 1")), say("Z", query("DEALLOCATE ALL")), say("Z", runs("p")), say("Z", runs("a"))),
	talk("DEALLOCATE ALL behind what it drops",
		say("Z", makes("p")), say("Z", query("PREPARE a AS SELECT 1; DEALLOCATE ALL; PREPARE p AS SELECT 2")), say("Z", query("EXECUTE p")),
		say("Z", query("EXECUTE a")), say("Z", query("DEALLOCATE ALL; PREPARE a AS SELECT 1; DEALLOCATE ALL")), say("Z", query("PREPARE a AS SELECT 1")),
		say("Z", join(parse("", "PREPARE b AS SELECT 1"), bind("", ""), execute("", 0), parse("", "DEALLOCATE ALL"), bind("", ""), execute("", 0), syncNow)),
		say("Z", query("EXECUTE b")), say("Z", query("EXECUTE a"))),
	talk("names that the server cuts",
		say("Z", query("PREPARE "+strings.Repeat("q", 70)+" AS SELECT 7")), say("Z", runs(strings.Repeat("q", 63))), say("Z", runs(strings.Repeat("q", 65))),
		say("Z", makes(strings.Repeat("r", 70))), say("Z", query("DEALLOCATE "+strings.Repeat("r", 63))), say("Z", runs(strings.Repeat("r", 63)))),
	talk("EXECUTE of what there is not", say("Z", query("EXECUTE nope")), say("Z", once("EXECUTE nope"))),
	talk("DISCARD of all sorts",
		say("Z", makes("a")), say("Z", query("DISCARD PLANS")), say("Z", once("DISCARD TEMP")), say("Z", query("DISCARD SEQUENCES")),
		say("Z", runs("a")), say("Z", once("DISCARD ALL")), say("Z", runs("a")), say("Z", makes("a")), say("Z", query("DISCARD ALL")), say("Z", runs("a"))),
}

func TestNamesInSQLAndInTheProtocolAreTheSameNames(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		r := &referee{super: w.superuser(t), world: w}
		defer r.super.Close(context.Background())
		firstValue(t, r.super, "SET lock_timeout = '5s'")
		server := endpoint{host: w.server.Host, port: w.server.Port, database: w.database}
		want := make([]string, len(namingConversations))
		for i, c := range namingConversations {
			want[i] = r.hold(t, c, server, manner{})
		}
		p := startPooler(t, w, setup{size: 4, trust: true})
		for _, bytewise := range []bool{false, true} {
			r.compare(t, namingConversations, want, p.endpoint, bytewise)
		}
	})
}

// What the pooler cannot do it says.
func TestExecuteOfAProtocolStatementIsRefusedClearly(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		c := login(t, p.endpoint, "acme")
		c.send(makes("a"))
		c.until('Z')
		expectServerError(t, c, "EXECUTE a", "0A000")
		c.run("BEGIN")
		expectServerError(t, c, "EXPLAIN EXECUTE a", "0A000")
		expectServerError(t, c, "SELECT 1", "25P02")
		c.run("ROLLBACK")
		c.send(runs("a"))
		if rows, err := result(c.until('Z')); err != nil || rows[0][0] != "acme" {
			t.Errorf("got %v, %v", rows, err)
		}
	})
}

// DISCARD ALL and RESET ALL go back to where the session began, and what is reported says so.
func TestDiscardAllGoesBackToTheStartupSettings(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		for _, mode := range []string{"session", "transaction"} {
			p := startPooler(t, w, setup{size: 2, mode: mode})
			c := login(t, p.endpoint, "acme", "TimeZone", "Europe/Berlin", "work_mem", "77kB")
			for _, request := range [][]byte{query("DISCARD ALL"), once("DISCARD ALL"), query("RESET ALL")} {
				for _, name := range []string{"x", "y"} {
					c.run("SET TimeZone = 'Asia/Tokyo'")
					c.run("SET work_mem = '88kB'")
					c.run("CREATE TEMP TABLE " + name + " (a int)")
					c.send(request)
					if _, err := result(c.until('Z')); err != nil {
						t.Fatal(err)
					}
					c.expect("SHOW TimeZone", "Europe/Berlin")
					c.expect("SHOW work_mem", "77kB")
					c.expect("SELECT name FROM whoami", "acme")
					c.run("DISCARD TEMP")
				}
			}
		}
	})
}

// A Parse that fails says nothing about the next one, which its client has sent already.
func TestALateErrorDoesNotDropANewerUnnamedStatement(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		c := login(t, p.endpoint, "acme")
		for range 3 {
			c.send(parse("", "SELECT nothing"), parse("", "SELECT nothing either"), syncNow, parse("", "SELECT name FROM whoami"), flush)
			c.until('Z')
			c.until('1')
			c.send(bind("", ""), execute("", 0), syncNow)
			if rows, err := result(c.until('Z')); err != nil || rows[0][0] != "acme" {
				t.Errorf("got %v, %v", rows, err)
			}
			c.send(parse("", "SELECT nothing"), parse("", "SELECT 1"), syncNow)
			c.until('Z')
			c.send(bind("", ""), execute("", 0), syncNow)
			if _, err := result(c.until('Z')); err == nil || err.code != "26000" {
				t.Errorf("behind a Parse that was skipped: %v", err)
			}
		}
	})
}

// What the pooler remembers of a client has a bound, whichever way the client makes it remember.
func TestNamesInSQLCountAgainstTheClientsLimit(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 4, more: "[prepared]\nper_client = 3"})
		c := login(t, p.endpoint, "acme")
		c.run("PREPARE a AS SELECT 1; PREPARE b AS SELECT 1")
		expectServerError(t, c, "PREPARE c AS SELECT 1; PREPARE d AS SELECT 1", "53400")
		if e := c.end(once("PREPARE c AS SELECT 1")); e != nil {
			t.Error(e)
		}
		if e := c.end(once("PREPARE d AS SELECT 1")); e == nil || e.code != "53400" {
			t.Errorf("the fourth statement: got %v", e)
		}
		c = login(t, p.endpoint, "acme")
		c.send(query("BEGIN"), parse("x", "DEALLOCATE nothing"), syncNow)
		c.until('Z')
		c.until('Z')
		for i := range 1001 {
			if e := c.end(join(bind(fmt.Sprint(i), "x"), syncNow)); (e != nil) != (i == 1000) {
				t.Fatalf("portal %d: got %v", i, e)
			}
		}
	})
}

// What runs in the place of a DEALLOCATE leaves everything else as it was.
func TestDeallocateLeavesTheRestAlone(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, global: `session_features = { listen = "pin" }`})
		c := login(t, p.endpoint, "acme")
		c.run("LISTEN tenantpool")
		for _, request := range eachWay("DEALLOCATE x") {
			c.send(makes("x"))
			c.until('Z')
			if e := c.end(request); e != nil {
				t.Error(e)
			}
		}
		c.expect("SELECT pg_listening_channels()", "tenantpool")
		c.run("UNLISTEN *")
		c.send(makes("x"))
		c.until('Z')
		c.run("BEGIN READ ONLY")
		c.run("DEALLOCATE x")
		if _, e := c.try("PREPARE TRANSACTION 'x'"); e == nil || e.code != "55000" {
			t.Errorf("PREPARE TRANSACTION behind DEALLOCATE: got %v, want 55000, for this server has none", e)
		}
	})
}
