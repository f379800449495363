package integration

import "testing"

// undone are texts whose resets come to nothing.
var undone = []string{
	"RESET ALL; SELECT * FROM nowhere",
	"RESET application_name; RESET search_path; RESET soak.mine; SELECT * FROM nowhere",
	"BEGIN; RESET ALL; ROLLBACK",
	"BEGIN; SAVEPOINT a; RESET ALL; ROLLBACK TO a; COMMIT",
}

// done are texts whose resets stand, whatever comes behind.
var done = []string{
	"RESET ALL; COMMIT; SELECT * FROM nowhere",
	"BEGIN; RESET ALL; SAVEPOINT a; SET search_path TO acme, pg_temp; ROLLBACK TO a; COMMIT",
	"RESET ALL",
}

// settled is a client with settings of its own over those of its startup packet.
func settled(t *testing.T, p *pooler) (c *rawClient, path string) {
	t.Helper()
	c = login(t, p.endpoint, "acme", "application_name", "mine", "soak.mine", "first")
	path = c.value("SHOW search_path")
	c.run("SET application_name = 'other'; SET soak.mine = 'second'; SET work_mem = '5MB'")
	c.run("SET search_path TO acme, pg_temp")
	return c, path
}

func (c *rawClient) isAs(text, name, custom, path string) {
	c.t.Helper()
	for _, want := range [][2]string{{"application_name", name}, {"soak.mine", custom}, {"search_path", path}} {
		if got := c.value("SHOW " + want[0]); got != want[1] {
			c.t.Errorf("behind %q: %s is %q, want %q", text, want[0], got, want[1])
		}
	}
}

// A reset is undone with the text that it stands in, on a server as through the pooler: the session
// keeps what it had set before.
func TestAResetInATextThatFailsTakesNothingAway(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 4})
		for _, text := range undone {
			c, _ := settled(t, p)
			_, _ = c.try(text)
			c.isAs(text, "other", "second", "acme, pg_temp")
		}
		for _, text := range done {
			c, path := settled(t, p)
			_, _ = c.try(text)
			c.isAs(text, "mine", "first", path)
		}
	})
}

// The same within a transaction, and in a batch.
func TestAResetThatIsRolledBackTakesNothingAway(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 4})
		c, path := settled(t, p)
		c.run("BEGIN")
		c.run("SAVEPOINT a")
		_, _ = c.try("RESET ALL; SELECT * FROM nowhere")
		c.run("ROLLBACK TO a")
		c.isAs("RESET ALL to a savepoint", "other", "second", "acme, pg_temp")
		c.run("COMMIT")
		c.isAs("COMMIT behind it", "other", "second", "acme, pg_temp")

		c.send(parse("", "RESET ALL"), bind("", ""), execute("", 0),
			parse("", "SELECT 1/0"), bind("", ""), execute("", 0), syncNow)
		c.until('Z')
		c.isAs("a batch that fails", "other", "second", "acme, pg_temp")

		c.run("BEGIN")
		c.send(parse("", "RESET ALL"), bind("", ""), execute("", 0),
			parse("", "ROLLBACK"), bind("", ""), execute("", 0), syncNow)
		c.until('Z')
		c.isAs("a batch that rolls back", "other", "second", "acme, pg_temp")

		c.run("BEGIN")
		_, _ = c.try("RESET ALL; SAVEPOINT a; SELECT * FROM nowhere")
		c.run("ROLLBACK TO a")
		c.isAs("a savepoint behind RESET ALL", "mine", "first", path)
		c.run("COMMIT")
		c.isAs("COMMIT behind it", "mine", "first", path)
	})
}

// A custom setting that the client has made empty is not taken for one that was reset.
func TestAnEmptySettingIsKeptWhenAResetIsUndone(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		c := login(t, p.endpoint, "acme", "app.own", "first")
		c.run("SET app.own = ''")
		c.try("RESET ALL; SELECT 1/0")
		c.expect("SHOW app.own", "")
		c.run("RESET ALL")
		c.expect("SHOW app.own", "first")
	})
}
