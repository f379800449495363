package integration

import (
	"strings"
	"testing"
)

// A reset goes back to what the client asked for when it logged in. The server behind the pooler goes
// elsewhere for a moment, which is nothing that the client should hear of.
func TestAResetTellsTheClientOnlyWhatItWillFind(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		for _, mode := range []string{"transaction", "session", "statement"} {
			p := startPooler(t, w, setup{size: 1, mode: mode})
			c := login(t, p.endpoint, "acme", "application_name", "mine", "work_mem", "7MB")
			for _, reset := range []string{"RESET ALL", "RESET application_name", "DISCARD ALL", "SELECT 1; RESET ALL", "SET application_name TO DEFAULT"} {
				c.send(query(reset))
				expectTold(t, mode, reset, c.until('Z'), "")
				c.send(query("SET application_name = 'other'"))
				c.until('Z')
				c.send(query(reset))
				expectTold(t, mode, reset, c.until('Z'), "application_name\x00mine\x00")
				c.send(query("SHOW application_name"))
				expectTold(t, mode, "what follows "+reset, c.until('Z'), "")
				c.expect("SHOW application_name", "mine")
				c.expect("SHOW work_mem", "7MB")
				c.expect("SELECT name FROM whoami", "acme")
			}
			c.send(terminate)
			c.rest()
		}
	})
}

// expectTold fails the test unless the ParameterStatus among replies are these.
func expectTold(t *testing.T, mode, what string, replies []reply, want string) {
	t.Helper()
	var told []string
	for _, m := range replies {
		if m.kind == 'S' {
			told = append(told, string(m.body))
		}
	}
	if got := strings.Join(told, " "); got != want {
		t.Errorf("%s mode, %s: told %q, want %q", mode, what, got, want)
	}
}
