package integration

import (
	"fmt"
	"testing"
)

// In session mode the process id that a client is told is its server's own, so that what Postgres
// offers for process ids works.
func TestInSessionModeAClientKnowsItsServersProcess(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2, mode: "session"})
		c, other := login(t, p.endpoint, "acme"), login(t, p.endpoint, "acme")
		for _, c := range []*rawClient{c, other} {
			c.expect("SELECT pg_backend_pid()", fmt.Sprint(c.pid))
		}
		other.expect(fmt.Sprintf("SELECT pg_terminate_backend(%d)", c.pid), "t")
		if e := firstError(c.rest()); e == nil || e.code != "57P01" {
			t.Errorf("a client whose server was ended: %v, want 57P01", e)
		}
		again := login(t, p.endpoint, "globex")
		again.expect("SELECT name FROM whoami", "globex")
		again.expect("SELECT pg_backend_pid()", fmt.Sprint(again.pid))
	})
}

func TestInSessionModeALoginWaitsForItsServer(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, mode: "session", global: `query_wait_timeout = "300ms"`})
		first := login(t, p.endpoint, "acme")
		_, err := tryLogin(t, p.endpoint, "app", password("app"), "globex")
		if err == nil || err.code != "53300" || err.severity != "FATAL" {
			t.Errorf("a login beside a session that has the only server: %v, want FATAL 53300", err)
		}
		first.send(terminate)
		login(t, p.endpoint, "globex").expect("SELECT name FROM whoami", "globex")
	})
}
