package integration

var attacksByTemp = []attack{
	{name: "a temporary table in the place of the tenant's own, in plain sight",
		does: []step{says("CREATE TEMP TABLE whoami AS SELECT 'stolen' AS name"), leaves}},
	{name: "a temporary table made by a function",
		does:  []step{hides("CREATE TEMP TABLE whoami AS SELECT 'stolen'::text AS name")},
		finds: []step{sees("SELECT name FROM whoami", "globex")},
		after: []step{sees("SELECT name FROM whoami", "acme")}},
	{name: "a temporary table made by a trigger that would catch what the next one writes",
		does: []step{traps("CREATE TEMP TABLE notes (id int, text text)")},
		finds: []step{says("INSERT INTO notes VALUES (5, 'mine')"),
			sees("SELECT count(*) FROM globex.notes WHERE id = 5", "1"), says("DELETE FROM notes")}},
	{name: "a temporary table in other words",
		does: []step{says("CREATE TABLE pg_temp.whoami AS SELECT 'stolen' AS name"), leaves}},
	{name: "a temporary table by SELECT INTO",
		does: []step{says("SELECT 'stolen' AS name INTO TEMPORARY whoami"), leaves}},
	{name: "temporary things of every kind, of a login that is gone", only: []level{atDedicated},
		does: []step{hides("CREATE TEMP VIEW whoami AS SELECT 'stolen'::text AS name",
			"CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'")},
		finds: []step{fails("3F000", "SELECT pg_temp.f()"), leaves}},
	{name: "a temporary view, sequence, type, domain and function", only: []level{atShared, atRole},
		does: []step{hides("CREATE TEMP VIEW whoami AS SELECT 'stolen'::text AS name", "CREATE TEMP SEQUENCE s",
			"CREATE TYPE pg_temp.mood AS ENUM ('bad')", "CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (false)",
			"CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'")},
		finds: []step{fails("42883", "SELECT pg_temp.f()"), leaves}},
	{name: "a temporary table in a transaction that is left open",
		does:   []step{says("BEGIN", "CREATE TEMP TABLE whoami ON COMMIT DELETE ROWS AS SELECT 'stolen' AS name"), vanishes},
		server: either},
	{name: "a temporary table with a trigger and things that depend on it",
		does: []step{hides("CREATE TEMP TABLE whoami (name text PRIMARY KEY); CREATE TEMP VIEW v AS SELECT * FROM whoami",
			"CREATE TRIGGER spring BEFORE DELETE ON whoami FOR EACH ROW EXECUTE FUNCTION shared.spring()")}},
	{name: "more temporary tables than the server could lock at once",
		does:   []step{says(makesHundreds)},
		server: replaced,
		after:  []step{outside(dropOrphans)}},
	{name: "a large object is everybody's who may log in as its owner, at level shared",
		only:  []level{atShared},
		does:  []step{says("SELECT lo_from_bytea(4711, 'of acme')")},
		finds: []step{sees("SELECT convert_from(lo_get(4711), 'UTF8')", "of acme")},
		after: []step{says("SELECT lo_unlink(4711)")}},
	{name: "a large object is its tenant's",
		only:  []level{atRole, atDedicated},
		does:  []step{says("SELECT lo_from_bytea(4711, 'of acme')")},
		finds: []step{fails("42501", "SELECT lo_get(4711)", "SELECT lo_unlink(4711)")},
		after: []step{sees("SELECT convert_from(lo_get(4711), 'UTF8')", "of acme"), says("SELECT lo_unlink(4711)")}},
	{name: "the descriptor of a large object does not outlive its transaction",
		does:  []step{says("BEGIN", "SELECT lo_create(4712)", "SELECT lo_open(4712, 131072 + 262144)", "COMMIT")},
		finds: []step{fails("42704", "SELECT loread(0, 10)")},
		after: []step{says("SELECT lo_unlink(4712)")}},
}

// makesHundreds makes temporary tables, a hundred to a transaction. No word of it tells.
const makesHundreds = `DO $$ BEGIN FOR i IN 1..600 LOOP EXECUTE format('CREATE ' || 'TEMP TABLE t%s ()', i);
	IF i % 100 = 0 THEN COMMIT; END IF; END LOOP; END $$`

// dropOrphans drops the temporary tables of connections that have ended and could not drop them.
const dropOrphans = `DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT oid FROM pg_class WHERE relpersistence = 't' AND relkind = 'r' LOOP
	EXECUTE 'DROP TABLE ' || t; COMMIT; END LOOP; END $$`
