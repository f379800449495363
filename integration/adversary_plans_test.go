package integration

var attacksByPlans = []attack{
	{name: "a function of a shared schema reads its caller's rows, also where its plan is kept",
		does:  []step{sees("SELECT shared.first()", "acme"), sees("SELECT shared.first()", "acme")},
		finds: []step{sees("SELECT shared.first()", "globex")},
		after: []step{sees("SELECT shared.first()", "acme")}},
	{name: "a PL/pgSQL function of a shared schema reads its caller's rows",
		does: []step{outside(counting), sees("SELECT shared.looked_up()", "acme"),
			sees("SELECT shared.looked_up()", "acme")},
		finds: []step{sees("SELECT shared.looked_up()", "globex")},
		after: []step{sees("SELECT shared.looked_up()", "acme")}},
	{name: "a table that changes its shape under a prepared statement fails that statement only",
		does: []step{sends(parse("w", "SELECT * FROM notes"), bind("", "w"), execute("", 0), syncNow), hears("12CZ"),
			outside("ALTER TABLE acme.notes ADD extra int"),
			sends(bind("", "w"), execute("", 0), syncNow), hears("EZ"),
			sends(closeStatement("w"), parse("w", "SELECT * FROM notes"), bind("", "w"), execute("", 0), syncNow),
			hears("312CZ")},
		finds: []step{sends(parse("w", "SELECT * FROM notes"), bind("", "w"), execute("", 0), syncNow), hears("12CZ")},
		after: []step{outside("ALTER TABLE acme.notes DROP extra")}},
	{name: "a table that is made anew under a prepared statement is the tenant's own",
		does: []step{sends(parse("w", "SELECT name FROM whoami"), bind("", "w"), execute("", 0), syncNow),
			hearsRow("12DCZ", "acme"),
			says("BEGIN", "ALTER TABLE whoami RENAME TO old", "CREATE TABLE whoami AS TABLE old", "DROP TABLE old",
				"COMMIT")},
		after: []step{sends(bind("", "w"), execute("", 0), syncNow), hearsRow("2DCZ", "acme")}},
	{name: "row security of a plan that is kept is that of the next one",
		does: []step{sends(parse("l", "SELECT tenant FROM shared.ledger"), bind("", "l"), execute("", 0), syncNow),
			hearsRow("12DCZ", "acme")},
		finds: []step{sends(parse("l", "SELECT tenant FROM shared.ledger"), bind("", "l"), execute("", 0), syncNow),
			hearsRow("12DCZ", "globex")},
		after: []step{sends(bind("", "l"), execute("", 0), syncNow), hearsRow("2DCZ", "acme")}},
	{name: "PL/pgSQL keeps the row type of the first caller on a connection: shapes, never rows",
		only:  []level{atShared, atRole},
		does:  []step{outside(frozen), sees("SELECT shared.frozen()", "(7)")},
		finds: []step{fails("22P02", "SELECT shared.frozen()")}},
}

const (
	counting = `CREATE OR REPLACE FUNCTION shared.looked_up() RETURNS text LANGUAGE plpgsql AS
		$$ DECLARE n text; BEGIN SELECT name INTO n FROM whoami; RETURN n; END $$`
	frozen = `SET check_function_bodies = off; CREATE OR REPLACE FUNCTION shared.frozen() RETURNS text LANGUAGE plpgsql AS
		$$ DECLARE r shape%ROWTYPE; BEGIN SELECT * INTO r FROM shape; RETURN r; END $$`
)
