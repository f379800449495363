package integration

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgproto3/v2"
)

// shape is what one tenant's table goods and type kind look like: the names are every tenant's, the
// rest is its own.
type shape struct {
	tenant string
	labels []string // of the type kind
	table  string   // the columns of goods
	row    []string // the values of the row with each label, as text; the label is put for %
	binary []string // the same as the server sends them in binary form
}

var shapes = []shape{
	{"acme", []string{"sad", "ok", "glad"}, "id int4, kind kind, note text",
		[]string{"7", "%", "of acme"}, []string{"\x00\x00\x00\x07", "%", "of acme"}},
	{"globex", []string{"red", "ok", "blue"}, "kind kind, id text, count int8, ready bool",
		[]string{"%", "seven", "70", "t"}, []string{"%", "seven", "\x00\x00\x00\x00\x00\x00\x00\x46", "\x01"}},
}

// goods is the statement that all tenants prepare under one name.
const goods = "SELECT * FROM goods WHERE kind = $1"

func (s shape) make(t *testing.T, w *world) {
	t.Helper()
	sql := fmt.Sprintf("SET ROLE app; SET search_path TO %s; CREATE TYPE kind AS ENUM ('%s'); CREATE TABLE goods (%s)",
		s.tenant, strings.Join(s.labels, "', '"), s.table)
	for _, label := range s.labels {
		sql += fmt.Sprintf("; INSERT INTO goods VALUES ('%s')", strings.Join(s.values(s.row, label), "', '"))
	}
	w.exec(t, sql)
}

func (s shape) values(pattern []string, label string) []string {
	values := make([]string, len(pattern))
	for i, p := range pattern {
		values[i] = strings.ReplaceAll(p, "%", label)
	}
	return values
}

// bindForm binds parameters in text form and asks for results in a form: 0 is text, 1 is binary.
func bindForm(form int16, statement string, parameters ...string) []byte {
	m := &pgproto3.Bind{PreparedStatement: statement, ResultFormatCodes: []int16{form}}
	for _, p := range parameters {
		m.Parameters = append(m.Parameters, []byte(p))
	}
	return encode(m)
}

// shaped is a client of a tenant with a shape.
type shaped struct {
	*rawClient
	shape
	kind uint32 // the type's number, as the server described it
}

// prepareGoods prepares the statement under the name that all clients use.
func prepareGoods(t *testing.T, p *pooler, s shape) *shaped {
	t.Helper()
	c := &shaped{login(t, p.endpoint, s.tenant), s, 0}
	c.send(parse("goods", goods), describeStatement("goods"), syncNow)
	answers := c.until('Z')
	if got := kinds(answers); got != "1tTZ" {
		t.Fatalf("%s: preparing gave %q, %v", s.tenant, got, firstError(answers))
	}
	c.kind = binary.BigEndian.Uint32(answers[1].body[2:])
	if columns := binary.BigEndian.Uint16(answers[2].body); int(columns) != len(s.row) {
		t.Errorf("%s: %d columns are described, its table has %d", s.tenant, columns, len(s.row))
	}
	return c
}

// ask executes the statement and compares every byte of the row with the client's own.
func (c *shaped) ask(t *testing.T, turn int) {
	t.Helper()
	label := c.labels[turn%len(c.labels)]
	form := turn / len(c.labels) % 2
	c.send(bindForm(int16(form), "goods", label), describePortal(""), execute("", 0), syncNow)
	answers := c.until('Z')
	if got := kinds(answers); got != "2TDCZ" {
		t.Fatalf("turn %d of %s: %q, %v", turn, c.tenant, got, firstError(answers))
	}
	want := c.values([][]string{c.row, c.shape.binary}[form], label)
	if got := answers[2].row(); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Fatalf("turn %d of %s: got %q, want %q", turn, c.tenant, got, want)
	}
}

// statementsKept is how many statements the one server connection has, as it says itself.
func statementsKept(t *testing.T, c *rawClient) int {
	t.Helper()
	n, err := strconv.Atoi(c.value("SELECT count(*) FROM pg_prepared_statements"))
	must(t, err)
	return n
}

const perServer = 20

func shapesSetup() setup {
	return setup{size: 1, more: fmt.Sprintf("[prepared]\nper_server = %d", perServer)}
}

// turns is how often two tenants take turns. The race detector makes it slow, not different.
func turns() int {
	if raceEnabled {
		return 2_000
	}
	return 10_000
}

// Two tenants prepare one text under one name, and it means something else to each: other columns,
// another enum under the same name. On one server connection neither ever meets the other's.
func TestOneStatementOfManyShapesIsEachTenantsOwn(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, shapesSetup())
		var clients []*shaped
		for _, s := range shapes {
			s.make(t, w)
			clients = append(clients, prepareGoods(t, p, s))
		}
		if clients[0].kind == clients[1].kind {
			t.Errorf("both tenants' parameter is of type %d", clients[0].kind)
		}
		onlooker := login(t, p.endpoint, "initech")
		pid := onlooker.value("SELECT pg_backend_pid()")
		for turn := range turns() {
			clients[turn%2].ask(t, turn/2)
			if turn%1000 == 999 {
				if n := statementsKept(t, onlooker); n != 2 {
					t.Errorf("turn %d: the server keeps %d statements, want one of each tenant", turn, n)
				}
			}
		}
		onlooker.expect("SELECT pg_backend_pid()", pid)
		for _, sql := range []string{"INSERT INTO goods VALUES ($1)", "SELECT $1::kind"} {
			clients[0].send(parse("", sql), bind("", "", "red"), execute("", 0), syncNow)
			if _, err := result(clients[0].until('Z')); err == nil || err.code != "22P02" {
				t.Errorf("%s: another tenant's label gave %v, want 22P02", sql, err)
			}
		}
	})
}

// The server is never asked to keep more statements than per_server, whatever is prepared.
func TestStatementsBeyondTheirNumberAreGivenUp(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, shapesSetup())
		var clients []*shaped
		for _, s := range shapes {
			s.make(t, w)
			clients = append(clients, prepareGoods(t, p, s))
		}
		onlooker := login(t, p.endpoint, "initech")
		most := 0
		for turn := range 300 {
			c := clients[turn%2]
			name := "s" + strconv.Itoa(turn/2)
			c.send(parse(name, fmt.Sprintf("SELECT %d, kind::text FROM goods WHERE kind = $1", turn/2)),
				bind("", name, "ok"), execute("", 0), syncNow)
			if rows, err := result(c.until('Z')); err != nil || len(rows) != 1 || rows[0][0] != name[1:] {
				t.Fatalf("turn %d of %s: %v, %v", turn, c.tenant, rows, err)
			}
			most = max(most, statementsKept(t, onlooker))
		}
		if most != perServer {
			t.Errorf("the server kept up to %d statements, want %d", most, perServer)
		}
		for i := range 150 { // all of them are still there for those who prepared them
			for _, c := range clients {
				name := "s" + strconv.Itoa(i)
				c.send(bind("", name, "ok"), execute("", 0), syncNow)
				if rows, err := result(c.until('Z')); err != nil || len(rows) != 1 || rows[0][0] != name[1:] {
					t.Fatalf("%s of %s: %v, %v", name, c.tenant, rows, err)
				}
			}
		}
		for _, c := range clients {
			c.ask(t, 0)
		}
		if n := statementsKept(t, onlooker); n > perServer {
			t.Errorf("the server keeps %d statements, want %d at most", n, perServer)
		}
	})
}

// A table that gets another column makes a statement's result another: the server says so, once, and
// the same statement works again. Directly it would say so for ever. Others notice nothing.
func TestAStatementWhoseTableChangesFailsOnceAndItsTenantOnly(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, shapesSetup())
		for _, s := range shapes {
			s.make(t, w)
		}
		a, b, bystander := prepareGoods(t, p, shapes[0]), prepareGoods(t, p, shapes[1]), prepareGoods(t, p, shapes[0])
		onlooker := login(t, p.endpoint, "initech")
		for turn := range 30 {
			a.ask(t, turn)
			b.ask(t, turn)
			login(t, p.endpoint, "acme").run(fmt.Sprintf("ALTER TABLE goods ADD COLUMN c%d int DEFAULT %d", turn, turn))
			a.row = append(slices.Clone(a.row), strconv.Itoa(turn))
			a.shape.binary = append(slices.Clone(a.shape.binary), "\x00\x00\x00"+string(rune(turn)))
			a.send(bindForm(0, "goods", "ok"), execute("", 0), syncNow)
			if _, err := result(a.until('Z')); err == nil || err.code != "0A000" {
				t.Fatalf("turn %d: behind a change of its table a statement gave %v, want 0A000", turn, err)
			}
			b.ask(t, turn+1)
			bystander.row, bystander.shape.binary = a.row, a.shape.binary
			bystander.ask(t, turn)
			if n := statementsKept(t, onlooker); n > perServer {
				t.Errorf("turn %d: the server keeps %d statements, want %d at most", turn, n, perServer)
			}
		}
	})
}
