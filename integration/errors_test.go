package integration

import (
	"regexp"
	"strings"
	"testing"
)

// mishap is a situation in which the pooler has an error of its own for a client: how to get there,
// what the client is told, and whether its connection survives.
type mishap struct {
	situation string
	setup     setup
	provoke   func(t *testing.T, p *pooler) *rawClient // has sent what is answered by the error

	severity, code string
	message        string // a regular expression for all of it
	hint           string // part of the hint; "" is no hint
	survives       bool
}

// as is a login that is answered by an error.
func as(user, secret, database string) func(*testing.T, *pooler) *rawClient {
	return func(t *testing.T, p *pooler) *rawClient {
		c := dialRaw(t, p.endpoint)
		c.send(startup(version30, "user", user, "database", database))
		proof := &proof{user: user, secret: secret}
		for range 2 {
			m, err := c.in.Peek(1)
			if err != nil || m[0] != 'R' {
				break
			}
			answer, err := proof.answer(c.next().body)
			must(t, err)
			c.send(answer)
		}
		return c
	}
}

// saying is a client of acme that sends these messages.
func saying(messages ...[]byte) func(*testing.T, *pooler) *rawClient {
	return func(t *testing.T, p *pooler) *rawClient {
		c := login(t, p.endpoint, "acme")
		c.send(messages...)
		return c
	}
}

// besides is a mishap of whoever comes while a client of acme's has done something.
func besides(does string, then func(*testing.T, *pooler) *rawClient) func(*testing.T, *pooler) *rawClient {
	return func(t *testing.T, p *pooler) *rawClient {
		c := login(t, p.endpoint, "acme")
		if does != "" {
			eventually(t, does, func() bool { _, err := c.try(does); return err == nil })
		}
		return then(t, p)
	}
}

var mishaps = []mishap{
	{"a wrong password", setup{}, as("app", "wrong", "acme"),
		"FATAL", "28P01", `password authentication failed for user "app"`, "", false},
	{"an unknown user", setup{}, as("nobody", "wrong", "acme"),
		"FATAL", "28P01", `password authentication failed for user "nobody"`, "", false},
	{"a database that is no tenant", setup{trust: true}, as("app", "", "nowhere"),
		"FATAL", "3D000", `database "nowhere" does not exist`, "tenantpool why", false},
	{"a disabled tenant", setup{trust: true, more: "[tenant.acme]\nstate = \"disabled\""}, as("app", "", "acme"),
		"FATAL", "28000", `tenant "acme" is not accepting connections`, "switched off", false},
	{"a tenant without its schema", setup{trust: true, more: "[tenant.acme]\nschema = \"gone\""}, as("app", "", "acme"),
		"FATAL", "3F000", `schema "gone" of tenant "acme" does not exist`, "Create it", false},
	{"too many clients", setup{trust: true, global: "max_clients = 1"}, besides("", as("app", "", "acme")),
		"FATAL", "53300", "sorry, too many clients already", "max_clients", false},
	{"too many clients of a tenant", setup{trust: true, route: "max_clients = 1"}, besides("", as("app", "", "acme")),
		"FATAL", "53300", `too many connections for tenant "acme"`, "max_clients", false},
	{"an unreachable server", setup{trust: true, host: "127.0.0.1:1", global: `client_login_timeout = "2s"`}, as("app", "", "acme"),
		"FATAL", "08001|08006", "server is unreachable: connection refused.*", "check --connect", false},
	{"a login that takes too long", setup{global: `client_login_timeout = "50ms"`}, func(t *testing.T, p *pooler) *rawClient { return dialRaw(t, p.endpoint) },
		"FATAL", "57014", "canceling authentication due to timeout", "", false},
	{"replication", setup{trust: true}, func(t *testing.T, p *pooler) *rawClient {
		c := dialRaw(t, p.endpoint)
		c.send(startup(version30, "user", "app", "database", "acme", "replication", "true"))
		return c
	}, "FATAL", "0A000", "replication connections are not supported", "server directly", false},
	{"a replication that is none", setup{trust: true}, func(t *testing.T, p *pooler) *rawClient {
		c := dialRaw(t, p.endpoint)
		c.send(startup(version30, "user", "app", "database", "acme", "replication", "perhaps"))
		return c
	}, "FATAL", "22023", `invalid value for parameter "replication": "perhaps"`, "database", false},
	{"a change of what the profile decides", setup{}, saying(query("SET search_path TO globex")),
		"ERROR", "42501", ".*search_path.*", "tenant_settings", true},
	{"no server connection in time", setup{size: 1, global: `query_wait_timeout = "50ms"`}, besides("BEGIN", saying(query("SELECT 1"))),
		"ERROR", "53300", "no server connection became free within 50ms", "pool_size", true},
	{"a query that takes too long", setup{global: `query_timeout = "50ms"`}, saying(query("SELECT pg_sleep(60)")),
		"ERROR", "57014", "canceling statement due to query_timeout of 50ms", "query_timeout", true},
	{"an idle transaction", setup{global: `idle_transaction_timeout = "50ms"`}, saying(query("BEGIN")),
		"FATAL", "25P03", "terminating connection due to idle-in-transaction timeout", "idle_transaction_timeout", false},
	{"a long transaction", setup{global: `transaction_timeout = "50ms"`}, saying(query("BEGIN")),
		"FATAL", "25P04", "terminating connection due to transaction timeout", "transaction_timeout", false},
	{"an idle client", setup{global: `client_idle_timeout = "50ms"`}, saying(),
		"FATAL", "57P05", "terminating connection due to idle-session timeout", "client_idle_timeout", false},
	{"a transaction in statement mode", setup{mode: "statement"}, saying(query("BEGIN")),
		"ERROR", "0A000", "transactions are not supported in statement pooling mode", "pool_mode", true},
	{"a prepared statement that is not there", setup{}, saying(bind("", "s"), syncNow),
		"ERROR", "26000", `prepared statement "s" does not exist`, "", true},
	{"a prepared statement that is there", setup{}, saying(parse("s", "SELECT 1"), parse("s", "SELECT 2"), syncNow),
		"ERROR", "42P05", `prepared statement "s" already exists`, "", true},
	{"a feature that is off", setup{}, saying(query("LISTEN x")),
		"ERROR", "0A000", "LISTEN is not supported in transaction pooling mode", "session_features.listen", true},
	{"a false length", setup{}, saying([]byte("Q\x00\x00\x00\x03")),
		"FATAL", "08P01", "invalid message length: type 0x51, length 0x00000003", "", false},
	{"an unknown type", setup{}, saying([]byte("y\x00\x00\x00\x04")),
		"FATAL", "08P01", "invalid frontend message type 121", "", false},
	{"a message of two gigabytes", setup{}, saying([]byte("Q\x7f\xff\xff\xff")),
		"FATAL", "08P01|54000", "invalid message length: type 0x51, length 0x7fffffff", "", false},
	{"a server that ends in a transaction", setup{}, saying(query("BEGIN"), query("SELECT pg_terminate_backend(pg_backend_pid())")),
		"FATAL", "57P01", "terminating connection due to administrator command", "", false},
}

// What the pooler says where a server would say nothing is a promise: programs look at the SQLSTATE,
// people at the rest.
func TestEachMishapHasItsOwnError(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		for _, m := range mishaps {
			t.Run(m.situation, func(t *testing.T) {
				t.Parallel()
				p := startPooler(t, w, m.setup)
				m.judge(t, m.provoke(t, p))
			})
		}
	})
}

func (m *mishap) judge(t *testing.T, c *rawClient) {
	t.Helper()
	var e *serverError
	for e == nil {
		r := c.next()
		e = firstError([]reply{r})
	}
	if e.severity != m.severity || !regexp.MustCompile("^("+m.code+")$").MatchString(e.code) || !regexp.MustCompile("^"+m.message+"$").MatchString(e.message) {
		t.Errorf("got %v, want %s %s: %s", e, m.severity, m.code, m.message)
	}
	if (e.hint == "") != (m.hint == "") || !strings.Contains(e.hint, m.hint) {
		t.Errorf("the hint is %q, want %q in it", e.hint, m.hint)
	}
	if !m.survives {
		if rest := c.rest(); len(rest) > 0 {
			t.Errorf("behind its last error came %q", kinds(rest))
		}
		return
	}
	c.until('Z')
	if _, err := c.try("ROLLBACK"); err != nil && err.code != "53300" && err.code != "0A000" {
		t.Errorf("the connection does not work on: %v", err)
	}
}
