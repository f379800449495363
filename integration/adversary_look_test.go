package integration

import (
	"maps"
	"slices"
	"strings"
)

// traces are questions about all that may be left on a server connection, and what a client of the
// tenant {t} must find. A look's answer is one value.
var traces = []struct{ what, ask, want string }{
	{"search_path", "current_setting('search_path')", "{path}"},
	{"the profile's setting", "current_setting('app.tenant_id', true)", "{t}"},
	{"a custom setting", "coalesce(current_setting('app.secret', true), '')", ""},
	{"current_user", "current_user", "{user}"},
	{"session_user", "session_user", "{login}"},
	{"cursors", "(SELECT string_agg(name, ',') FROM pg_cursors WHERE name <> '')", "<null>"},
	{"ears", "(SELECT string_agg(c, ',') FROM pg_listening_channels() c)", "<null>"},
	{"locks", `(SELECT string_agg(locktype || ' ' || mode, ',') FROM pg_locks WHERE pid = pg_backend_pid()
		AND locktype <> 'virtualxid' AND (locktype, mode) <> ('relation', 'AccessShareLock'))`, "<null>"},
	{"temporary relations", "(SELECT string_agg(relname, ',') FROM pg_class WHERE relnamespace = pg_my_temp_schema())", "<null>"},
	{"temporary functions", "(SELECT string_agg(proname, ',') FROM pg_proc WHERE pronamespace = pg_my_temp_schema())", "<null>"},
	{"temporary types", "(SELECT string_agg(typname, ',') FROM pg_type WHERE typnamespace = pg_my_temp_schema())", "<null>"},
	{"SQL PREPARE", "(SELECT string_agg(name, ',') FROM pg_prepared_statements WHERE from_sql)", "<null>"},
	{"a transaction", "pg_current_xact_id_if_assigned() IS NULL AND now() = statement_timestamp()", "t"},
	{"settings", "(SELECT string_agg(name || '=' || setting, E'\\x01' ORDER BY name) FROM pg_settings WHERE name <> 'search_path')", "{settings}"},
}

var lookQuery = func() string {
	var asks []string
	for _, l := range traces {
		asks = append(asks, l.ask)
	}
	return "SELECT " + strings.Join(asks, ", ")
}()

// look asks all of it. Keys are what the traces are called, and the names of settings.
func (s *side) look() map[string]string {
	s.t.Helper()
	row := s.run(lookQuery)[0]
	seen := map[string]string{}
	for i, l := range traces[:len(traces)-1] {
		seen[l.what] = row[i]
	}
	for setting := range strings.SplitSeq(row[len(traces)-1], "\x01") {
		name, value, _ := strings.Cut(setting, "=")
		seen["setting "+name] = value
	}
	return seen
}

// findsBlank looks for whatever another client may have left.
func (s *side) findsBlank() {
	s.t.Helper()
	want := maps.Clone(s.arena.blank)
	names := strings.NewReplacer("{t}", s.tenant, "{path}", s.tenant, "{user}", s.arena.level.owner(s.tenant), "{login}", s.arena.level.login(s.tenant))
	for _, l := range traces[:len(traces)-1] {
		want[l.what] = names.Replace(l.want)
	}
	seen := s.look()
	for _, what := range slices.Sorted(maps.Keys(want)) {
		if seen[what] != want[what] {
			s.t.Errorf("the next client, of %s, finds %s: %q, want %q", s.tenant, what, seen[what], want[what])
		}
	}
}
