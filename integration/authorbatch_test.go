package integration

import (
	"encoding/binary"
	"strings"

	"github.com/jackc/pgproto3/v2"
)

func plainBind(portal, statement string) *pgproto3.Bind {
	return &pgproto3.Bind{DestinationPortal: portal, PreparedStatement: statement}
}

// batch adds what steps say and the Sync, or Syncs, behind it.
func (a *author) batch(steps func()) {
	steps()
	for range one(a, 1, 1, 1, 1, 1, 2, 3) {
		a.say(syncLine)
	}
	if !a.inside {
		clear(a.portals)
	}
}

// pipeline adds several batches with nothing read in between.
func (a *author) pipeline() {
	from := len(a.lines)
	for range 2 + a.IntN(5) {
		a.batch(one(a, a.someSteps, a.wholeStatement, a.wholeStatement))
		if a.chance(1, 6) {
			a.say(queryLine(a.spelled()))
		}
	}
	for i := range a.lines[from:] {
		a.lines[from+i].pause = false
	}
}

// someSteps adds statements from Parse to Execute, with this and that in between.
func (a *author) someSteps() {
	for range 1 + a.IntN(3) {
		a.wholeStatement()
		if a.chance(1, 4) {
			a.anyStep()
		}
	}
}

// anySteps adds messages without a plan.
func (a *author) anySteps() {
	for range 1 + a.IntN(9) {
		a.anyStep()
	}
}

func (a *author) wholeStatement() {
	name, portal := a.name(), a.portal()
	if _, ok := a.statements[name]; !ok || name == "" || a.chance(1, 10) {
		a.parse(name)
	}
	if a.chance(1, 4) {
		a.describe(name)
	}
	a.bind(portal, name)
	if a.chance(1, 2) {
		a.say(describeLine('P', portal))
	}
	a.say(executeLine(portal, a.rows()))
	if a.chance(1, 5) {
		a.say(flushLine)
	}
}

func (a *author) anyStep() {
	switch a.IntN(12) {
	case 0, 1:
		a.parse(a.name())
	case 2, 3, 4:
		a.bind(a.portal(), a.name())
	case 5:
		a.describe(a.name())
	case 6:
		a.say(describeLine('P', a.living()))
	case 7, 8:
		a.say(executeLine(a.living(), a.rows()))
	case 9:
		a.closeSomething()
	case 10:
		a.say(flushLine)
	default:
		a.say(one(a, dataLine("stray"), doneLine, failLine("stray"), describeLine('X', "odd"), closeLine('X', "odd"), syncLine))
	}
}

// partialFetch adds a portal that is read bit by bit.
func (a *author) partialFetch() {
	portal := a.portal()
	a.say(parseLine("", one(a, "SELECT generate_series(1, 7)", "SELECT i, 10 / (5 - i) FROM generate_series(1, 9) AS i",
		"INSERT INTO notes SELECT generate_series(1, 4) RETURNING id")), bindLine(plainBind(portal, "")))
	for range 2 + a.IntN(4) {
		a.say(executeLine(portal, a.rows()))
		if a.chance(1, 3) {
			a.say(flushLine)
			a.pause()
		}
	}
}

// describe adds a Describe of a statement; of a named one not where a transaction may have failed: a
// server that does not have it yet cannot be given it then, and says 25P02.
func (a *author) describe(name string) {
	if a.entered {
		name = ""
	}
	a.need(name)
	a.say(describeLine('S', name))
}

func (a *author) closeSomething() {
	if a.chance(1, 3) {
		a.say(closeLine('P', a.portal()))
		return
	}
	name := a.name()
	delete(a.statements, name)
	a.say(closeLine('S', name))
}

// name is the name of a statement: most often one that is there.
func (a *author) name() string {
	if len(a.statements) > 0 && a.chance(1, 2) {
		for _, name := range []string{"s2", "", "s1"} {
			if _, ok := a.statements[name]; ok {
				return name
			}
		}
	}
	return one(a, "", "", "", "s1", "s1", "s2", "s3")
}

func (a *author) portal() string { return one(a, "", "", "", "p1", "p2") }

// living is a portal that Postgres survives the use of.
func (a *author) living() string {
	if portal := a.portal(); portal != "" || a.bound || !a.corpse {
		return portal
	}
	return "p1"
}

func (a *author) rows() uint32 { return one[uint32](a, 0, 0, 0, 0, 1, 2, 5) }

const (
	int4OID = 23
	textOID = 25
	dateOID = 1082
)

// parse adds a Parse, whose types are given, left open, or wrong.
func (a *author) parse(name string) {
	t := a.statement()
	var types []uint32
	for i, sort := range t.params {
		if a.chance(1, 2) || i != len(types) {
			break
		}
		types = append(types, map[rune]uint32{'i': int4OID, 't': textOID, 'd': dateOID}[sort])
	}
	if a.chance(1, 40) {
		types = append(types, one[uint32](a, 16, 99999999, textOID))
	}
	a.statements[name] = t
	a.say(parseLine(name, t.sql, types...))
}

// bind adds a Bind of the parameters that a statement should have, seldom of others.
func (a *author) bind(portal, name string) {
	a.need(name)
	b := plainBind(portal, name)
	sorts := a.statements[name].params
	if a.chance(1, 25) {
		sorts = one(a, sorts+"i", strings.TrimSuffix(sorts, "i"), "it")
	}
	for _, sort := range sorts {
		value, format := a.value(sort)
		b.Parameters = append(b.Parameters, value)
		b.ParameterFormatCodes = append(b.ParameterFormatCodes, format)
	}
	switch a.IntN(20) {
	case 0:
		b.ParameterFormatCodes = append(b.ParameterFormatCodes, 1)
	case 1:
		b.ParameterFormatCodes = []int16{one[int16](a, 0, 1, 2)}
	}
	switch a.IntN(10) {
	case 0:
		b.ResultFormatCodes = []int16{1}
	case 1:
		b.ResultFormatCodes = one(a, []int16{0}, []int16{0, 1}, []int16{1, 1, 1}, []int16{7})
	}
	a.portals[portal] = true
	a.say(bindLine(b))
}

// value is a parameter with its format.
func (a *author) value(sort rune) (value []byte, format int16) {
	if a.chance(1, 12) {
		return nil, 0
	}
	switch sort {
	case 'i':
		if a.chance(1, 4) {
			return binary.BigEndian.AppendUint32(nil, uint32(a.IntN(9))), 1
		}
		return []byte(one(a, "0", "1", "2", "3", "5", "7", "x", "2147483648", "")), 0
	case 'd':
		return []byte(one(a, "2026-01-02", "01/02/2026", "never")), 0
	}
	return []byte(one(a, "a", "", "text", "it's", strings.Repeat("long ", 40))), int16(a.IntN(2))
}

// blindly adds a last scene after which nobody can say how many answers are owed, or, on Postgres
// 18.4, what works at all (see mixedConversations): a Query or a FunctionCall inside a batch, a Sync
// in the midst of a COPY whose data are bad.
func (a *author) blindly() {
	from := len(a.lines)
	inside := []func(){func() { a.say(queryLine(a.spelled())) }, func() { a.say(callLine(177, "1", "2")) }}
	switch n := a.IntN(4); {
	case n < 2 && a.transactions: // the server calls it one
		a.someSteps()
		inside[n]()
		a.say(syncLine)
	case n == 2:
		a.say(queryLine(plainCopy), dataLine("1\tone\n"), syncLine, dataLine("bad\n"), syncLine, dataLine("2\ttwo\n"), doneLine, syncLine)
	default:
		a.say(parseLine("", plainCopy), bindLine(plainBind("", "")), executeLine("", 0), one(a, syncLine, flushLine),
			dataLine("1\tone\n"), syncLine, dataLine(one(a, "bad\n", "3\tthree\n")), syncLine, dataLine("2\ttwo\n"), doneLine, syncLine)
	}
	for i := range a.lines[from:] {
		a.lines[from+i].pause = false
	}
	if from > 0 {
		a.lines[from-1].pause = true
	}
}
