package integration

import (
	"bytes"
	"sync/atomic"
	"testing"
)

// dies makes the next n switches end their server connection, each in one of two ways.
func (x *tap) dies(n int32, hard bool) {
	var left atomic.Int32
	left.Store(n)
	x.change(func(b []byte) []byte {
		const kill = "DO $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(3600); END $$; --"
		at := bytes.Index(b, []byte("SET TRANSACTION ISOLATION LEVEL READ COMMITTED; RESET ALL;"))
		if at < 0 || left.Add(-1) < 0 {
			return b
		}
		if hard {
			return nil
		}
		killing := bytes.Clone(b)
		copy(killing[at:], kill)
		return killing
	})
}

// Nothing of the client's has been sent before its server is switched: if that one ends, by a
// command of the administrator or in silence, another one does.
func TestAServerThatEndsInItsSwitchIsReplaced(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		x := openTap(t, w)
		p := startPooler(t, w, setup{size: 1, host: x.address(), cluster: "schema_check = 0"})
		for _, hard := range []bool{false, true} {
			for deaths := range int32(3) {
				a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
				a.run("SELECT 1")
				x.dies(deaths, hard)
				b.expect("SELECT name FROM whoami", "globex")
				x.change(nil)
			}
		}
	})
}

// If that happens again and again the client is told, once, and may try again.
func TestAServerThatEndsInEverySwitchIsToldToTheClientThatWaits(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		x := openTap(t, w)
		p := startPooler(t, w, setup{size: 1, host: x.address(), cluster: "schema_check = 0"})
		a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		for hard, code := range map[bool]string{false: "57P01", true: "08006"} {
			a.run("SELECT 1")
			x.dies(3, hard)
			for _, say := range [][]byte{query("SELECT name FROM whoami"), once("SELECT name FROM whoami")} {
				b.send(say)
				answer := b.until('Z')
				if e := firstError(answer); e == nil || e.code != code || e.severity != "ERROR" || kinds(answer) != "EZ" {
					t.Errorf("got %q, %v; want ERROR %s", kinds(answer), e, code)
				}
				b.expect("SELECT name FROM whoami", "globex")
				a.run("SELECT 1")
				x.dies(3, hard)
			}
			x.change(nil)
		}
	})
}

// What the server says against the state itself is the client's to hear.
func TestAStateThatTheServerRefusesIsToldAtOnce(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		x := openTap(t, w)
		p := startPooler(t, w, setup{size: 1, host: x.address(), cluster: "schema_check = 0"})
		a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		a.run("SELECT 1")
		tries := 0
		x.change(func(b []byte) []byte {
			tries += bytes.Count(b, []byte("SET search_path TO"))
			return bytes.ReplaceAll(b, []byte("SET search_path TO"), []byte("SET search_puth TO"))
		})
		expectServerError(t, b, "SELECT name FROM whoami", "42704")
		x.change(nil)
		if tries != 1 {
			t.Errorf("it was tried %d times", tries)
		}
		awaitCode(t, b, "SELECT name FROM whoami", "")
	})
}
