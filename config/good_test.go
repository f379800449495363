package config

import (
	"strings"
	"testing"
)

// goodConfigs are texts that hold no fault and deserve no warning.
var goodConfigs = []struct{ name, text string }{
	{"the smallest", head + route},
	{"no password for anybody", trusting + "[cluster.main]\ndatabase = \"app\"\nuser = \"app\"\n" + route},
	{"a byte order mark", "\ufeff" + head + route},
	{"DOS line ends", strings.ReplaceAll(head+route, "\n", "\r\n")},
	{"comments everywhere", "# a\n" + head + "# b\n" + route + "# c"},
	{"literal strings", strings.ReplaceAll(head+route, `"`, `'`)},
	{"a string of many lines", head + strings.Replace(route, `"{tenant}"`, `"""{tenant}"""`, 1)},
	{"quoted keys", head + "\"port\" = 5432\n" + route},
	{"dotted keys", "auth.method = \"trust\"\ncluster.main.database = \"app\"\ncluster.main.user = \"app\"\n" + route},
	{"inline tables", "prepared = { per_server = 10, per_client = 0 }\nlog = { level = \"warn\" }\n" + head + route},
	{"an inline cluster", trusting + "cluster = { main = { database = \"app\", user = \"app\" } }\n" + route},
	{"listening everywhere", "listen = [\"*:6432\"]\n" + head + route},
	{"listening on IPv6", "listen = [\"[::1]:6432\"]\n" + head + route},
	{"one address without brackets", "listen = \"localhost:6432\"\n" + head + route},
	{"a socket only", "listen = [\"/run/tenantpool\"]\nunix_socket_mode = \"0770\"\n" + head + route},
	{"a socket and two addresses", "listen = [\"127.0.0.1:6432\", \"10.0.0.1:6432\", \"/run/tenantpool\"]\n" + head + route},
	{"limits that are off", "max_clients = 0\nmax_waiting = \"off\"\nquery_timeout = 0\ndrain_timeout = \"off\"\n" + head + route},
	{"times of several units", "server_lifetime = \"1h30m\"\nquery_wait_timeout = \"500ms\"\nquery_timeout = \"1.5s\"\n" + head + route},
	{"sizes of several units", "prepared.bytes = \"512kB\"\n" + head + route},
	{"a size in bytes", "prepared.bytes = 1048576\n" + head + route},
	{"numbers with underscores", "max_clients = 10_000\n" + head + route},
	{"session mode", "pool_mode = \"session\"\n" + head + route},
	{"statement mode for one route", head + route + "pool_mode = \"statement\"\n"},
	{"features of one route", head + route + "session_features = { listen = \"pin\", temp = \"refuse\" }\n"},
	{"paths that may be changed", head + route + "tenant_settings = \"follow\"\n"},
	{"a shared schema behind", head + route + "search_path = [\"{schema}\", \"shared\"]\n"},
	{"a schema with a prefix", head + strings.Replace(route, "tenants = \"schema\"\n", "search_path = [\"tenant_{tenant}\"]\n", 1) + "[tenant.acme]\n"},
	{"row-level security", head + strings.Replace(route, "tenants = \"schema\"\n", "search_path = [\"app\"]\nsettings = { \"app.tenant\" = \"{tenant}\" }\n", 1) + "[tenant.acme]\n"},
	{"settings of every type", head + route + "settings = { work_mem = \"8MB\", geqo = false, jit = 0 }\n"},
	{"settings as a table", head + route + "[route.settings]\n\"app.tenant\" = \"{tenant}\"\n"},
	{"isolation by role", head + route + "isolation = \"role\"\n"},
	{"roles with a prefix", head + route + "isolation = \"role\"\nrole = \"role_{tenant}\"\n"},
	{"own logins, trusted by the server", head + "login_secrets_file = \"\"\n" + route + "isolation = \"dedicated\"\n"},
	{"own logins with passwords", head + "login_secrets_file = \"users.txt\"\n" + route + "isolation = \"dedicated\"\n"},
	{"one tenant with a login of its own", head + route + "[tenant.acme]\nisolation = \"dedicated\"\npassword = \"x\"\n"},
	{"tenants by user", head + "[[route]]\nuser = \"{tenant}\"\ncluster = \"main\"\ntenants = \"schema\"\n"},
	{"tenants by user in one database", head + "[[route]]\nuser = \"app_{tenant}\"\ndatabase = \"app\"\ncluster = \"main\"\ntenants = \"schema\"\n"},
	{"a part of the database name", head + strings.Replace(route, `"{tenant}"`, `"app_{tenant}_prod"`, 1)},
	{"one tenant without a pattern", head + "[[route]]\ndatabase = \"billing\"\nusers = [\"app\"]\ncluster = \"main\"\nsearch_path = [\"billing\"]\n"},
	{"a special case before the pattern", head + "[[route]]\ndatabase = \"admin\"\nusers = [\"app\"]\ncluster = \"main\"\nsearch_path = [\"public\"]\n" + route},
	{"logins with a prefix", head + strings.Replace(route, `["{tenant}"]`, `["app", "{tenant}", "{tenant}_*"]`, 1)},
	{"schemas of a prefix", head + route + "schemas = \"tenant_*\"\n"},
	{"listed tenants", head + strings.Replace(route, "tenants = \"schema\"\n", "", 1) + "[tenant.acme]\n[tenant.globex]\nschema = \"g\"\n"},
	{"a tenant with many names", head + route + "[tenant.acme]\nmatch_databases = [\"acme_prod\", \"acme.example\"]\n"},
	{"a tenant by its users", head + "[[route]]\nuser = \"{tenant}\"\ncluster = \"main\"\ntenants = \"schema\"\n[tenant.acme]\nmatch_users = [\"anna\", \"bert\"]\n"},
	{"a tenant that is switched off", head + route + "[tenant.acme]\nstate = \"disabled\"\n"},
	{"a tenant of few users", head + route + "[tenant.acme]\nusers = [\"anna\"]\nmax_clients = 5\nmax_servers = 2\n"},
	{"a tenant whose name needs quotes", head + route + "[tenant.\"acme & söhne\"]\n"},
	{"a tenant of a dotted name", head + route + "[tenant.\"acme.example\"]\n"},
	{"two clusters", head + "[cluster.eu]\nhost = \"/run/pg\"\ndatabase = \"app\"\nuser = \"app\"\n" + route + "[tenant.acme]\ncluster = \"eu\"\n"},
	{"a server elsewhere", strings.Replace(head, "127.0.0.1", "db.example", 1) + route},
	{"a server elsewhere without TLS", strings.Replace(head, "127.0.0.1", "10.1.2.3", 1) + "tls = \"disable\"\n" + route},
	{"a server in IPv6", strings.Replace(head, "127.0.0.1", "::1", 1) + route},
	{"users looked up", strings.Replace(head, "[cluster", "query_user = \"finder\"\nquery_password = \"x\"\n[cluster", 1) + route},
	{"a query for users", strings.Replace(head, "[cluster", "query_user = \"finder\"\nquery = \"SELECT * FROM auth.find($1)\"\n[cluster", 1) + route},
	{"MD5 hashes", strings.Replace(head, "method = \"scram-sha-256\"", "method = \"md5\"", 1) + route},
	{"connections that no two tenants share", head + "tenant_change = \"discard\"\nsame_tenant = \"switch\"\n" + route},
	{"schemas looked for at each switch", head + "schema_check = \"switch\"\n" + route},
	{"schemas never looked for again", head + "schema_check = \"off\"\n" + route},
	{"no keepalive", "tcp_keepalive = false\ntcp_keepcnt = \"off\"\n" + head + route},
	{"an include that matches nothing yet", "include = [\"conf.d/*.toml\"]\n" + head + route},
}

func TestAGoodConfigRaisesNoAlarm(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range goodConfigs {
		seen[c.text] = true
		got, err := load(t, c.text)
		switch {
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		case len(got.Warnings) > 0:
			t.Errorf("%s: %s", c.name, warnings(got))
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d good configurations", len(seen))
	}
}
