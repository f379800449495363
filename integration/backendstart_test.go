package integration

import (
	"testing"
)

// judgedAtStart logs in with a parameter, at the server itself and through the pooler.
func judgedAtStart(t *testing.T, server, pooler endpoint, name, value string) (want, got *serverError) {
	t.Helper()
	for i, e := range []endpoint{server, pooler} {
		database, _ := e.names("acme")
		c := dialRaw(t, e)
		c.send(startup(version30, "user", "app", "database", database, name, value))
		answer := c.authenticate("app", "")
		if i == 0 {
			want = answer
			continue
		}
		got = answer
	}
	return want, got
}

// A parameter that no client can set, or none can for good, is refused as the server itself does.
func TestAStartupParameterIsJudgedAsByTheServerItself(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{trust: true})
		server := endpoint{host: w.server.Host, port: w.server.Port, database: w.database}
		for _, param := range [][2]string{
			{"shared_buffers", "1GB"}, {"max_connections", "100"}, {"port", "1"}, {"fsync", "off"}, {"checkpoint_timeout", "300"},
			{"block_size", "8192"}, {"server_version", "9.0"}, {"in_hot_standby", "off"}, {"log_line_prefix", "x"}, {"autovacuum", "on"},
			{"nosuchthing", "1"}, {"no.such.thing", "1"}, {"TimeZone", "Foo/Bar"}, {"statement_timeout", "soon"}, {"work_mem", "1"}, {"log_statement", "all"},
			{"ignore_system_indexes", "off"}, {"post_auth_delay", "0"}, {"Ignore_System_Indexes", "FAL"},
		} {
			want, got := judgedAtStart(t, server, p.endpoint, param[0], param[1])
			switch {
			case (want == nil) != (got == nil):
				t.Errorf("%s: got %v, the server itself says %v", param, got, want)
			case want != nil && (want.code != got.code || want.message != got.message || want.severity != got.severity):
				t.Errorf("%s: got %v, the server itself says %v", param, got, want)
			}
		}
	})
}

// What exists only when a backend starts cannot be given to a server that has started: it is accepted
// if it would change nothing.
func TestABackendStartParameterIsAcceptedIfItIsTheServersOwn(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{trust: true})
		server := endpoint{host: w.server.Host, port: w.server.Port, database: w.database}
		superuser := w.superuser(t)
		defer superuser.Close(t.Context())
		for _, name := range []string{"log_connections", "log_disconnections", "ignore_system_indexes", "jit_debugging_support", "jit_profiling_support", "post_auth_delay"} {
			own := firstValue(t, superuser, "SHOW "+name)
			other := "on"
			if own == "on" {
				other = "off"
			}
			if own == "0" {
				other = "1"
			}
			if _, got := judgedAtStart(t, server, p.endpoint, name, own); got != nil {
				t.Errorf("%s = %q, the server's own value: got %v", name, own, got)
			}
			_, got := judgedAtStart(t, server, p.endpoint, name, other)
			if got == nil || got.severity != "FATAL" || got.code != "55P02" || got.message != `parameter "`+name+`" cannot be set after connection start` {
				t.Errorf("%s = %q: got %v", name, other, got)
			}
		}
		for _, word := range []string{"false", "no", "0", "OFF", "f"} {
			if _, got := judgedAtStart(t, server, p.endpoint, "log_disconnections", word); got != nil {
				t.Errorf("log_disconnections = %s: got %v", word, got)
			}
			if _, got := judgedAtStart(t, server, p.endpoint, "log_connections", word); word != "f" && got != nil {
				t.Errorf("log_connections = %s: got %v", word, got)
			}
		}
	})
}
