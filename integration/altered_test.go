package integration

import (
	"context"
	"testing"
)

// alters begins a conversation with a table, a statement under a name, and a change of the table.
func alters(change string) []turn {
	return []turn{
		say("Z", query("CREATE TABLE fluid (id int, f1 int, f2 int); INSERT INTO fluid VALUES (1, 2, 3)")),
		say("Z", parse("old", fluid), describeStatement("old"), syncNow),
		say("Z", runs("old")),
		say("Z", parse("into", fill), describeStatement("into"), syncNow),
		say("Z", query(change)),
	}
}

const (
	fluid = "TABLE fluid UNION ALL TABLE fluid" // which table it is, by number, is then not described
	fill  = "INSERT INTO fluid (id, f1) VALUES ($1, $2)"
)

// again prepares the same texts under other names and runs them.
var again = []turn{
	say("Z", parse("new", fluid), describeStatement("new"), syncNow),
	say("Z", runs("new")),
	say("Z", parse("fill", fill), describeStatement("fill"), syncNow),
	say("Z", bind("", "fill", "7", "1"), execute("", 0), syncNow),
	say("Z", runs("new")),
}

var melt = say("Z", query("DROP TABLE fluid"))

func altered(name, change string, more ...[]turn) conversation {
	steps := alters(change)
	for _, m := range more {
		steps = append(steps, m...)
	}
	return talk(name, append(steps, melt)...)
}

// In alteredConversations a client prepares a text once more behind its own change of what the text
// means. What it prepared before stays what it was.
var alteredConversations = []conversation{
	altered("a column less", "ALTER TABLE fluid DROP COLUMN f2", again),
	altered("a column less, and the old statement", "ALTER TABLE fluid DROP COLUMN f2", []turn{say("Z", runs("old"))}, again),
	altered("a column more", "ALTER TABLE fluid ADD COLUMN f3 text DEFAULT 'x'", again, []turn{say("Z", runs("old"))}),
	altered("another type", "ALTER TABLE fluid ALTER COLUMN f1 TYPE boolean USING f1::boolean", again),
	altered("another table", "DROP TABLE fluid; CREATE TABLE fluid (id text, f1 date)", []turn{
		say("Z", parse("new", fluid), describeStatement("new"), syncNow), say("Z", runs("new")), say("Z", runs("old"))}),
	altered("the same shape", "ALTER TABLE fluid ALTER COLUMN f2 SET DEFAULT 9", []turn{say("Z", runs("old"))}, again),
	altered("in a transaction", "BEGIN; ALTER TABLE fluid DROP COLUMN f2", again, []turn{say("Z", query("COMMIT"))}, again[1:2]),
	altered("in a transaction that is rolled back", "BEGIN; ALTER TABLE fluid DROP COLUMN f2", again, []turn{
		say("Z", query("ROLLBACK")), say("Z", closeStatement("new"), closeStatement("fill"), syncNow)}, again),
	altered("in a transaction that fails", "BEGIN; ALTER TABLE fluid DROP COLUMN f2", []turn{
		say("Z", runs("old")), say("Z", query("ROLLBACK"))}, again, []turn{say("Z", runs("old"))}),
	altered("behind a savepoint", "BEGIN; SAVEPOINT a; ALTER TABLE fluid DROP COLUMN f2", again, []turn{
		say("Z", query("ROLLBACK TO a")), say("Z", closeStatement("new"), closeStatement("fill"), syncNow)}, again, []turn{say("Z", query("COMMIT"))}),
	altered("in a batch", "SELECT 1", []turn{
		say("Z", parse("", "ALTER TABLE fluid DROP COLUMN f2"), bind("", ""), execute("", 0), parse("new", fluid), describeStatement("new"),
			bind("", "new"), execute("", 0), syncNow)}),
	altered("in one write", "SELECT 1", []turn{
		say("ZZ", query("ALTER TABLE fluid DROP COLUMN f2"), parse("new", fluid), describeStatement("new"), bind("", "new"), execute("", 0), syncNow)}),
	altered("a view", "CREATE VIEW seen AS SELECT f1 FROM fluid", []turn{
		say("Z", parse("v", "TABLE seen UNION ALL TABLE seen"), describeStatement("v"), syncNow),
		say("Z", query("CREATE OR REPLACE VIEW seen AS SELECT f1, f2 FROM fluid")),
		say("Z", parse("w", "TABLE seen UNION ALL TABLE seen"), describeStatement("w"), syncNow), say("Z", runs("w")), say("Z", query("DROP VIEW seen"))}),
}

func TestAParseBehindAChangeOfItsTableIsAnalysedAnew(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		r := &referee{super: w.superuser(t), world: w}
		defer r.super.Close(context.Background())
		firstValue(t, r.super, "SET lock_timeout = '5s'")
		server := endpoint{host: w.server.Host, port: w.server.Port, database: w.database}
		want := make([]string, len(alteredConversations))
		for i, c := range alteredConversations {
			want[i] = r.hold(t, c, server, manner{})
		}
		p := startPooler(t, w, setup{size: 4, trust: true})
		for _, bytewise := range []bool{false, true} {
			r.compare(t, alteredConversations, want, p.endpoint, bytewise)
		}
	})
}
