package integration

import "testing"

// A server that gets a Flush with a body skips everything up to the next Sync, and says so in an
// error that answers nothing. A pooler that lets one through loses count of what is owed.
func TestAFlushOrSyncWithABodyEndsItsSession(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		for _, kind := range "HSc" {
			for _, begin := range [][]byte{query("SELECT name FROM whoami"), parse("", "SELECT 1"), query("COPY notes FROM STDIN")} {
				c := login(t, p.endpoint, "acme")
				c.send(begin, []byte(string(kind)+"\x00\x00\x00\x05x"), query("SELECT name FROM whoami"))
				said := c.rest()
				if e := firstError(said); e == nil || e.severity != "FATAL" || e.code != "08P01" {
					t.Errorf("%c with a body behind %q: got %q %v", kind, begin[0], kinds(said), e)
				}
				expectAsNew(t, p, "globex")
			}
		}
	})
}
