package integration

import (
	"strconv"
	"strings"
	"testing"
)

// A client that stops in the midst of something holds up its server for idle_transaction_timeout and
// no longer, whatever it is in the midst of.
func TestAClientThatStopsInTheMidstOfSomethingIsEnded(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, global: `idle_transaction_timeout = "300ms"`})
		half := query("SELECT '" + strings.Repeat("x", 1<<20) + "'")
		gathered := query("SELECT '" + strings.Repeat("x", 60_000) + "'")[:30_000]
		for what, c := range map[string]struct {
			say  []byte
			code string
		}{
			"a message":                {half[:len(half)/2], "08P01"},
			"a message held back":      {gathered, "08P01"},
			"one behind another":       {join(query("SELECT 1"), gathered), "08P01"},
			"one in a transaction":     {join(query("BEGIN"), gathered), "08P01"},
			"a message in a batch":     {join(parse("", "SELECT 1"), half[:100_000]), "08P01"},
			"a message's first bytes":  {join(query("BEGIN"), half[:3]), "25P03"},
			"a transaction":            {query("BEGIN"), "25P03"},
			"a batch":                  {join(parse("", "SELECT 1"), flush), "25P03"},
			"a batch that failed":      {join(parse("", "nonsense"), flush), "25P03"},
			"a COPY":                   {query("COPY notes FROM STDIN"), "25P03"},
			"a COPY with data":         {join(query("COPY notes FROM STDIN"), copyData("1\tone\n")), "25P03"},
			"a message of COPY data":   {join(query("COPY notes FROM STDIN"), copyData(strings.Repeat("1\tone\n", 50_000))[:200_000]), "08P01"},
			"a COPY in a transaction":  {join(query("BEGIN"), query("COPY notes FROM STDIN")), "25P03"},
			"a batch in a transaction": {join(query("BEGIN"), parse("", "SELECT 1"), flush), "25P03"},
		} {
			stopped := login(t, p.endpoint, "acme")
			next := login(t, p.endpoint, "globex")
			stopped.send(c.say)
			next.expect("SELECT name FROM whoami", "globex")
			var e *serverError
			for _, m := range stopped.rest() {
				if m.kind == 'E' {
					e = parseError(m.body)
				}
			}
			if e == nil || e.severity != "FATAL" || e.code != c.code || !strings.Contains(e.hint, "idle_transaction_timeout") {
				t.Errorf("%s: got %v, want FATAL %s", what, e, c.code)
			}
		}
		if login(t, p.endpoint, "acme").expect("SELECT count(*) FROM notes", "0"); t.Failed() {
			t.Error("half of something has been done")
		}
	})
}

// What a client prepares is kept for it: so many statements and no more.
func TestAClientMayPrepareOnlySoManyStatements(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, more: "[prepared]\nper_client = 30"})
		c, other := login(t, p.endpoint, "acme"), login(t, p.endpoint, "acme")
		for round := range 3 {
			for i := range 30 {
				c.send(parse("s"+strconv.Itoa(i), "SELECT "+strconv.Itoa(i)), syncNow)
				if _, err := result(c.until('Z')); err != nil {
					t.Fatalf("round %d: statement %d: %v", round, i, err)
				}
			}
			for _, sql := range []string{"SELECT 1", "SELECT 'new'", "SELECT '" + strings.Repeat("x", 100_000) + "'"} {
				c.send(parse("more", sql), bind("", "more"), execute("", 0), syncNow)
				if e := firstError(c.until('Z')); e == nil || e.code != "53400" || !strings.Contains(e.hint, "prepared.per_client") {
					t.Errorf("round %d: one more gave %v, want 53400", round, e)
				}
			}
			c.send(once("SELECT 1"))
			if _, err := result(c.until('Z')); err != nil {
				t.Errorf("the unnamed statement: %v", err)
			}
			other.send(parse("s", "SELECT 1"), syncNow)
			if _, err := result(other.until('Z')); err != nil && round == 0 {
				t.Errorf("another client: %v", err)
			}
			for i := range 30 {
				c.send(closeStatement("s" + strconv.Itoa(i)))
			}
			c.send(syncNow)
			c.until('Z')
		}
	})
}

// A value that is read back is not held, however long it is.
func TestASettingTooLongToReadBackEndsItsSessionOnly(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		c := login(t, p.endpoint, "acme")
		c.run("SET app.note TO 'short'")
		c.expect("SHOW app.note", "short")
		c.send(query("SELECT set_config('app.note', repeat('x', 10000000), false) IS NULL"))
		replies := c.rest()
		if e := parseError(replies[len(replies)-1].body); e.severity != "FATAL" || !strings.Contains(e.message, "too long") {
			t.Errorf("got %v", e)
		}
		expectAsNew(t, p, "globex")
	})
}
