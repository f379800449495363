package integration

// What ends a statement at once, left behind by a function.
const shortTempered = `SELECT set_config(name, '1', false) FROM pg_settings WHERE name IN
	('statement_timeout', 'lock_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`

// endsServers ends the pooler's idle server connections; noServers waits until they are gone.
const (
	endsServers = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {lent}"
	noServers   = "SELECT count(*) = 0 FROM pg_stat_activity WHERE {lent}"
)

// plantsSettings stores settings for the login itself, for its connections to come.
const plantsSettings = `DO $$ BEGIN
	EXECUTE format('ALTER ROLE app IN DATABASE %I SET search_path = globex', current_database());
	EXECUTE format('ALTER ROLE app IN DATABASE %I SET role = helper', current_database()); END $$`

var attacksBySettings = []attack{
	{name: "a setting made in plain sight stays with its client",
		does:  []step{says("SET statement_timeout = '7777s'", "SET TIME ZONE 'Asia/Tokyo'", "SET enable_seqscan = off")},
		finds: []step{sees("SHOW statement_timeout", "0"), sees("SHOW enable_seqscan", "on")},
		after: []step{sees("SHOW statement_timeout", "7777s"), sees("SHOW TimeZone", "Asia/Tokyo"),
			sees("SHOW enable_seqscan", "off")}},
	{name: "a setting made in a batch stays with its client",
		does:  []step{batches("SET work_mem = '7MB'", "SELECT set_config('DateStyle', 'German, DMY', false)")},
		finds: []step{sees("SHOW work_mem", "4MB"), sees("SELECT '2026-02-01'::date::text", "2026-02-01")},
		after: []step{sees("SHOW work_mem", "7MB"), sees("SELECT '2026-02-01'::date::text", "01.02.2026")}},
	{name: "a setting whose name is put together is read back, and stays with its client",
		does:  []step{says("SELECT set_config('statement' || '_timeout', '7777s', false)"), leaves},
		after: []step{sees("SHOW statement_timeout", "0")}},
	{name: "a setting made by a function that nobody reads is lost, and reaches nobody",
		does:  []step{hides("SET statement_timeout = '7777s'", "SET work_mem = '7MB'"), sees("SHOW work_mem", "7MB")},
		finds: []step{sees("SHOW statement_timeout", "0")},
		after: []step{sees("SHOW work_mem", "4MB")}},
	{name: "a setting made by a trigger, by a text that looks plain",
		does:  []step{traps("SET work_mem = '7MB'", "SET app.secret = 'acme was here'")},
		after: []step{sees("SHOW work_mem", "4MB")}},
	{name: "a setting made in a DO block",
		does: []step{says("DO $$ BEGIN SET work_mem = '7MB'; PERFORM set_config('app.secret', 'acme was here', false); END $$")}},
	{name: "a setting made in a DO block that commits and then fails",
		does: []step{fails("P0001", "DO $$ BEGIN SET work_mem = '7MB'; COMMIT; RAISE 'late'; END $$")}},
	{name: "a setting made by a function with a SET clause of its own",
		does: []step{says("SELECT shared.stepping_out()")}},
	{name: "a setting made by an SQL prepared statement",
		does: []step{says("PREPARE p AS SELECT set_config($1, $2, false)", "EXECUTE p('work_mem', '7MB')"), leaves}},
	{name: "a setting made by UPDATE pg_settings",
		does: []step{says("UPDATE pg_settings SET setting = '7777' WHERE name = 'work_mem'"), leaves}},
	{name: "a setting made by the fast path, which has no text at all",
		does: []step{sends(functionCall(oidSetConfig, "work_mem", "7MB", "f")), hears("VZ")}},
	{name: "a custom setting stays with its client",
		does:  []step{says("SET app.secret = 'acme was here'")},
		finds: []step{sees("SELECT current_setting('app.secret', true) IS DISTINCT FROM 'acme was here'", "t")},
		after: []step{sees("SHOW app.secret", "acme was here")}},
	{name: "a setting of a transaction that is rolled back is nobody's",
		does: []step{says("BEGIN", "SET work_mem = '7MB'", "SAVEPOINT s", "SET work_mem = '8MB'", "ROLLBACK TO s"),
			sees("SHOW work_mem", "7MB"), says("ROLLBACK")},
		after: []step{sees("SHOW work_mem", "4MB")}},
	{name: "a setting of a text, a batch or a transaction that fails is nobody's",
		does: []step{fails("22012", "SET work_mem = '7MB'; SELECT 1/0"),
			sends(parse("", "SET work_mem = '7MB'"), bind("", ""), execute("", 0), parse("", "SELECT 1/0"), bind("", ""),
				execute("", 0), syncNow), hears("12C1EZ"),
			says("CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)", "BEGIN", "SET work_mem = '7MB'",
				"INSERT INTO late VALUES (1), (1)"), fails("23505", "COMMIT"), sees("SHOW work_mem", "4MB"),
			says("DROP TABLE late")},
		after: []step{sees("SHOW work_mem", "4MB")}},
	{name: "a setting of a transaction that is prepared stays with its client",
		does: []step{says("BEGIN", "SET work_mem = '7MB'", "INSERT INTO notes VALUES (1)", "PREPARE TRANSACTION 'acme'",
			"ROLLBACK PREPARED 'acme'")},
		after: []step{sees("SHOW work_mem", "7MB")}},
	{name: "a SET that was prepared earlier is seen when it is executed",
		does: []step{sends(parse("set", "SET work_mem = '7MB'"), syncNow), hears("1Z"),
			together("globex", sees("SHOW work_mem", "4MB")), sends(bind("", "set"), execute("", 0), syncNow),
			hears("2CZ")},
		after: []step{sees("SHOW work_mem", "7MB"), sends(parse("all", "RESET ALL"), syncNow, bind("", "all"),
			execute("", 0), syncNow), hears("1Z2CZ"), sees("SHOW work_mem", "4MB"),
			sees("SELECT name FROM whoami", "acme")}},
	{name: "a value of quotes, backslashes and other bytes than ASCII is set again as it was",
		does:  []step{says(`SET app.secret = 'it''s "a\b" é'`, "SET app.other = ''")},
		after: []step{sees("SHOW app.secret", `it's "a\b" é`), sees("SHOW app.other", "")}},
	{name: "a value in another encoding is set again as it was",
		does:  []step{says("SET NAMES 'LATIN1'", "SET app.secret = '\xe9t\xe9'"), sees("SHOW app.secret", "\xe9t\xe9")},
		after: []step{sees("SHOW app.secret", "\xe9t\xe9"), says("SET NAMES 'UTF8'"), sees("SHOW app.secret", "été")}},
	{name: "the next one's own resets lead to its own tenant", only: []level{atShared, atRole},
		does: []step{hides("SET search_path TO initech; SET app.tenant_id = 'initech'")},
		finds: []step{says("RESET ALL"), sees("SELECT name FROM whoami", "globex"),
			fails("42P01", "RESET search_path; SELECT name FROM whoami"), says("DISCARD ALL"),
			sees("SELECT tenant FROM shared.ledger", "globex")}},
	{name: "the next one's own resets lead to its own tenant at once", only: []level{atDedicated},
		does: []step{hides("SET search_path TO initech; SET app.tenant_id = 'initech'")},
		finds: []step{says("RESET ALL"), sees("SELECT name FROM whoami", "globex"),
			sees("RESET search_path; SELECT name FROM whoami", "globex"), says("DISCARD ALL"),
			sees("SELECT tenant FROM shared.ledger", "globex")}},
	{name: "SET LOCAL ends with its transaction",
		does: []step{says("BEGIN", "SET LOCAL work_mem = '7MB'", "COMMIT AND CHAIN"), sees("SHOW work_mem", "4MB"),
			says("COMMIT")},
		after: []step{sees("SHOW work_mem", "4MB")}},
	{name: "the setting by which rows are told apart cannot be set",
		does: []step{fails("42501", "SET app.tenant_id = 'globex'", "SET SESSION app.tenant_id TO globex",
			`SET "app"."tenant_id" = 'globex'`,
			"SELECT set_config('app.tenant_id', 'globex', false)",
			"SELECT pg_catalog.set_config('APP.Tenant_ID', 'globex', true)"),
			failsInBatch("42501", "SET app.tenant_id = 'globex'"),
			sees("SELECT string_agg(tenant, ',') FROM shared.ledger", "acme")}},
	{name: "the setting by which rows are told apart is a function's for the moment only",
		does: []step{hides("SET app.tenant_id = 'initech'"), sees("SELECT tenant FROM shared.ledger", "initech")}},
	{name: "a reset of the profile's setting ends in the tenant", only: []level{atDedicated},
		does: []step{sees("RESET app.tenant_id; SELECT tenant FROM shared.ledger", "acme"),
			says("RESET ALL"), sees("SELECT tenant FROM shared.ledger", "acme")}},
	{name: "a reset of the profile's setting ends in nobody, and then in the tenant", only: []level{atShared, atRole},
		does: []step{sees("RESET app.tenant_id; SELECT count(*) FROM shared.ledger", "0"),
			sees("SELECT tenant FROM shared.ledger", "acme"),
			says("RESET ALL"), sees("SELECT tenant FROM shared.ledger", "acme")}},
	{name: "an encoding, in plain sight",
		does:  []step{says("SET NAMES 'LATIN1'"), together(oddTenant, sees("SELECT name FROM whoami", oddTenant))},
		after: []step{sees("SHOW client_encoding", "LATIN1"), says("RESET client_encoding")}},
	{name: "an encoding that a function leaves does not turn the next tenant's name into another",
		does: []step{hides("SET client_encoding = 'LATIN1'"),
			together(oddTenant, sees("SELECT name FROM whoami", oddTenant)),
			hides("SET client_encoding = 'SJIS'"), together(oddTenant, sees("SELECT name FROM whoami", oddTenant)),
			hides("SET client_encoding = 'GB18030'")}},
	{name: "the meaning of backslashes does not change the text of the switch",
		does: []step{hides("SET standard_conforming_strings = off; SET backslash_quote = off; SET escape_string_warning = on"),
			together(oddTenant, sees("SELECT name FROM whoami", oddTenant)),
			hides("SET standard_conforming_strings = off", "SET quote_all_identifiers = on")}},
	{name: "defaults of transactions that are serializable, deferrable and read-only",
		does: []step{hides("SET default_transaction_isolation = serializable; SET default_transaction_deferrable = on",
			"SET default_transaction_read_only = on"),
			fails("25006", "INSERT INTO notes VALUES (1)")},
		finds: []step{says("INSERT INTO notes VALUES (1)"), sees("SHOW transaction_isolation", "read committed")}},
	{name: "defaults of transactions, in plain sight",
		does:  []step{says("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")},
		finds: []step{says("INSERT INTO notes VALUES (1)"), sees("SHOW transaction_isolation", "read committed")},
		after: []step{sees("SHOW transaction_isolation", "repeatable read"), fails("25006", "INSERT INTO notes VALUES (1)"),
			says("RESET ALL")}},
	{name: "time-outs so short that the switch itself would end in them",
		does:   []step{hides(shortTempered)},
		server: either},
	{name: "row security that is off",
		does:  []step{hides("SET row_security = off"), fails("42501", "SELECT tenant FROM shared.ledger")},
		finds: []step{sees("SELECT tenant FROM shared.ledger", "globex")}},
	{name: "triggers that are off",
		does:  []step{hides("SET session_replication_role = replica"), says("INSERT INTO trap VALUES ('SELECT 1/0')")},
		finds: []step{fails("22012", "INSERT INTO trap VALUES ('SELECT 1/0')")},
		after: []step{says("DELETE FROM trap")}},
	{name: "a server that chats about all it does",
		does: []step{hides("SET client_min_messages = debug5; SET debug_print_parse = on; SET debug_print_plan = on")}},
	{name: "a server that keeps its errors short",
		does:  []step{hides("SET client_min_messages = error; SET exit_on_error = off")},
		finds: []step{sends(query("DO $$ BEGIN RAISE NOTICE 'heard'; END $$")), hearsNotice("heard")}},
	{name: "the startup packet's settings stay with its client, in every spelling",
		options: []string{"options",
			`-c statement_timeout=7s -cwork_mem=7MB --lock_timeout=7s --temp-buffers=8000kB -c Enable_SeqScan=off -c application_name=my\ app`,
			"TimeZone", "Asia/Tokyo"},
		does: []step{sees("SHOW work_mem", "7MB"), sees("SHOW TimeZone", "Asia/Tokyo"),
			sees("SHOW application_name", "my app")},
		finds: []step{sees("SHOW work_mem", "4MB"), sees("SHOW temp_buffers", "8MB")},
		after: []step{sees("SHOW statement_timeout", "7s"), says("RESET ALL"), sees("SHOW lock_timeout", "7s")}},
	{name: "the startup packet cannot hold what the profile decides, in no spelling",
		does: []step{turnedAwayEach("42501", "-c search_path=globex", "-csearch_path=globex", "-c search-path=globex",
			"--search_path=globex",
			"--search-path=globex", " \t--Search_Path=globex ", `-c search\_path=\globex`, "-c role=globex",
			"-c session_authorization=globex", "--app.tenant-id=globex", "-c app.tenant_id=globex"),
			turnedAway("42501", "search_path", "globex"), turnedAway("42501", "role", "globex"),
			turnedAway("42501", "APP.TENANT_ID", "globex"),
			turnedAway("42501", "search_path", "acme, globex"), turnedAway("42501", "search_path", "$user")}},
	{name: "the seed of random numbers, set in plain sight or by a function",
		does: []step{says("SELECT setseed(0.5)"), together("globex", sees("SELECT random() = 0.9851677175347999", "f")),
			hides("SELECT setseed(0.5)")},
		finds: []step{sees("SELECT random() = 0.9851677175347999", "f")}},
	{name: "the seed of random numbers, set by a trigger, is the next one's until something less plain has run",
		only: []level{atShared}, exposed: true,
		does:  []step{traps("SELECT setseed(0.5)")},
		finds: []step{sees("SELECT random() = 0.9851677175347999", "t")},
		after: []step{hides("SELECT 1")}},
	{name: "other settings that ALTER ROLE plants are what a new connection starts with, at level shared",
		only: []level{atShared}, exposed: true,
		does:   []step{says("ALTER ROLE app SET work_mem = '7MB'"), outside(endsServers), awaits(noServers)},
		finds:  []step{sees("SHOW work_mem", "7MB")},
		after:  []step{says("ALTER ROLE app RESET ALL"), outside(endsServers), awaits(noServers)},
		server: replaced},
	{name: "settings that ALTER ROLE plants cannot be the path or the role of a new connection",
		only: []level{atShared},
		does: []step{says(plantsSettings),
			fails("42501", "ALTER ROLE app SET app.tenant_id = 'globex'"),
			outside(endsServers), awaits(noServers)},
		after:  []step{outside("ALTER ROLE app IN DATABASE {db} RESET ALL")},
		server: replaced},
}

// The numbers of functions, for the fast path.
const (
	oidSetConfig    = 2078
	oidAdvisoryLock = 2880
)

func hearsNotice(text string) step {
	return func(s *side) {
		for _, m := range s.until('Z') {
			if m.kind == 'N' && parseError(m.body).message == text {
				return
			}
		}
		s.t.Errorf("%s: no notice %q", s.tenant, text)
	}
}

// turnedAwayEach is turnedAway for several values of the parameter options.
func turnedAwayEach(code string, options ...string) step {
	return func(s *side) {
		for _, o := range options {
			turnedAway(code, "options", o)(s)
		}
	}
}
