package soak

import (
	"fmt"
	"strconv"
)

// trick is one thing that a client may do, and how often out of weights times.
type trick struct {
	name   string
	weight int
	do     func(*client) error
}

// tricks are all of them. Their names are the lines of the report.
var tricks []trick

var weights int

// init, for the tricks lead back to the table: a client draws from it.
func init() {
	for _, family := range [][]trick{plainTricks, settingTricks, hiddenTricks, objectTricks, faultTricks, departures} {
		tricks = append(tricks, family...)
	}
	for _, t := range tricks {
		weights += t.weight
	}
}

var plainTricks = []trick{
	{"simple query", 70, (*client).simple},
	{"extended query", 50, (*client).extended},
	{"prepared statement", 70, (*client).preparedStatement},
	{"pipeline", 25, (*client).pipeline},
	{"transaction", 30, (*client).transaction},
	{"transaction in one write", 5, (*client).commitAtOnce},
	{"copy in", 4, (*client).copyIn},
	{"copy out", 4, (*client).copyOut},
	{"large result", 1, (*client).large},
	{"odd messages", 2, (*client).odd},
}

const (
	itemSQL  = "SELECT tenant, pg_backend_pid(), id FROM soak_items WHERE id = "
	itemsSQL = "SELECT tenant, pg_backend_pid(), id FROM soak_items ORDER BY id"
	whoSQL   = "SELECT tenant, pg_backend_pid() FROM soak_whoami"
	shapeSQL = "SELECT s.tenant, pg_backend_pid(), s.* FROM soak_shape AS s"
	largeSQL = "SELECT tenant, pg_backend_pid(), repeat('x', 500) FROM soak_items, generate_series(1, 50)"
)

// texts are what protocol statements are prepared from, and rows how many rows each gives.
var (
	texts = []string{itemSQL + "$1", whoSQL, shapeSQL}
	rows  = []int{1, 1, 3}
)

// item is the number of some item, as text.
func (c *client) item() string { return strconv.Itoa(1 + c.dice.IntN(20)) }

// gives is want for a request that must work and give so many rows.
func (c *client) gives(n int, note string, boundaries int, request []byte) error {
	a, err := c.want(note, boundaries, request, "")
	if err == nil && a.rows != n {
		err = fmt.Errorf("%d rows, want %d", a.rows, n)
	}
	return err
}

func (c *client) simple() error {
	return c.gives(1, "item", 1, query(itemSQL+c.item()))
}

func (c *client) extended() error {
	return c.gives(1, "item by an unnamed statement", 1, once(itemSQL+"$1", c.item()))
}

// preparedStatement uses one of two names that every client uses, each for a text of its own.
func (c *client) preparedStatement() error {
	name := "a"
	if c.dice.IntN(2) == 0 {
		name = "b"
	}
	kind, known := c.model.prepared[name]
	if known && c.dice.IntN(6) == 0 {
		delete(c.model.prepared, name)
		return c.gives(0, "close statement "+name, 1, join(closeStatement(name), syncNow))
	}
	var request []byte
	if !known {
		kind = c.dice.IntN(len(texts))
		request = join(parse(name, texts[kind]), describe('S', name))
	}
	a, err := c.want(fmt.Sprintf("statement %s, text %d, known %v", name, kind, known), 1,
		join(request, c.bound(name, kind), execute("", 0), syncNow), "")
	switch {
	case err != nil:
		return err
	case a.rows != rows[kind]:
		return fmt.Errorf("%d rows, want %d", a.rows, rows[kind])
	case kind == 2 && len(a.last) != 2+c.probe.columns():
		return fmt.Errorf("%d columns, want %d", len(a.last), 2+c.probe.columns())
	}
	c.model.prepared[name] = kind
	return nil
}

func (c *client) bound(name string, kind int) []byte {
	if kind == 0 {
		return bind("", name, c.item())
	}
	return bind("", name)
}

func (c *client) pipeline() error {
	return c.gives(25, "pipeline of four", 4, join(once(itemSQL+"$1", c.item()), query(itemsSQL), once(shapeSQL), query(whoSQL)))
}

// ledgerSQL adds a row that is counted again at the end.
func (c *client) ledgerSQL() string {
	return fmt.Sprintf("INSERT INTO soak_ledger VALUES (%d, '%s') RETURNING tenant, pg_backend_pid()", c.number, c.probe.route.Tenant)
}

// committing runs what commits n rows of the ledger: until it has worked, they may be there or not.
func (c *client) committing(n int, commit func() error) error {
	c.tally.unsure += n
	if err := commit(); err != nil {
		return err
	}
	c.tally.unsure -= n
	c.tally.committed += n
	return nil
}

func (c *client) commitAtOnce() error {
	return c.committing(1, func() error {
		return c.gives(1, "BEGIN, INSERT, COMMIT in one write", 3, join(query("BEGIN"), query(c.ledgerSQL()), query("COMMIT")))
	})
}

// copied sends what follows the answer to COPY FROM STDIN.
func (c *client) copied(data []byte, codes ...string) error {
	a, err := c.run("COPY soak_ledger FROM STDIN")
	if err != nil {
		return err
	}
	if !a.copying {
		return fmt.Errorf("COPY FROM STDIN asked for no data")
	}
	_, err = c.want("copy data", 1, data, codes...)
	return err
}

func (c *client) ledgerLine() []byte {
	return copyData(fmt.Sprintf("%d\t%s\n", c.number, c.probe.route.Tenant))
}

func (c *client) copyIn() error {
	switch c.dice.IntN(4) {
	case 0:
		return c.copied(join(c.ledgerLine(), copyData("no number\tat all\n"), copyDone), "22P02")
	case 1:
		return c.copied(join(c.ledgerLine(), copyFail()), "57014")
	}
	return c.committing(1, func() error { return c.copied(join(c.ledgerLine(), copyDone), "") })
}

func (c *client) copyOut() error {
	if c.dice.IntN(3) == 0 {
		return c.do("COPY (SELECT tenant, pg_backend_pid(), 1 / (id - 10) FROM soak_items ORDER BY id) TO STDOUT", "22012")
	}
	return c.gives(20, "copy out", 1, query("COPY ("+itemsSQL+") TO STDOUT"))
}

func (c *client) large() error { return c.gives(1000, "large result", 1, query(largeSQL)) }

// odd sends messages that do nothing.
func (c *client) odd() error {
	return c.gives(0, "odd messages", 4, join(query(""), flush, syncNow, closeStatement("nobody's"), syncNow, flush, query(";")))
}
