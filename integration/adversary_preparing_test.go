package integration

import "slices"

// What deallocates the pooler's own statements, and what prepares others under their names.
const (
	dropsAll = "DEALLOCATE ALL"
	swapsAll = `DO $do$ DECLARE n text; BEGIN FOR n IN SELECT name FROM pg_prepared_statements LOOP
		EXECUTE format('DEALLOCATE %I', n); EXECUTE format($f$PREPARE %I AS SELECT 'stolen'::text AS name$f$, n); END LOOP; END $do$`
)

var named = join(bind("", "mine"), execute("", 0), syncNow)

var attacksByPreparing = []attack{
	{name: "a statement of the same name and another text",
		does: []step{sends(parse("mine", "SELECT count(*) FROM notes"), bind("", "mine"), execute("", 0), syncNow),
			hears("12DCZ")},
		after: []step{sends(named), hears("2DCZ")}},
	{name: "a statement of the same name and text, and tables of another shape",
		does: []step{sends(parse("shape", "SELECT * FROM shape"), describeStatement("shape"), bind("", "shape"),
			execute("", 0), syncNow), hears("1tT2DCZ")},
		finds: []step{sends(parse("shape", "SELECT * FROM shape"), describeStatement("shape"), bind("", "shape"),
			execute("", 0), syncNow), hearsRow("1tT2DCZ", "seven", "more")},
		after: []step{sends(bind("", "shape"), execute("", 0), syncNow), hearsRow("2DCZ", "7")}},
	{name: "a statement of the same name and text, and parameters of another type",
		does: []step{sends(parse("by", "SELECT a FROM shape WHERE a = $1"), bind("", "by", "7"), execute("", 0), syncNow),
			hearsRow("12DCZ", "7")},
		finds: []step{sends(parse("by", "SELECT a FROM shape WHERE a = $1"), bind("", "by", "seven"), execute("", 0),
			syncNow), hearsRow("12DCZ", "seven")},
		after: []step{sends(bind("", "by", "7"), execute("", 0), syncNow), hearsRow("2DCZ", "7")}},
	{name: "literals are read under the settings of whoever parses them",
		does: []step{says("SET DateStyle = 'ISO, DMY'"), sends(parse("d", "SELECT '01/02/2026'::date"), bind("", "d"),
			execute("", 0), syncNow), hearsRow("12DCZ", "2026-02-01")},
		finds: []step{sends(parse("d", "SELECT '01/02/2026'::date"), bind("", "d"), execute("", 0), syncNow),
			hearsRow("12DCZ", "2026-01-02")}},
	{name: "a statement prepared by SQL, in plain sight",
		does:  []step{says("PREPARE getuser AS SELECT name FROM acme.whoami"), leaves},
		finds: []step{fails("26000", "EXECUTE getuser"), leaves}},
	{name: "a statement prepared by SQL in a function",
		does:  []step{hides("PREPARE getuser AS SELECT name FROM acme.whoami")},
		finds: []step{sees("SELECT count(*) FROM pg_prepared_statements WHERE name = 'getuser'", "0")}},
	{name: "a statement prepared by SQL in a trigger, by a text that looks plain",
		only:  []level{atRole, atDedicated},
		does:  []step{traps("PREPARE getuser AS SELECT name FROM acme.whoami")},
		finds: []step{sees("SELECT count(*) FROM pg_prepared_statements WHERE name = 'getuser'", "0")}},
	{name: "a statement prepared by SQL in a trigger stays where the pooler has statements, at level shared",
		only:    []level{atShared},
		exposed: true,
		does:    []step{traps("PREPARE getuser AS SELECT name FROM acme.whoami")},
		finds:   []step{sees("SELECT count(*) FROM pg_prepared_statements WHERE name = 'getuser'", "1")},
		after:   []step{hides("SELECT 1")}},
	{name: "a statement prepared by SQL in a trigger is dropped where the pooler has none",
		does: []step{together("initech", says("SELECT shared.run('')"), leaves),
			traps("PREPARE getuser AS SELECT name FROM acme.whoami"),
			together("initech", sees("SELECT count(*) FROM pg_prepared_statements WHERE name = 'getuser'", "0"))}},
	{name: "the pooler's statements dropped in plain sight",
		does: []step{says(dropsAll)}},
	{name: "the pooler's statements dropped by a function",
		does: []step{hides(dropsAll)}},
	{name: "the pooler's statements dropped by a trigger, by a text that looks plain",
		only: []level{atRole, atDedicated},
		does: []step{traps(dropsAll)}},
	{name: "the pooler's statements dropped by a trigger fail once, at level shared",
		only:    []level{atShared},
		exposed: true,
		does:    []step{traps(dropsAll)},
		finds:   []step{sends(named), hearsError("26000"), sends(named), hearsRow("2DCZ", "globex")}},
	{name: "the pooler's statements replaced by a function",
		does: []step{hides(swapsAll)}},
	{name: "the pooler's statements replaced by a trigger, by a text that looks plain",
		only: []level{atRole, atDedicated},
		does: []step{traps(swapsAll)}},
	{name: "the pooler's statements replaced by a trigger answer the next one, at level shared",
		only:    []level{atShared},
		exposed: true,
		does:    []step{traps(swapsAll)},
		finds:   []step{sends(named), hearsRow("2DCZ", "stolen")},
		after:   []step{hides("SELECT 1")}},
	{name: "a client's own names are not the server's",
		does: []step{sends(parse("s1", "SELECT 1"), closeStatement("mine"), bind("", "mine"), execute("", 0), syncNow),
			hears("13EZ"), fails("26000", "DEALLOCATE mine")},
		after: []step{sends(bind("", "s1"), execute("", 0), syncNow), hearsRow("2DCZ", "1")}},
	{name: "the unnamed statement is nobody else's",
		does:  []step{sends(parse("", "SELECT 'stolen' FROM whoami"), syncNow), hears("1Z")},
		finds: []step{sends(bind("", ""), execute("", 0), syncNow), hears("EZ")},
		after: []step{sends(bind("", ""), execute("", 0), syncNow), hearsRow("2DCZ", "stolen")}},
	{name: "statement texts are hidden behind roles",
		only: []level{atRole, atDedicated},
		does: []step{sends(parse("secret", "SELECT 'secret of acme'"), bind("", "secret"), execute("", 0), syncNow),
			hears("12DCZ")},
		finds: []step{sees("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%secret of ' || 'acme%'",
			"0")}},
	{name: "statement texts of one login are in pg_prepared_statements, at level shared",
		only: []level{atShared},
		does: []step{sends(parse("secret", "SELECT 'secret of acme'"), bind("", "secret"), execute("", 0), syncNow),
			hears("12DCZ")},
		finds: []step{sees("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%secret of ' || 'acme%'",
			"1")}},
}

// hearsError reads to the end of an exchange that must fail with the SQLSTATE.
func hearsError(code string) step {
	return func(s *side) {
		if e := firstError(s.until('Z')); e == nil || e.code != code {
			s.t.Errorf("%s: got %v, want %s", s.tenant, e, code)
		}
	}
}

// hearsRow is hears for an answer with one row, which must be as wanted.
func hearsRow(wanted string, row ...string) step {
	return func(s *side) {
		answer := s.until('Z')
		rows, err := result(answer)
		if kinds(answer) != wanted || err != nil || len(rows) != 1 || !slices.Equal(rows[0], row) {
			s.t.Errorf("%s: got %q, %v, %v; want %q, %v", s.tenant, kinds(answer), rows, err, wanted, row)
		}
	}
}
