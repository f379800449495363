package integration

import (
	"fmt"
	"testing"
)

// judgedOtherwise are the settings that a startup packet cannot give here as it can at a server.
var judgedOtherwise = map[string]string{
	"search_path":           profiles,
	"role":                  profiles,
	"session_authorization": profiles,

	"ignore_system_indexes":   atStart,
	"jit_debugging_support":   atStart,
	"jit_profiling_support":   atStart,
	"log_connections":         atStart,
	"log_disconnections":      atStart,
	"local_preload_libraries": "a backend loads them when it starts; nothing is loaded here",

	"temp_tablespaces": "a server passes over what is missing in silence, but only at a backend's start",

	"transaction_deferrable": ofTheLogin,
	"transaction_isolation":  ofTheLogin,
	"transaction_read_only":  ofTheLogin,
}

const (
	profiles   = "the tenant's profile decides it"
	atStart    = "it exists only when a backend starts: accepted if it is the server's own"
	ofTheLogin = "it is of the transaction in which a server logs the client in"
)

// everySetting lists the names, the values that they have, and others.
const everySetting = `SELECT name, setting, CASE vartype WHEN 'bool' THEN CASE setting WHEN 'on' THEN 'off' ELSE 'on' END
 WHEN 'integer' THEN min_val WHEN 'real' THEN max_val WHEN 'enum' THEN enumvals[1] ELSE 'x' END FROM pg_settings
 UNION ALL VALUES ('role', 'none', 'x'), ('session_authorization', 'app', 'x')`

// Every setting that the server has is judged in a startup packet as by the server itself, at the value
// that it has and at another one.
func TestEverySettingIsJudgedInAStartupPacketAsByTheServerItself(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{trust: true})
		server := endpoint{host: w.server.Host, port: w.server.Port, database: w.database}
		superuser := w.superuser(t)
		defer superuser.Close(t.Context())
		all, err := superuser.Exec(t.Context(), everySetting).ReadAll()
		must(t, err)
		judged := 0
		for _, row := range all[0].Rows {
			name := string(row[0])
			if judgedOtherwise[name] != "" {
				continue
			}
			for _, value := range row[1:] {
				judged++
				want, got := judgedAtStart(t, server, p.endpoint, name, string(value))
				if inWords(want) != inWords(got) {
					t.Errorf("%s = %q: got %s, the server itself says %s", name, value, inWords(got), inWords(want))
				}
			}
		}
		if judged < 600 {
			t.Errorf("%d values were judged", judged)
		}
	})
}

// inWords is what an error says, but for where in the server's code.
func inWords(e *serverError) string {
	if e == nil {
		return "nothing"
	}
	return fmt.Sprintf("%s %s %s", e.severity, e.code, e.message)
}
