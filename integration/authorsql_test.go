package integration

import (
	"fmt"
	"strings"
)

// sentence is a statement as a script may say it.
type sentence struct {
	sql    string
	params string // the sort of each: i for a number, t for a text, d for a date
}

// work is what goes anywhere; much of it fails.
var work = []sentence{
	{"SELECT name FROM whoami", ""},
	{"SELECT name, $1::int FROM whoami", "i"},
	{"SELECT $1::int + 1", "i"},
	{"SELECT $1, $2", "tt"},
	{"SELECT $1::text, $2::int, $3::date", "tid"},
	{"SELECT i, repeat('r', i % 7) FROM generate_series(1, $1::int) AS i", "i"},
	{"SELECT generate_series(1, 6)", ""},
	{"SELECT 10 / (3 - i) FROM generate_series(1, $1::int) AS i", "i"},
	{"SELECT 10 / $1::int", "i"},
	{"SELECT 1/0", ""},
	{"SELECT nothing", ""},
	{"SELECT FROM WHERE", ""},
	{"SELECT * FROM nowhere", ""},
	{"", ""},
	{"-- nothing", ""},
	{"INSERT INTO notes VALUES ($1, $2)", "it"},
	{"INSERT INTO notes VALUES (1, 'one'), (2, 'two') RETURNING id, text", ""},
	{"INSERT INTO pairs VALUES ($1, $2)", "it"},
	{"INSERT INTO pairs VALUES (1, 'same')", ""},
	{"UPDATE notes SET text = $1 WHERE id = $2", "ti"},
	{"DELETE FROM notes WHERE id > $1", "i"},
	{"SELECT id, text FROM notes ORDER BY id, text", ""},
	{"SELECT * FROM notes ORDER BY 1, 2 LIMIT $1", "i"},
	{"SELECT shout($1::int)", "i"},
	{"DO $$ BEGIN RAISE NOTICE 'hello %', 1 USING HINT = 'wave'; END $$", ""},
	{"DO $$ BEGIN RAISE EXCEPTION 'enough' USING ERRCODE = 'TP001', DETAIL = 'really'; END $$", ""},
	{"SELECT $1::date, '2026-01-02 03:04:05+00'::timestamptz, '1 day 2 hours'::interval", "d"},
	{"SELECT 1.1::float8 / 3, '\\x01ff'::bytea, NULL, ''", ""},
	{"SHOW DateStyle", ""},
	{"SHOW TimeZone", ""},
	{"SHOW work_mem", ""},
	{"SHOW statement_timeout", ""},
	{"SELECT current_setting('extra_float_digits'), current_setting('bytea_output')", ""},
	{"SELECT repeat('long', 5000)", ""},
	{"SELECT" + strings.Repeat(" NULL,", 99) + " 1", ""},
	{"VALUES (1), (2), (3)", ""},
	{"COPY (SELECT i, 'line ' || i FROM generate_series(1, 60) AS i) TO STDOUT", ""},
	{"TABLE pairs ORDER BY id", ""},
}

// oddities are statements about transactions and other things that are seldom where one expects them.
var oddities = []string{"COMMIT", "ROLLBACK", "SAVEPOINT a", "SET CONSTRAINTS ALL IMMEDIATE", "FETCH 1 FROM c", "CLOSE c", "VACUUM notes"}

// statement is any statement; those in batches may have parameters.
func (a *author) statement() sentence {
	switch {
	case a.transactions && a.chance(1, 25):
		return sentence{sql: one(a, oddities...)}
	case a.chance(1, 25):
		return sentence{sql: a.setting()}
	}
	return one(a, work...)
}

// spelled is a statement with its parameters written into it.
func (a *author) spelled() string {
	t := a.statement()
	for i, sort := range t.params {
		value := fmt.Sprint(a.IntN(9))
		switch sort {
		case 't':
			value = fmt.Sprintf("'text %d'", a.IntN(9))
		case 'd':
			value = "'2026-03-04'"
		}
		t.sql = strings.ReplaceAll(t.sql, fmt.Sprintf("$%d", i+1), value)
	}
	return t.sql
}

// simple adds Queries: of one statement, of several, several in a row.
func (a *author) simple() {
	switch a.IntN(6) {
	case 0:
		var all []string
		for range 2 + a.IntN(3) {
			all = append(all, a.spelled())
		}
		a.say(queryLine(strings.Join(all, "; ")))
	case 1:
		for range 2 + a.IntN(4) {
			a.say(queryLine(a.spelled()))
		}
	case 2:
		a.say(queryLine(fmt.Sprintf("SELECT i, repeat('x', i %% %d) FROM generate_series(1, %d) AS i",
			1+a.IntN(90), one(a, 0, 1, 10, 100, 1000, 3000))))
	case 3:
		a.say(queryLine(one(a, "", ";;", " ; SELECT 1; ", "SELECT 'unended", "/* half a comment", "SELECT 1; SELECT 2 +")))
	default:
		a.say(queryLine(a.spelled()))
	}
	if a.pins && a.chance(1, 12) {
		a.pinning()
	}
}

// pinning adds what lives on one server connection.
func (a *author) pinning() {
	a.pins = false // once in a script
	for _, sql := range one(a,
		[]string{"CREATE TEMP TABLE mine AS SELECT 1 AS id", "SELECT id FROM mine", "DROP TABLE mine"},
		[]string{"PREPARE q AS SELECT name, $1::int FROM whoami", "EXECUTE q(1)", "EXECUTE q(2)"},
		[]string{"SELECT pg_advisory_lock(4711)", "SELECT pg_advisory_unlock(4711)"},
		[]string{"DECLARE h CURSOR WITH HOLD FOR SELECT generate_series(1, 5)", "FETCH 2 FROM h", "CLOSE h"}) {
		a.run(sql)
		a.pause()
	}
}

// settings adds one change of a setting and what shows that it is there. RESET ALL stands alone: in
// one text or batch with others it leaves them without a path, as docs/isolation.md says.
func (a *author) settings() {
	switch a.IntN(8) {
	case 0:
		a.say(queryLine("SET app.colour = ''"), queryLine(one(a, "SET app.colour = 'red'", "SELECT set_config('app.colour', 'blue', false)")))
		a.pause()
		a.say(queryLine("SHOW app.colour"))
	case 1:
		a.say(queryLine("RESET ALL"))
		a.pause()
	default:
		a.run(a.setting())
	}
	if a.chance(2, 3) {
		a.say(queryLine("SELECT '2026-03-04'::date, '2026-01-02 03:04:05+00'::timestamptz, 1.1::float8 / 3, '\\x01ff'::bytea, " +
			"current_setting('work_mem'), current_setting('statement_timeout'), current_setting('application_name')"))
	}
}

// setting is a SET, RESET or SHOW of an ordinary setting. The timeouts are too long to matter.
func (a *author) setting() string {
	sql := one(a,
		"SET DateStyle = 'German'", "SET DateStyle = 'SQL, DMY'", "SET TimeZone = 'Asia/Tokyo'", "SET TIME ZONE 'America/Lima'",
		"SET work_mem = '5MB'", "SET application_name = 'other'", "SET extra_float_digits = 0", "SET bytea_output = 'escape'",
		"SET statement_timeout = '77s'", "SET lock_timeout = '66s'", "SET client_encoding = 'LATIN1'", "SET standard_conforming_strings = off",
		"SET IntervalStyle = 'iso_8601'", "SET default_transaction_isolation = 'repeatable read'", "SET client_min_messages = 'error'",
		"SET nonsense = 1", "SET work_mem = 'much'")
	switch a.IntN(5) {
	case 0:
		return one(a, "RESET DateStyle", "RESET TimeZone", "RESET work_mem", "RESET application_name", "RESET statement_timeout",
			"SET TimeZone TO DEFAULT", "RESET bytea_output")
	case 1:
		if a.transactions {
			return strings.Replace(sql, "SET ", "SET LOCAL ", 1)
		}
	}
	return sql
}
