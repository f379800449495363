package integration

import (
	"fmt"
	"strings"
)

var attacksByTransactions = []attack{
	{name: "a transaction that is left open is rolled back",
		does:  []step{says("BEGIN", lost), leaves},
		after: []step{sees("SELECT count(*) FROM notes", "0")}},
	{name: "a failed transaction is rolled back",
		does:  []step{says("BEGIN", lost), fails("22012", "SELECT 1/0"), vanishes},
		after: []step{sees("SELECT count(*) FROM notes", "0")}},
	{name: "a transaction in a transaction warns nobody else",
		does: []step{says("BEGIN", "BEGIN", "COMMIT", "COMMIT", "ROLLBACK")}},
	{name: "a read-only, serializable and deferrable transaction that is left open",
		does:  []step{says("BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE", "SELECT name FROM whoami"), breaks},
		finds: []step{sees("SHOW transaction_isolation", "read committed"), says("INSERT INTO notes VALUES (1)")}},
	{name: "a subtransaction that is left open",
		does:  []step{says("BEGIN", "SAVEPOINT a", lost, "SAVEPOINT b"), fails("22012", "SELECT 1/0"), leaves},
		after: []step{sees("SELECT count(*) FROM notes", "0")}},
	{name: "a transaction that fails when it commits",
		does: []step{says("CREATE TABLE unique_ (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)", "BEGIN",
			"INSERT INTO unique_ VALUES (1), (1)"), fails("23505", "COMMIT"), says("DROP TABLE unique_")}},
	{name: "a snapshot that is handed out is void when its transaction ends",
		does: []step{says("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT pg_export_snapshot()"), vanishes},
		finds: []step{says("BEGIN ISOLATION LEVEL REPEATABLE READ"), fails("22023", "SET TRANSACTION SNAPSHOT 'nonsense'"),
			says("ROLLBACK")}},
	{name: "a transaction that is prepared and never committed holds its own locks only",
		does:  []step{says("BEGIN", "INSERT INTO notes VALUES (1)", "PREPARE TRANSACTION 'acme'"), leaves},
		finds: []step{says("INSERT INTO notes VALUES (1)")},
		after: []step{says("ROLLBACK PREPARED 'acme'"), sees("SELECT count(*) FROM notes", "0")}},
}

// attacksByDying are those of a client that dies at every point, in order and by a reset.
func attacksByDying() []attack {
	var all []attack
	for _, d := range deathsAtWork {
		for _, hard := range []bool{false, true} {
			all = append(all, attack{
				name: fmt.Sprintf("a client dies %s, by a reset %v", d.point, hard),
				does: []step{func(s *side) {
					d.live(s.rawClient)
					s.gone = true
					s.vanish(hard)
				}},
				after:  []step{sees("SELECT count(*) FROM notes", "0")},
				server: either,
			})
		}
	}
	return all
}

// attacksByLeftovers leave everything twice: in plain sight, and by a trigger.
func attacksByLeftovers() []attack {
	var all []attack
	for _, l := range leftovers {
		if strings.HasPrefix(l.leave, "PREPARE") {
			continue // adversary_preparing_test.go
		}
		all = append(all,
			attack{name: l.what + " is left in plain sight", does: []step{tries(l.leave), leaves}, server: either},
			attack{name: l.what + " is left by a trigger", does: []step{tries("INSERT INTO trap VALUES ($hidden$" + l.leave + "$hidden$)")}})
	}
	return all
}
