package integration

import "testing"

// DISCARD ALL returns to the settings of the client's startup packet, whether the session has a server
// connection of its own by then or not.
func TestDiscardAllReturnsToTheSettingsOfTheStartupPacket(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 12})
		for _, first := range []string{"SELECT 1", "CREATE TEMP TABLE own (n int)", "PREPARE own AS SELECT 1"} {
			c := login(t, p.endpoint, "acme", "application_name", "mine", "TimeZone", "Asia/Tokyo", "work_mem", "5001kB")
			c.run(first)
			c.run("SET application_name = 'other'; SET TimeZone = 'America/Lima'; SET work_mem = '6001kB'")
			c.run("DISCARD ALL")
			c.expect("SHOW application_name", "mine")
			c.expect("SHOW TimeZone", "Asia/Tokyo")
			c.expect("SHOW work_mem", "5001kB")
			c.expect("SELECT name FROM whoami", "acme")
		}
	})
}

// A reset of one setting of the startup packet leaves alone what the client has set besides.
func TestAResetOfOneSettingLeavesThePathAlone(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 4})
		c := login(t, p.endpoint, "acme", "application_name", "mine")
		c.run("SET search_path TO acme, pg_temp")
		c.run("SET application_name = 'other'")
		c.run("RESET application_name")
		c.expect("SHOW search_path", "acme, pg_temp")
		c.expect("SHOW application_name", "mine")
		c.run("BEGIN")
		c.run("SET LOCAL search_path TO pg_catalog, acme")
		c.run("RESET application_name")
		c.expect("SHOW search_path", "pg_catalog, acme")
		c.run("COMMIT")
		c.expect("SHOW search_path", "acme, pg_temp")
		c.expect("SHOW application_name", "mine")
		c.run("RESET search_path")
		c.expect("SELECT name FROM whoami", "acme")
	})
}

// What a function has left on the session's own connection, unseen, DISCARD ALL takes away too, although
// no server is asked.
func TestDiscardAllForgetsWhatAFunctionHasLeft(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.exec(t, "CREATE FUNCTION acme.hide(text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE $1; END'; GRANT ALL ON FUNCTION acme.hide(text) TO public")
		for _, policy := range []string{"watch", "trust"} {
			p := startPooler(t, w, setup{size: 4, cluster: `same_tenant = "` + policy + `"`})
			c := login(t, p.endpoint, "acme", "work_mem", "5001kB")
			for range 2 {
				c.expect("SHOW work_mem", "5001kB")
				c.run("SELECT hide('SET work_mem = ''6001kB'''), hide('CREATE TEMP TABLE hidden ()'), hide('SELECT pg_advisory_lock(4711)'), hide('PREPARE hidden AS SELECT 1')")
				c.expect("SHOW work_mem", "6001kB") // nobody has been in between
				c.run("DISCARD ALL")
				c.expect("SHOW work_mem", "5001kB")
				c.expect("SELECT to_regclass('hidden') IS NULL", "t")
				expectServerError(t, c, "EXECUTE hidden", "26000")
				c.expect("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()", "0")
			}
		}
	})
}

// A setting that could not be set, or that is not one to be kept, does not follow the session.
func TestAFailedOrFleetingSetIsNotRepeatedForEver(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		other := login(t, p.endpoint, "globex")
		for _, sql := range []string{
			"SET log_min_messages = debug5", "SET session_replication_role = replica", "SET session_preload_libraries = ''",
			"SET work_mem = '77kB'; SET log_min_messages = debug5", "BEGIN; SET log_min_messages = debug5", "SET work_mem = nonsense",
			"SET seed TO 0.25", "SET transaction_deferrable = on", "SET transaction_read_only = on",
		} {
			for _, request := range [][]byte{query(sql), once(sql)} {
				c := login(t, p.endpoint, "acme")
				c.run("SET statement_timeout = '7777s'")
				c.end(request)
				c.try("ROLLBACK")
				for range 2 {
					other.expect("SELECT name FROM whoami", "globex")
					if got, e := c.try("SELECT name, current_setting('statement_timeout') FROM whoami"); e != nil || len(got) != 1 || got[0][1] != "7777s" {
						t.Errorf("behind %s: got %v, %v", sql, got, e)
					}
				}
			}
		}
	})
}

// A setting is the same everywhere, whatever encoding its client speaks.
func TestASettingInAnotherEncodingIsKept(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		other := login(t, p.endpoint, "globex")
		for _, value := range []string{"a\xe9", "\xc3\xa9"} { // in LATIN1
			c := login(t, p.endpoint, "acme")
			c.run("SET client_encoding = LATIN1")
			const look = "SELECT encode(convert_to(current_setting('app.x'), 'UTF8'), 'hex')"
			c.run("BEGIN")
			c.run("SET app.x = '" + value + "'")
			want := c.value(look)
			c.run("COMMIT")
			other.expect("SELECT name FROM whoami", "globex")
			c.expect(look, want)
		}
	})
}
