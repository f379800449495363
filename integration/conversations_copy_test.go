package integration

import (
	"fmt"
	"strings"
)

const (
	copyIn  = "COPY notes FROM STDIN"
	copyOut = "COPY (SELECT i, 'line ' || i FROM generate_series(1, 200) AS i) TO STDOUT"
	counted = "SELECT count(*), sum(id) FROM notes"
)

var copyConversations = []conversation{
	talk("copy in", say("G", query(copyIn)), say("Z", copyData("1\tone\n"), copyData("2\ttwo\n"), copyDone), say("Z", query(counted))),
	talk("copy in of nothing", say("G", query(copyIn)), say("Z", copyDone)),
	talk("copy in of lines cut anywhere",
		say("G", query(copyIn)), say("", copyData("1\to")), say("", copyData("ne\n2"), copyData("\ttwo")), say("Z", copyData("\n"), copyDone),
		say("Z", query(counted))),
	talk("copy in of much", say("G", query(copyIn)), say("Z", manyLines(20, 500), copyDone), say("Z", query(counted))),
	talk("copy in in one write", say("Z", query(copyIn), copyData("1\tone\n"), copyDone), say("Z", query(counted))),
	talk("copy in and a query in one write", say("ZZ", query(copyIn), copyData("1\tone\n"), copyDone, query(counted))),
	talk("copy in that the client fails", say("G", query(copyIn)), say("Z", copyData("1\tone\n"), copyFail("changed my mind")), say("Z", query(counted))),
	talk("copy in of a bad line", say("G", query(copyIn)), say("Z", copyData("x\tone\n"), copyData("2\ttwo\n"), copyDone), say("Z", query(counted))),
	talk("copy in of a bad line, and a client that goes on",
		say("G", query(copyIn)), say("E", copyData("x\tone\n"+strings.Repeat("3\tthree\n", 9000))), say("", manyLines(3, 100), copyDone),
		say("ZZ", query(counted))),
	talk("copy in into no table", say("Z", query("COPY nowhere FROM STDIN")), say("", copyData("1\n"), copyDone), say("Z", query("SELECT 1"))),
	talk("copy in into no table, all in one write",
		say("ZZ", query("COPY nowhere FROM STDIN"), copyData("1\n"), copyDone, query("SELECT 1"))),
	talk("copy in with flush and sync in between",
		say("G", query(copyIn)), say("Z", flush, copyData("1\tone\n"), syncNow, flush, copyDone), say("Z", query(counted))),
	talk("copy in within a transaction",
		say("Z", query("BEGIN")), say("G", query(copyIn)), say("Z", copyData("1\tone\n"), copyDone), say("Z", query("ROLLBACK")), say("Z", query(counted))),
	talk("copy in that fails a transaction",
		say("Z", query("BEGIN")), say("G", query(copyIn)), say("Z", copyFail("no")), say("Z", query("SELECT 1")), say("Z", query("ROLLBACK"))),
	talk("two copies in one query",
		say("G", query("SELECT 1; "+copyIn+"; "+copyIn+"; SELECT 2")), say("G", copyData("1\tone\n"), copyDone),
		say("Z", copyData("2\ttwo\n"), copyDone), say("Z", query(counted))),
	talk("two copies in one query, the first fails",
		say("G", query(copyIn+"; "+copyIn)), say("Z", copyFail("no")), say("Z", query(counted))),
	talk("copy out", say("Z", query(copyOut))),
	talk("copy out of nothing", say("Z", query("COPY (SELECT 1 WHERE false) TO STDOUT"))),
	talk("copy out in binary", say("Z", query("COPY (SELECT 1, 'x') TO STDOUT (FORMAT binary)"))),
	talk("copy out that fails", say("Z", query("COPY (SELECT 10 / (3 - i) FROM generate_series(1, 5) AS i) TO STDOUT")), say("Z", query("SELECT 1"))),
	talk("copy out and in and out in one query",
		say("G", query(copyOut+"; "+copyIn+"; COPY notes TO STDOUT")), say("Z", copyData("1\tone\n"), copyDone)),
	talk("copy out and queries in one write", say("ZZZ", query("SELECT 1"), query(copyOut), query("SELECT 2"))),
	talk("stray copy messages", say("", copyData("x"), copyDone, copyFail("y")), say("Z", query("SELECT name FROM whoami"))),
	talk("stray copy messages between queries", say("ZZ", query("SELECT 1"), copyDone, copyData("x"), query("SELECT 2"))),
	desert("a copy in left open", say("G", query(copyIn)), say("", copyData("1\tone\n"))),
}

var copyBatchConversations = []conversation{
	talk("copy in in a batch",
		say("G", parse("", copyIn), bind("", ""), execute("", 0), flush), say("Z", copyData("1\tone\n"), copyDone, syncNow), say("Z", query(counted))),
	talk("copy in in a batch whose sync comes too early",
		say("G", parse("", copyIn), bind("", ""), execute("", 0), syncNow), say("Z", copyData("1\tone\n"), copyDone, syncNow), say("Z", query(counted))),
	talk("copy in in a batch, all in one write",
		say("Z", parse("", copyIn), bind("", ""), execute("", 0), copyData("1\tone\n"), copyDone, syncNow), say("Z", query(counted))),
	talk("copy in in a batch that the client fails",
		say("G", parse("", copyIn), bind("", ""), execute("", 0), flush), say("Z", copyData("1\tone\n"), copyFail("no"), syncNow), say("Z", query(counted))),
	talk("copy in in a batch of a bad line",
		say("G", parse("", copyIn), bind("", ""), execute("", 0), flush), say("E", copyData("x\n"), copyDone), say("Z", syncNow), say("Z", query(counted))),
	talk("copy in in a batch of a bad line after an early sync",
		say("G", parse("", copyIn), bind("", ""), execute("", 0), syncNow), say("Z", copyData("x\n"), copyDone, syncNow), say("Z", query(counted))),
	talk("copy in in a batch into no table, with an early sync",
		say("ZZ", parse("", "COPY nowhere FROM STDIN"), bind("", ""), execute("", 0), syncNow, copyData("1\n"), copyDone, syncNow),
		say("Z", query("SELECT 1"))),
	talk("copy in in a batch behind a statement",
		say("G", parse("", "INSERT INTO notes VALUES (10)"), bind("", ""), execute("", 0), parse("", copyIn), bind("", ""), execute("", 0), flush),
		say("Z", copyData("1\tone\n"), copyDone, syncNow), say("Z", query(counted))),
	talk("copy in by a named statement, twice",
		say("G", parse("c", copyIn), bind("", "c"), execute("", 0), flush), say("Z", copyData("1\tone\n"), copyDone, syncNow),
		say("G", bind("", "c"), execute("", 0), flush), say("Z", copyData("2\ttwo\n"), copyDone, syncNow), say("Z", query(counted))),
	talk("copy out in a batch", say("Z", once(copyOut))),
	talk("copy out in a batch that fails",
		say("Z", once("COPY (SELECT 10 / (3 - i) FROM generate_series(1, 5) AS i) TO STDOUT")), say("Z", once("SELECT 1"))),
	talk("copy out in a pipeline", say("ZZZ", once("SELECT 1"), once(copyOut), once("SELECT 2"))),
	talk("stray copy messages in a batch",
		say("Z", parse("", "SELECT name FROM whoami"), copyData("x"), bind("", ""), copyDone, execute("", 0), copyFail("y"), syncNow)),
	talk("stray copy messages while a batch is skipped",
		say("Z", parse("", "SELECT nothing"), copyData("x"), bind("", ""), copyDone, syncNow), say("Z", query("SELECT 1"))),
}

// manyLines are n CopyData messages of so many lines each.
func manyLines(n, each int) []byte {
	var all []byte
	for range n {
		var lines strings.Builder
		for i := range each {
			fmt.Fprintf(&lines, "%d\tline %d\n", i, i)
		}
		all = append(all, copyData(lines.String())...)
	}
	return all
}
