package integration

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// limitMishaps are what clients hear of the limits of their tenant and its route.
var limitMishaps = []mishap{
	{"max_clients of a tenant", setup{trust: true, more: "[tenant.acme]\nmax_clients = 1"}, besides("", as("app", "", "acme")),
		"FATAL", "53300", `too many connections for tenant "acme"`, "max_clients", false},
	{"max_servers of a route", setup{route: "max_servers = 1\nquery_wait_timeout = \"50ms\""}, besides("BEGIN", saying(query("SELECT 1"))),
		"ERROR", "53300", `no server connection became free within 50ms: tenant "acme" holds its 1`, "max_servers", true},
	{"query_wait_timeout of a tenant", setup{size: 1, more: "[tenant.acme]\nquery_wait_timeout = \"50ms\""}, besides("BEGIN", saying(query("SELECT 1"))),
		"ERROR", "53300", "no server connection became free within 50ms", "query_wait_timeout", true},
	{"query_timeout of a route", setup{global: `query_timeout = "1h"`, route: `query_timeout = "50ms"`}, saying(query("SELECT pg_sleep(60)")),
		"ERROR", "57014", "canceling statement due to query_timeout of 50ms", "query_timeout", true},
	{"query_timeout of a tenant, in a batch", setup{more: "[tenant.acme]\nquery_timeout = \"50ms\""},
		saying(parse("", "SELECT pg_sleep(60)"), bind("", ""), execute("", 0), syncNow),
		"ERROR", "57014", "canceling statement due to query_timeout of 50ms", "query_timeout", true},
	{"idle_transaction_timeout of a tenant", setup{more: "[tenant.acme]\nidle_transaction_timeout = \"50ms\""}, saying(query("BEGIN")),
		"FATAL", "25P03", "terminating connection due to idle-in-transaction timeout", "idle_transaction_timeout", false},
	{"transaction_timeout of a route", setup{route: `transaction_timeout = "50ms"`}, saying(query("BEGIN")),
		"FATAL", "25P04", "terminating connection due to transaction timeout", "transaction_timeout", false},
	{"client_idle_timeout of a tenant", setup{global: `client_idle_timeout = "1h"`, more: "[tenant.acme]\nclient_idle_timeout = \"50ms\""}, saying(),
		"FATAL", "57P05", "terminating connection due to idle-session timeout", "client_idle_timeout", false},
	{"max_prepared of a tenant", setup{route: "max_prepared = 5", more: "[tenant.acme]\nmax_prepared = 1"},
		saying(parse("a", "SELECT 1"), parse("b", "SELECT 2"), syncNow),
		"ERROR", "53400", "a client may have 1 prepared statements", "max_prepared", true},
}

func TestEachLimitHasItsOwnError(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		for _, m := range limitMishaps {
			t.Run(m.situation, func(t *testing.T) {
				t.Parallel()
				p := startPooler(t, w, m.setup)
				m.judge(t, m.provoke(t, p))
			})
		}
	})
}

// A limit of one tenant is nobody else's: neither the route's other tenants' nor a shorter one
// of a client beside it.
func TestATenantsTimesAreItsOwn(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2, route: `query_timeout = "1h"`, more: "[tenant.acme]\nquery_timeout = \"50ms\"\n[tenant.globex]\nquery_timeout = 0"})
		for _, tenant := range []string{"globex", "initech"} {
			c := login(t, p.endpoint, tenant)
			c.send(query("SELECT pg_sleep(0.5)"))
			expectServerError(t, login(t, p.endpoint, "acme"), "SELECT pg_sleep(60)", "57014")
			if _, err := result(c.until('Z')); err != nil {
				t.Errorf("%s: %v", tenant, err)
			}
		}
	})
}

func TestSoManyOfATenantWaitAndNoMore(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, route: "max_waiting = 1"})
		holder, globex := login(t, p.endpoint, "initech"), login(t, p.endpoint, "globex")
		holder.run("BEGIN")
		answers := make(chan *serverError, 3)
		ask := func(c *rawClient) {
			c.send(query("SELECT 1"))
			go func() { answers <- firstError(c.until('Z')) }()
		}
		ask(login(t, p.endpoint, "acme"))
		ask(login(t, p.endpoint, "acme"))
		e := <-answers // whoever came second
		if e == nil || e.code != "53300" || e.severity != "ERROR" || !strings.Contains(e.hint, "max_waiting of the tenant") {
			t.Errorf("got %v", e)
		}
		ask(globex)
		holder.run("COMMIT")
		for range 2 {
			if e := <-answers; e != nil {
				t.Errorf("one that was within the limit: %v", e)
			}
		}
	})
}

// paceSetups are a rate in each mode, one query at a time and then ten a second.
func paceSetups() map[string]setup {
	limit := "[tenant.acme]\nmax_qps = 10\nmax_qps_burst = 1"
	return map[string]setup{"transaction": {more: limit}, "session": {mode: "session", more: limit}}
}

// The first of seven queries passes at once and each other a tenth of a second later, in all modes,
// one by one or in one write, however many clients share the rate.
func TestATenantIsHeldToItsQueriesASecond(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		for mode, s := range paceSetups() {
			p := startPooler(t, w, s)
			a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "acme")
			began := time.Now()
			a.send(query("SELECT 1"), query("SELECT 2"), join(parse("", "SELECT 3"), bind("", ""), execute("", 0), syncNow))
			b.run("SELECT 1")
			b.run("BEGIN; SELECT 1; COMMIT")
			for range 3 {
				if _, err := result(a.until('Z')); err != nil {
					t.Errorf("%s: %v", mode, err)
				}
			}
			a.run("SELECT 4")
			b.run("SELECT 4")
			if took := time.Since(began); took < 600*time.Millisecond {
				t.Errorf("%s: seven queries took %v", mode, took)
			}
		}
	})
}

// What a transaction does is paid for before the next one; one that would have to wait for longer
// than it may is refused, and the client goes on.
func TestWhoIsFarOverItsRateIsRefused(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		for key, limit := range map[string]string{"max_bps": "max_bps = 10000", "max_qps": "max_qps = 1\nmax_qps_burst = 1"} {
			for _, mode := range []string{"transaction", "session"} {
				p := startPooler(t, w, setup{mode: mode, more: "[tenant.acme]\nquery_wait_timeout = \"500ms\"\n" + limit})
				c := login(t, p.endpoint, "acme")
				c.run("BEGIN")
				for range 20 {
					c.run("SELECT repeat('x', 100000)")
				}
				c.run("COMMIT")
				for _, ask := range [][]byte{query("SELECT 1"), once("SELECT 1")} {
					e := c.end(ask)
					if e == nil || e.severity != "ERROR" || e.code != "53400" || !strings.Contains(e.message, `"acme"`) || !strings.Contains(e.hint, key) {
						t.Errorf("%s in %s mode: got %v", key, mode, e)
					}
				}
				login(t, p.endpoint, "globex").expect("SELECT name FROM whoami", "globex")
			}
		}
	})
}

func TestWhoIsDelayedCanBeCancelled(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		for _, mode := range []string{"transaction", "session"} {
			p := startPooler(t, w, setup{mode: mode, more: "[tenant.acme]\nquery_wait_timeout = 0\nmax_bps = 1000"})
			c := login(t, p.endpoint, "acme")
			c.run("SELECT repeat('x', 1000000)") // a quarter of an hour's worth
			c.send(query("SELECT 1"))
			if e := firstError(c.cancelUntilAnswered(t)); e == nil || e.code != "57014" || e.severity != "ERROR" {
				t.Errorf("%s: got %v", mode, e)
			}
			c.vanish(false)
		}
	})
}

// Behind twenty clients of a noisy tenant waits one of a quiet tenant, and is served second at most.
// The server's own clock tells in which order they had the only connection.
func TestAQuietTenantDoesNotWaitBehindANoisyOnesQueue(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		const noisy = 20
		p := startPooler(t, w, setup{size: 1, more: "[tenant.initech]\nquery_wait_timeout = \"20ms\""})
		holder, probe := login(t, p.endpoint, "acme"), login(t, p.endpoint, "initech")
		holder.run("BEGIN")
		type turn struct {
			tenant string
			began  float64
		}
		turns := make(chan turn, noisy+1)
		ask := func(tenant string) {
			c := login(t, p.endpoint, tenant)
			c.send(query("SELECT extract(epoch FROM clock_timestamp()) FROM pg_sleep(0.01)"))
			go func() {
				rows, err := result(c.until('Z'))
				if err != nil || len(rows) != 1 {
					t.Errorf("%s: %q, %v", tenant, rows, err)
					turns <- turn{tenant, 0}
					return
				}
				began, _ := strconv.ParseFloat(rows[0][0], 64)
				turns <- turn{tenant, began}
			}()
		}
		waiting := func(n int) {
			eventually(t, strconv.Itoa(n)+" clients wait", func() bool {
				_, e := probe.try("SELECT 1")
				return e != nil && strings.Contains(e.detail, strconv.Itoa(n+1)+" waiting") // the probe itself is one
			})
		}
		for range noisy {
			ask("acme")
		}
		waiting(noisy)
		ask("globex")
		waiting(noisy + 1)
		holder.run("COMMIT")
		var all []turn
		for range noisy + 1 {
			all = append(all, <-turns)
		}
		slices.SortFunc(all, func(a, b turn) int { return cmp.Compare(a.began, b.began) })
		if at := slices.IndexFunc(all, func(x turn) bool { return x.tenant == "globex" }); at > 1 {
			t.Errorf("%d of the noisy tenant were served before it", at)
		}
	})
}

// A client that is killed while its turn has not come is gone in a moment, even if it stays and
// asks for a cancellation.
func TestWhoeverIsKilledWhileItWaitsForItsTurnIsGone(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		s := withConsole(t)
		s.more += "[tenant.acme]\nmax_qps = 1\nmax_qps_burst = 1\nquery_wait_timeout = \"1h\"\n"
		p := startPooler(t, w, s)
		boss := operate(t, p, "boss")
		c := login(t, p.endpoint, "acme")
		for range 20 {
			c.send(query("SELECT 1"))
		}
		c.until('Z')
		c.until('Z')
		command(t, boss, "KILL TENANT acme")
		c.cancel()
		eventually(t, "the client is gone", func() bool {
			return slices.ContainsFunc(records(t, boss, "SHOW TENANTS"), func(r map[string]any) bool { return r["name"] == "acme" && r["clients"] == int64(0) })
		})
	})
}
