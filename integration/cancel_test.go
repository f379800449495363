package integration

import (
	"net"
	"sync"
	"testing"
	"time"
)

func TestACancelEndsItsOwnClientsQueryOnly(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 4})
		for _, sleep := range [][]byte{query("SELECT pg_sleep(3600)"), once("SELECT pg_sleep($1::int)", "3600")} {
			c, other := login(t, p.endpoint, "acme"), login(t, p.endpoint, "acme")
			c.send(sleep)
			w.awaitSleep(t)
			other.send(query("SELECT pg_sleep(0.2), name FROM whoami"))
			c.cancel()
			if e := firstError(c.until('Z')); e == nil || e.code != "57014" {
				t.Errorf("a cancelled query gave %v", e)
			}
			if _, err := result(other.until('Z')); err != nil {
				t.Errorf("another client's query: %v", err)
			}
			c.expect("SELECT name FROM whoami", "acme")
		}
	})
}

func TestACancelInATransactionFailsItAndKeepsItsServer(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2})
		c := login(t, p.endpoint, "acme")
		c.run("BEGIN")
		c.run("INSERT INTO notes VALUES (1)")
		c.send(query("SELECT pg_sleep(3600)"))
		w.awaitSleep(t)
		c.cancel()
		if answer := c.until('Z'); firstError(answer).code != "57014" || status(answer) != 'E' {
			t.Errorf("got %v, status %c", firstError(answer), status(answer))
		}
		c.run("ROLLBACK")
		c.expect("SELECT count(*) FROM notes", "0")
	})
}

func TestACancelWithAWrongKeyDoesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2})
		c := login(t, p.endpoint, "acme")
		c.send(query("SELECT pg_sleep(0.3), name FROM whoami"))
		w.awaitSleep(t)
		for _, forged := range []*rawClient{
			{t: t, at: p.endpoint, pid: c.pid, key: []byte{1, 2, 3, 4}},
			{t: t, at: p.endpoint, pid: c.pid + 1, key: c.key},
			{t: t, at: p.endpoint, pid: c.pid, key: append(append([]byte{}, c.key...), 0)},
			{t: t, at: p.endpoint, pid: 0, key: c.key},
		} {
			forged.cancel()
		}
		if _, err := result(c.until('Z')); err != nil {
			t.Errorf("a query that nobody cancelled: %v", err)
		}
	})
}

// A cancel request of protocol 3.2 has a long key.
func TestACancelWithALongKeyWorks(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2, trust: true})
		c := dialRaw(t, p.endpoint)
		c.send(startup(version32, "user", "app", "database", "acme"))
		if e := c.authenticate("app", ""); e != nil {
			t.Fatal(e)
		}
		c.send(query("SELECT pg_sleep(3600)"))
		w.awaitSleep(t)
		c.cancel()
		if e := firstError(c.until('Z')); e == nil || e.code != "57014" {
			t.Errorf("got %v", e)
		}
	})
}

func TestAClientThatWaitsCanBeCancelled(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		holder, waiter := login(t, p.endpoint, "globex"), login(t, p.endpoint, "acme")
		for _, request := range [][]byte{query("SELECT name FROM whoami"), once("SELECT name FROM whoami"), query("BEGIN")} {
			holder.run("BEGIN")
			waiter.send(request)
			answer := waiter.cancelUntilAnswered(t)
			if e := firstError(answer); e == nil || e.code != "57014" || e.severity != "ERROR" || status(answer) != 'I' {
				t.Errorf("got %v, status %c", e, status(answer))
			}
			holder.run("COMMIT")
			waiter.expect("SELECT name FROM whoami", "acme")
		}
	})
}

// cancelUntilAnswered sends cancel requests until the client has an answer. The first one may come
// before the client waits, and then does nothing.
func (c *rawClient) cancelUntilAnswered(t *testing.T) []reply {
	t.Helper()
	answered := make(chan []reply, 1)
	go func() { answered <- c.until('Z') }()
	for {
		c.cancel()
		select {
		case answer := <-answered:
			return answer
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Cancel requests that come at every possible moment hit the query of the client that they are meant
// for, or nothing: never that of the tenant who has its server next.
func TestACancelNeverLandsOnTheNextOwnersQuery(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		victim, next := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		hit, rounds := 0, 0
		stop := make(chan struct{})
		var wait sync.WaitGroup
		wait.Go(func() { fire(stop, victim) })
		for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); rounds++ {
			victim.send(query("SELECT name, pg_sleep(0.001) FROM whoami"))
			next.send(query("SELECT name, pg_sleep(0.001) FROM whoami"))
			if _, err := result(victim.until('Z')); err != nil {
				if hit++; err.code != "57014" {
					t.Errorf("the victim got %v", err)
				}
			}
			rows, err := result(next.until('Z'))
			if err != nil || len(rows) != 1 || rows[0][0] != "globex" {
				t.Fatalf("round %d: the next owner of the server got %v, %v", rounds, rows, err)
			}
		}
		close(stop)
		wait.Wait()
		t.Logf("%d of %d queries cancelled, none of the next owner's", hit, rounds)
		if hit == 0 || hit == rounds {
			t.Errorf("%d of %d queries were cancelled: this has raced nothing", hit, rounds)
		}
		expectAsNew(t, p, "globex")
	})
}

// fire sends cancel requests for a client, one after the other.
func fire(stop <-chan struct{}, victim *rawClient) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		conn, err := net.Dial("tcp", victim.at.address())
		if err != nil {
			return
		}
		conn.Write(cancelRequest(victim.pid, victim.key))
		conn.SetReadDeadline(time.Now().Add(patience))
		conn.Read(make([]byte, 1))
		conn.Close()
	}
}

// In statement mode the pooler rolls back what a client has opened. A cancel request that is still
// on its way then must not meet whoever has the server next.
func TestACancelUnderWayHoldsBackOurRollback(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		g := openGate(t, w)
		p := startPooler(t, w, setup{size: 1, mode: "statement", host: g.address()})
		a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		a.expect("SELECT name FROM whoami", "acme")
		a.send(query("BEGIN; SELECT pg_sleep(0.5)"))
		w.awaitSleep(t)
		release, before := g.hold(), g.knocks.Load()
		a.cancel()
		eventually(t, "the cancel request is under way", func() bool { return g.knocks.Load() > before })
		b.send(query("SELECT pg_sleep(0.5), name FROM whoami"))
		w.eventually(t, "SELECT count(*) > 0 FROM pg_stat_activity WHERE (state = 'idle in transaction' OR query LIKE '%name FROM whoami' AND wait_event = 'PgSleep') AND "+w.lent())
		release()
		if e := firstError(a.until('Z')); e == nil || e.code != "0A000" {
			t.Errorf("the client that opened a transaction got %v", e)
		}
		if rows, err := result(b.until('Z')); err != nil || rows[0][1] != "globex" {
			t.Errorf("the next one got %v, %v", rows, err)
		}
	})
}
