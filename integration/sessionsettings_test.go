package integration

import "testing"

// DISCARD ALL returns to the settings of the client's startup packet, whether the session has a server
// connection of its own by then or not.
func TestDiscardAllReturnsToTheSettingsOfTheStartupPacket(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 12})
		for _, first := range []string{"SELECT 1", "CREATE TEMP TABLE own (n int)", "PREPARE own AS SELECT 1"} {
			c := login(t, p.endpoint, "acme", "application_name", "mine", "TimeZone", "Asia/Tokyo", "work_mem", "5001kB")
			c.run(first)
			c.run("SET application_name = 'other'; SET TimeZone = 'America/Lima'; SET work_mem = '6001kB'")
			c.run("DISCARD ALL")
			c.expect("SHOW application_name", "mine")
			c.expect("SHOW TimeZone", "Asia/Tokyo")
			c.expect("SHOW work_mem", "5001kB")
			c.expect("SELECT name FROM whoami", "acme")
		}
	})
}
