package integration

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tenantpool/internal/pgtest"
)

// A pooler that cannot start says what to do and ends with status 1.
func TestABrokenConfigurationIsRefusedWithTheNameOfTheFault(t *testing.T) {
	needsPooler(t)
	w := newWorld(t, pgtest.Start(t, versions[0]))
	for what, s := range map[string]struct {
		setup setup
		wants []string
	}{
		"an unknown key":       {setup{global: "pol_mode = \"x\""}, []string{"config.toml:4:", "pol_mode", "pool_mode"}},
		"a wrong type":         {setup{cluster: `same_tenant = 7`}, []string{"config.toml:", "same_tenant"}},
		"a wrong choice":       {setup{mode: "sessions"}, []string{"config.toml:3:", "sessions", "session"}},
		"a duration in digits": {setup{global: "query_wait_timeout = 10"}, []string{"config.toml:4:", "query_wait_timeout"}},
		"broken TOML":          {setup{global: "x ="}, []string{"config.toml:4:"}},
		"an unknown cluster":   {setup{more: "[[route]]\ndatabase = \"x\"\nusers = [\"app\"]\ncluster = \"mian\""}, []string{"config.toml:", "mian", "main"}},
		"an open route":        {setup{more: "[[route]]\ndatabase = \"x_{tenant}\"\ncluster = \"main\"\ntenants = \"schema\""}, []string{"config.toml:", "users"}},
		"two faults":           {setup{global: "pol_size = 3", cluster: "same_tenant = 7"}, []string{"pol_size", "same_tenant"}},
	} {
		t.Run(what, func(t *testing.T) { expectNoStart(t, s.setup.write(t, w), s.wants...) })
	}
}

func TestAMissingFileIsNamed(t *testing.T) {
	needsPooler(t)
	w := newWorld(t, pgtest.Start(t, versions[0]))
	expectNoStart(t, filepath.Join(t.TempDir(), "nowhere.toml"), "nowhere.toml")
	file := setup{}.write(t, w)
	must(t, os.Remove(filepath.Join(filepath.Dir(file), "users.txt")))
	expectNoStart(t, file, "config.toml:", "users.txt")
}

func TestAPortInUseIsNamed(t *testing.T) {
	needsPooler(t)
	w := newWorld(t, pgtest.Start(t, versions[0]))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	file := setup{}.write(t, w)
	text, err := os.ReadFile(file)
	must(t, err)
	address := l.Addr().String()
	must(t, os.WriteFile(file, []byte(strings.Replace(string(text), "127.0.0.1:0", address, 1)), 0o600))
	expectNoStart(t, file, "config.toml", address, "in use", "listen")
}

// expectNoStart runs the pooler, which must end with status 1 and say all that is wanted.
func expectNoStart(t *testing.T, file string, wants ...string) {
	t.Helper()
	p := launchPooler(t, setup{}, file)
	select {
	case <-p.process.Done():
	case <-time.After(patience):
		p.process.Stop(os.Kill, time.Second)
		t.Fatalf("it runs: %s", p.log)
	}
	if err := p.process.Err(); err == nil || err.Error() != "exit status 1" {
		t.Errorf("it ended with %v, want exit status 1", err)
	}
	for _, want := range wants {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("no %q in what it says:\n%s", want, p.log)
		}
	}
}

// A server that is not there is waited for. Clients are told, and served once it is there.
func TestAnUnreachableServerIsWaitedForAndClientsAreTold(t *testing.T) {
	needsPooler(t)
	onEachOwn(t, func(t *testing.T, w *world) {
		w.server.Down(false)
		p := startPooler(t, w, setup{size: 2, global: `
query_wait_timeout = "300ms"
client_login_timeout = "5s"`})
		for range 3 {
			_, refusal := tryLogin(t, p.endpoint, "app", password("app"), "acme")
			if refusal == nil || refusal.severity != "FATAL" || refusal.code != "08001" {
				t.Fatalf("a login got %v, want FATAL 08001", refusal)
			}
		}
		must(t, w.server.Up(t.Context()))
		eventually(t, "clients are served", func() bool { return served(t, p, "acme") })
	})
}

func TestAServerThatGoesAwayIsToldToWaitingClientsAfterTheirTime(t *testing.T) {
	needsPooler(t)
	onEachOwn(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2, global: `query_wait_timeout = "300ms"`})
		c := login(t, p.endpoint, "acme")
		c.expect("SELECT name FROM whoami", "acme")
		w.server.Down(false)
		for range 2 {
			c.send(query("SELECT name FROM whoami"), once("SELECT 1"))
			for range 2 {
				answer := c.until('Z')
				if e := firstError(answer); e == nil || e.severity != "ERROR" || e.code != "08006" || status(answer) != 'I' {
					t.Errorf("a query got %v, want ERROR 08006", e)
				}
			}
		}
		must(t, w.server.Up(t.Context()))
		awaitCode(t, c, "SELECT name FROM whoami", "")
		c.expect("SELECT name FROM whoami", "acme")
	})
}

// A server that starts up is worth waiting for.
func TestClientsWaitForAServerThatIsStarting(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		g := openGate(t, w)
		p := startPooler(t, w, setup{size: 2, host: g.address(), global: `query_wait_timeout = "60s"`})
		c := login(t, p.endpoint, "acme")
		g.refuse("57P03", "the database system is starting up")
		w.exec(t, "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE usename = 'app' AND datname = current_database()")
		before := g.knocks.Load()
		c.send(query("SELECT name FROM whoami"))
		eventually(t, "the pooler asks again", func() bool { return g.knocks.Load() > before+1 })
		g.refuse("", "")
		if rows, err := result(c.until('Z')); err != nil || len(rows) != 1 || rows[0][0] != "acme" {
			t.Errorf("got %v, %v", rows, err)
		}
	})
}

// What will not get better by waiting is told at once, by the server's own SQLSTATE.
func TestAServerThatRefusesThePoolerForGoodIsToldAtOnce(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		g := openGate(t, w)
		p := startPooler(t, w, setup{size: 2, host: g.address(), global: `query_wait_timeout = "1h"`})
		for _, code := range []string{"28P01", "28000", "3D000"} {
			c := login(t, p.endpoint, "acme")
			g.refuse(code, "no entry")
			w.exec(t, "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE usename = 'app' AND datname = current_database()")
			expectServerError(t, c, "SELECT name FROM whoami", code)
			g.refuse("", "")
			awaitCode(t, c, "SELECT name FROM whoami", "")
		}
	})
}

// However many clients come, a server that fails is tried seldom.
func TestAnOutageNeverTurnsIntoAStormOfConnections(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		g := openGate(t, w)
		p := startPooler(t, w, setup{size: 8, host: g.address(), global: `query_wait_timeout = "1500ms"`})
		var clients []*rawClient
		for i := range 200 {
			clients = append(clients, login(t, p.endpoint, tenants[i%len(tenants)]))
		}
		g.hangUp()
		w.exec(t, "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE usename = 'app' AND datname = current_database()")
		before := g.knocks.Load()
		var wait sync.WaitGroup
		for _, c := range clients {
			wait.Go(func() {
				c.conn.Write(query("SELECT name FROM whoami"))
				for m, err := c.read(); err == nil && m.kind != 'Z'; m, err = c.read() {
				}
			})
		}
		wait.Wait()
		if n := g.knocks.Load() - before; n > 20 {
			t.Errorf("200 waiting clients made the pooler connect %d times in 1.5 s", n)
		}
		g.refuse("", "")
		eventually(t, "clients are served", func() bool { return served(t, p, "acme") })
	})
}
