package integration

import (
	"bytes"
	"sync/atomic"
	"testing"
)

// always is a pooler that switches between any two sessions, behind a tap.
func always(t *testing.T, w *world, s setup) (*pooler, *tap) {
	t.Helper()
	x := openTap(t, w)
	s.size, s.host = 1, x.address()
	s.cluster += "\nsame_tenant = \"switch\"\nschema_check = 0"
	return startPooler(t, w, s), x
}

// Between two sessions of one tenant the switch travels with the client's own message, whatever that
// is, and what comes back is the answer to the client's and nothing else.
func TestASwitchWithinATenantTravelsWithTheClientsMessage(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p, x := always(t, w, setup{})
		clients := []*rawClient{login(t, p.endpoint, "acme"), login(t, p.endpoint, "acme")}
		clients[0].run("SELECT 1")
		for _, c := range clients {
			c.send(parse("mine", "SELECT name FROM whoami"), syncNow)
			c.until('Z')
		}
		var switches atomic.Int64
		x.change(func(b []byte) []byte {
			switches.Add(int64(bytes.Count(b, []byte("RESET ALL;"))))
			return b
		})
		for turn, conversation := range []struct {
			say    []byte
			answer string
		}{
			{query("SELECT name FROM whoami"), "TDCZ"},
			{once("SELECT name FROM whoami"), "12TDCZ"},
			{join(bind("", "mine"), execute("", 0), syncNow), "2DCZ"},
			{join(parse("other", "SELECT name, 1 FROM whoami"), syncNow), "1Z"},
			{join(closeStatement("mine"), bind("", "mine"), syncNow), "3EZ"},
			{query("SELECT * FROM nowhere"), "EZ"},
			{query(""), "IZ"},
			{join(query("SELECT 1"), query("SELECT 2")), "TDCZTDCZ"},
			{query("COPY whoami TO STDOUT"), "HdcCZ"},
			{join(query("COPY notes FROM STDIN"), copyData("1\tone\n"), copyDone), "GCZ"},
			{join(flush, query("SELECT 1")), "TDCZ"},
			{query("SELECT '" + string(bytes.Repeat([]byte("x"), 100_000)) + "'"), "TDCZ"}, // two writes
		} {
			before := switches.Load()
			c := clients[(turn+1)%2]
			trips := x.during(func() {
				c.send(conversation.say)
				var got string
				for len(got) < len(conversation.answer) {
					got += kinds([]reply{c.next()})
				}
				if got != conversation.answer {
					t.Errorf("%q was answered with %q, want %q", conversation.say[:20], got, conversation.answer)
				}
			})
			if n := switches.Load() - before; n != 1 || trips != 1 && len(conversation.say) < 64<<10 {
				t.Errorf("%q: %d switches, %d round trips", conversation.say[:20], n, trips)
			}
		}
	})
}

// A statement that ran behind a switch that failed is never answered, and nobody else gets the
// server connection.
func TestNothingIsRelayedBehindASwitchThatFailed(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p, x := always(t, w, setup{})
		for _, say := range [][]byte{query("SELECT name FROM whoami"), once("SELECT name FROM whoami"), query("COPY whoami TO STDOUT")} {
			c, next := login(t, p.endpoint, "acme"), login(t, p.endpoint, "acme")
			pid := c.value("SELECT pg_backend_pid()")
			x.change(func(b []byte) []byte {
				return bytes.ReplaceAll(b, []byte("SET search_path TO"), []byte("SET search_puth TO"))
			})
			next.send(say)
			if e := onlyError(t, next); e.severity != "FATAL" || e.code != "42704" {
				t.Errorf("got %v, want FATAL 42704", e)
			}
			x.change(nil)
			eventually(t, "the tenant is served again", func() bool {
				rows, err := c.try("SELECT pg_backend_pid()")
				if err == nil && rows[0][0] == pid {
					t.Errorf("the connection is used on")
				}
				return err == nil
			})
			w.eventually(t, "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = "+pid)
		}
	})
}

// A cancel that came between would end the switch, and the statement behind it would run all the same.
func TestACancelWaitsForTheSwitchToBeConfirmed(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p, x := always(t, w, setup{})
		login(t, p.endpoint, "acme").run("SELECT 1")
		c := login(t, p.endpoint, "acme")
		release := x.hold()
		c.send(query("SELECT pg_sleep(3600)"))
		w.awaitSleep(t)
		c.cancel()
		if n := x.cancels.Load(); n != 0 {
			t.Errorf("%d cancel requests were sent before the switch was confirmed", n)
		}
		release()
		if e := firstError(c.until('Z')); e == nil || e.code != "57014" {
			t.Errorf("the cancelled statement gave %v", e)
		}
		if n := x.cancels.Load(); n != 1 {
			t.Errorf("%d cancel requests were sent", n)
		}
		c.expect("SELECT name FROM whoami", "acme")
	})
}

// With a role or settings in the profile, the connection without them could find too much: the
// switch is awaited.
func TestASwitchThatSetsMoreThanAPathIsAwaited(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p, x := always(t, w, setup{route: `settings = { "app.tenant" = "{tenant}" }`})
		a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "acme")
		a.run("SELECT 1")
		if got := x.during(func() { b.run("SELECT 1") }); got != 2 {
			t.Errorf("%d round trips, want 2", got)
		}
		a.run("SET DateStyle TO German")
		if got := x.during(func() { b.expect("SHOW DateStyle", "ISO, MDY") }); got != 2 {
			t.Errorf("behind a setting: %d round trips, want 2", got)
		}
	})
}

// A client that goes, or a server that does, while a switch travels ahead is its own session's
// affair: told once, and nobody else's.
func TestNobodyElseNoticesWhoGoesBehindASwitchNotYetConfirmed(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p, x := always(t, w, setup{})
		other := login(t, p.endpoint, "acme")
		for _, hard := range []bool{false, true} {
			for _, say := range [][]byte{query("SELECT pg_sleep(0.1), * FROM whoami"), join(parse("", "SELECT pg_sleep(0.1)"), bind("", ""), execute("", 0), flush)} {
				other.run("SELECT 1")
				c := login(t, p.endpoint, "acme")
				release := x.hold()
				c.send(say)
				w.eventually(t, "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.1)%' AND "+w.lent())
				c.vanish(hard)
				release()
				other.expect("SELECT name FROM whoami", "acme")
			}
		}
		other.run("SELECT 1")
		c := login(t, p.endpoint, "acme")
		release := x.hold()
		c.send(query("SELECT pg_sleep(3600)"))
		w.awaitSleep(t)
		w.exec(t, "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE "+w.lent())
		release()
		if e := onlyError(t, c); e.severity != "FATAL" {
			t.Errorf("got %v", e)
		}
		awaitCode(t, other, "SELECT name FROM whoami", "")
	})
}
