package integration

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// dialect is what may be said where a script is held.
type dialect struct {
	transactions bool // statement mode knows none
	pins         bool // what keeps a session on its server may be asked for
}

// author writes scripts, the same one for the same seed. It keeps in mind what it has said only to
// say things that make sense more often than not: nothing depends on its being right.
//
// It avoids what docs/isolation.md lists as different, and what no two runs have in common: numbers
// of objects and of processes, the time, plans.
type author struct {
	*rand.Rand
	dialect
	script
	scene      int
	inside     bool                // a transaction
	statements map[string]sentence // by name, if all has gone well
	portals    map[string]bool
	tables     int // made in this script

	steps   int  // said of the present batch
	unsure  bool // what the unnamed statement is depends on an error before
	settled bool // but not in this batch: it has been parsed in it
	entered bool // a transaction has been begun
	corpse  bool // the unnamed portal may be that of a Query that failed
	bound   bool // but not in this batch: it has been bound in it
}

// write writes the script of a seed. fresh says that its client has just logged in.
func write(seed uint64, d dialect, fresh bool) script {
	a := &author{Rand: rand.New(rand.NewPCG(seed, 1)), dialect: d, script: script{seed: seed},
		statements: map[string]sentence{}, portals: map[string]bool{}}
	a.open(fresh)
	for range 1 + a.IntN(3) {
		a.play()
	}
	a.finish()
	return a.script
}

// open begins every script on the same terms: empty tables, no settings, no statements.
func (a *author) open(fresh bool) {
	if !fresh {
		a.say(queryLine("DISCARD ALL"))
		a.pause()
	}
	a.say(queryLine("DELETE FROM notes"), queryLine("DELETE FROM pairs"))
	a.pause()
}

// finish ends what may be open, looks at what is left, and decides how the client goes.
func (a *author) finish() {
	a.scene++
	switch n := a.IntN(100); {
	case n < 2:
		a.ending = deserts
		return
	case n < 4:
		a.blindly()
		a.blind, a.ending = true, a.leave()
		return
	case n < 10:
		a.ending = a.leave()
		a.say(syncLine)
		return
	}
	a.say(syncLine)
	if a.transactions {
		a.say(queryLine("ROLLBACK"))
	}
	a.say(queryLine("SELECT count(*), sum(id), max(text) FROM notes"), queryLine("TABLE pairs ORDER BY id"))
	a.pause()
}

func (a *author) leave() ending {
	if a.chance(1, 3) {
		return halfCloses
	}
	return terminates
}

// chance says yes n times in of.
func (a *author) chance(n, of int) bool { return a.IntN(of) < n }

func one[T any](a *author, of ...T) T { return of[a.IntN(len(of))] }

// say adds lines; now and then the client pauses between them.
func (a *author) say(lines ...line) {
	for _, l := range lines {
		l.scene, l.pause = a.scene, a.chance(1, 8)
		a.lines = append(a.lines, l)
		a.follow(l)
	}
}

// follow keeps two things in mind. A Parse or Close of the unnamed statement that an error skipped
// leaves the statement before it, which a pooler has let go. And a Query that fails in a transaction
// leaves its unnamed portal: Postgres reads freed memory when that is run or described, which is the
// end of all connections (seen on 18.4).
func (a *author) follow(l line) {
	switch kind := l.kind(); {
	case strings.IndexByte(boundaries, kind) >= 0:
		a.steps, a.settled, a.bound = 0, false, false
		a.corpse = a.corpse || a.entered && kind == 'Q'
		return
	case kind == 'B' && l.bytes[5] == 0:
		a.bound = true
	case kind == 'P' && l.bytes[5] == 0:
		a.unsure, a.settled = a.steps > 0, true
	case kind == 'C' && l.bytes[5] == 'S' && l.bytes[6] == 0:
		a.unsure = a.steps > 0
	}
	a.steps++
}

// need parses the unnamed statement if nobody can be sure that it is there.
func (a *author) need(name string) {
	if name == "" && a.unsure && !a.settled {
		a.parse("")
	}
}

func (a *author) pause() { a.lines[len(a.lines)-1].pause = true }

// play adds a scene of any sort.
func (a *author) play() {
	a.scene++
	if a.transactions && a.chance(1, 3) {
		a.transaction()
		return
	}
	a.act()
}

// act adds what may be said inside a transaction and outside.
func (a *author) act() {
	switch n := a.IntN(100); {
	case n < 20:
		a.simple()
	case n < 35:
		a.batch(a.someSteps)
	case n < 60:
		a.batch(a.anySteps)
	case n < 66:
		a.batch(a.partialFetch)
	case n < 72:
		a.pipeline()
	case n < 82:
		a.copies()
	case n < 92:
		a.settings()
	case n < 95:
		a.scratch()
	default:
		a.say(callLine(one[uint32](a, 177, 177, 141, 99999999), one(a, "2", "3", "x"), one(a, "5", "2147483647")))
	}
	if a.chance(3, 4) {
		a.pause()
	}
}

// transaction opens a transaction, by one protocol or the other, and ends it or does not.
func (a *author) transaction() {
	a.run(one(a, "BEGIN", "BEGIN", "START TRANSACTION", "BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN READ ONLY"))
	a.inside, a.entered = true, true
	for range a.IntN(5) {
		switch a.IntN(5) {
		case 0:
			a.run(one(a, "SAVEPOINT a", "ROLLBACK TO a", "RELEASE a", "SAVEPOINT b", "ROLLBACK TO b"))
		case 1:
			a.cursor()
		default:
			a.act()
		}
	}
	a.inside = false
	clear(a.portals)
	a.run(one(a, "COMMIT", "COMMIT", "COMMIT", "ROLLBACK", "END", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "SELECT 1"))
}

// run runs a text by the simple protocol or in a batch of its own.
func (a *author) run(sql string) {
	if a.chance(2, 3) {
		a.say(queryLine(sql))
		return
	}
	a.say(parseLine("", sql), bindLine(plainBind("", "")))
	if a.chance(1, 2) {
		a.say(describeLine('P', ""))
	}
	a.say(executeLine("", 0), syncLine)
}

func (a *author) cursor() {
	switch a.IntN(4) {
	case 0:
		a.run("DECLARE c CURSOR FOR SELECT i, 'row ' || i FROM generate_series(1, 30) AS i")
	case 1:
		a.run(one(a, "FETCH c", "FETCH 7 FROM c", "FETCH ALL FROM c", "MOVE 3 FROM c", "FETCH BACKWARD 2 FROM c"))
	case 2:
		a.run("CLOSE c")
	default:
		a.say(describeLine('P', "c"), executeLine("c", uint32(a.IntN(5))), syncLine)
	}
}

// scratch makes a table of the script's own, changes it, and drops it again.
func (a *author) scratch() {
	a.tables++
	table := fmt.Sprintf("t%d_%d", a.seed, a.tables)
	a.run(fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, v text DEFAULT 'none')", table))
	for range a.IntN(4) {
		a.run(fmt.Sprintf(one(a, "INSERT INTO %s VALUES (1, 'one'), (2, 'two')", "ALTER TABLE %s ADD COLUMN w int", "SELECT * FROM %s ORDER BY id",
			"CREATE INDEX ON %s (v)", "TRUNCATE %s", "COMMENT ON TABLE %s IS 'scratch'", "INSERT INTO %s (id) VALUES (3) RETURNING *"), table))
	}
	a.run("DROP TABLE " + table)
}
