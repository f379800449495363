package integration

import (
	"fmt"
	"strings"
)

// copies adds a COPY in one of its ways. Whatever happens, its end is said: the client cannot know
// whether the COPY began.
func (a *author) copies() {
	switch a.IntN(8) {
	case 0:
		a.run(one(a, "COPY (SELECT i, 'line ' || i FROM generate_series(1, 150) AS i) TO STDOUT", "COPY notes TO STDOUT",
			"COPY (SELECT 1, 'x') TO STDOUT (FORMAT binary)", "COPY (SELECT 10 / (3 - i) FROM generate_series(1, 5) AS i) TO STDOUT"))
	case 1:
		a.copyTwice()
	case 2, 3, 4:
		a.copyInBatch()
	default:
		sql := a.copyIn()
		a.say(queryLine(sql))
		a.copyContents(sql != plainCopy || a.chance(1, 2))
	}
}

const plainCopy = "COPY notes FROM STDIN"

func (a *author) copyIn() string {
	return one(a, plainCopy, plainCopy, plainCopy, "COPY notes (id) FROM STDIN",
		"COPY pairs FROM STDIN", "COPY notes FROM STDIN (FORMAT csv)", "COPY nowhere FROM STDIN", "SELECT 1; COPY notes FROM STDIN; SELECT 2")
}

// copyInBatch adds a COPY in a batch, the Sync of which may come too early as well as in the end.
func (a *author) copyInBatch() {
	if a.chance(1, 4) {
		a.wholeStatement()
	}
	name := one(a, "", "", "s1")
	a.say(parseLine(name, plainCopy), bindLine(plainBind("", name)))
	a.statements[name] = sentence{sql: plainCopy}
	if a.chance(1, 4) {
		a.say(describeLine('P', ""))
	}
	a.say(executeLine("", 0))
	early := a.chance(1, 3)
	if early {
		a.say(one(a, syncLine, flushLine, syncLine))
	}
	a.copyContents(!early)
	a.say(syncLine)
	a.say(closeLine('S', name), syncLine) // nobody is to run it by accident
	delete(a.statements, name)
}

func (a *author) copyTwice() {
	a.say(queryLine("COPY notes FROM STDIN; COPY notes FROM STDIN"))
	a.copyContents(false)
	if a.chance(1, 2) {
		a.copyContents(true)
		return
	}
	a.say(failLine("not again"))
}

// copyContents adds the data of a COPY and its end. A Sync in between is eaten if the COPY works. If it
// may fail there is none: a pooler could not count the answers, and would have to keep the server.
func (a *author) copyContents(maybeBad bool) {
	for range a.IntN(4) {
		a.say(dataLine(fmt.Sprintf("%d\tline\n", a.IntN(9))))
		if !maybeBad && a.chance(1, 4) {
			a.say(one(a, flushLine, syncLine))
		}
	}
	switch a.IntN(8) {
	case 0:
		a.say(dataLine("5\tcut "), dataLine("in "), dataLine("pieces\n6"), dataLine("\tand this\n"))
	case 1:
		a.say(dataLine(strings.Repeat("7\tmany lines\n", 40*(1+a.IntN(60)))))
	case 2:
		a.say(dataLine(""))
	case 3, 4:
		if maybeBad {
			a.say(dataLine(one(a, "bad\tline\n", "1\ttoo\tmany\n", "9\tgood\nbad\n")))
			a.say(dataLine("8\tbehind\n"))
		}
	}
	if maybeBad && a.chance(1, 4) {
		a.say(failLine("changed my mind"))
		return
	}
	a.say(doneLine)
}
