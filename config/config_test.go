package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tenantpool/routing"
)

func mustLoad(t *testing.T, text string) *Config {
	t.Helper()
	c, err := load(t, text)
	if err != nil {
		t.Fatalf("%v\nfor\n%s", err, text)
	}
	return c
}

// warnings gives a config's warnings, the directory left out.
func warnings(c *Config) string { return faults(c.Warnings) }

func TestTheSampleLoadsAsItIs(t *testing.T) {
	text, err := os.ReadFile("../config.toml")
	if err != nil {
		t.Fatal(err)
	}
	c := mustLoad(t, string(text))
	if len(c.Warnings) != 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	r, err := c.Table.Resolve(routing.Identity{User: "app", Database: "acme"})
	if err != nil || r.Existence != routing.BySchema || !slices.Equal(r.Path, []string{"acme"}) {
		t.Errorf("acme: %+v, %v", r, err)
	}
}

func TestEveryCommentedSettingOfTheSampleIsRight(t *testing.T) {
	text, err := os.ReadFile("../config.toml")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	taken := make(map[string]bool) // the sample shows some keys twice, once as a variant
	for line := range strings.Lines(string(text)) {
		bare := strings.TrimPrefix(line, "# ")
		key, _, assigns := strings.Cut(bare, " = ")
		switch {
		case bare != line && (strings.HasPrefix(bare, "[") || assigns && !strings.Contains(key, " ")):
			line = bare
		case bare != line:
			continue
		}
		if strings.HasPrefix(line, "[") {
			clear(taken)
		}
		if key, _, ok := strings.Cut(line, " = "); ok && taken[key] {
			continue
		} else if ok {
			taken[key] = true
		}
		out = append(out, line)
	}
	all := strings.NewReplacer(
		"password_file = \"app.password\"", "password = \"x\"", "logins.txt", "users.txt",
		"password_file = \"acme.password\"", "password = \"x\"",
		"query_password_file = \"auth.password\"", "query_password = \"x\"", "\"pg_ident.conf\"", "\"/dev/null\"",
		"isolation = \"shared\"", "isolation = \"role\"").Replace(strings.Join(out, ""))
	c := mustLoad(t, all)
	if len(c.Tenants) != 1 || c.Rules[0].Role != "{tenant}" || c.Prepared.Bytes != 64<<20 {
		t.Errorf("not all that is commented out was read:\n%s", all)
	}
}

func TestDefaultsAreThoseOfTheTable(t *testing.T) {
	c := mustLoad(t, head+route)
	want := map[string]bool{
		"listen":      slices.Equal(c.Listen, []Address{{"tcp", "127.0.0.1:6432"}}),
		"mode":        c.Mode == routing.Transaction && c.Rules[0].Mode == routing.Transaction,
		"max_clients": c.MaxClients == 5000 && c.MaxWaiting == 0 && c.MaxPinned == 0,
		"waits":       c.QueryWaitTimeout == 10*time.Second && c.ClientLoginTimeout == 15*time.Second,
		"off":         c.QueryTimeout == 0 && c.TransactionTimeout == 0 && c.ClientIdleTimeout == 0,
		"idle":        c.IdleTransactionTimeout == 5*time.Minute && c.ClientGoneGrace == 5*time.Second,
		"server":      c.ServerLifetime == time.Hour && c.ServerIdleTimeout == 10*time.Minute && c.ServerConnectTimeout == 5*time.Second,
		"drain":       c.DrainTimeout == 30*time.Second,
		"tcp":         c.TCPKeepAlive && c.TCPKeepIdle == 15*time.Second && c.TCPKeepInterval == 5*time.Second && c.TCPKeepCount == 3 && c.TCPUserTimeout == 30*time.Second,
		"prepared":    c.Prepared == Prepared{500, 10000, 64 << 20},
		"log":         c.Log == Log{"info", "auto"},
		"socket":      c.UnixSocketMode == fs.FileMode(0o777),
	}
	for what, ok := range want {
		if !ok {
			t.Errorf("%s: %+v", what, c)
		}
	}
	m := c.Cluster("main")
	if m.PoolSize != 20 || m.Port != 5432 || m.MinPoolSize != 0 || m.MaxTenantsPerServer != 200 || m.SchemaCheck != 5*time.Second || m.SameTenant != "watch" {
		t.Errorf("cluster: %+v", m)
	}
}

func TestZeroAndOffAreOff(t *testing.T) {
	for _, off := range []string{`0`, `"0"`, `"off"`, `"0s"`} {
		c := mustLoad(t, "idle_transaction_timeout = "+off+"\n"+head+"schema_check = "+off+"\n"+route)
		if c.IdleTransactionTimeout != 0 || c.Clusters[0].SchemaCheck != 0 {
			t.Errorf("%s: %v, %v", off, c.IdleTransactionTimeout, c.Clusters[0].SchemaCheck)
		}
	}
	c := mustLoad(t, "max_clients = \"off\"\nmax_pinned = \"off\"\nprepared = { bytes = \"off\" }\n"+head+route)
	if c.MaxClients != 0 || c.Prepared.Bytes != 0 || c.MaxPinned != maxCount {
		t.Errorf("%+v", c)
	}
}

func TestGoodConfigsLoad(t *testing.T) {
	good := map[string]string{
		"sizes":                 "prepared.bytes = \"512 kB\"\n" + head + route,
		"one word for a list":   "listen = \":6432\"\n" + head + strings.Replace(route, `["{tenant}"]`, `"{tenant}"`, 1),
		"TLS said to be off":    "tls = \"disable\"\n" + strings.Replace(head, "127.0.0.1", "db.example", 1) + "tls = \"disable\"\n" + route,
		"socket directory":      strings.Replace(head, "127.0.0.1", "/run/postgresql", 1) + route,
		"IPv6 loopback":         strings.Replace(head, "127.0.0.1", "::1", 1) + route,
		"role level":            head + route + "isolation = \"role\"\nrole = \"tenant_{tenant}\"\n",
		"role for one tenant":   head + route + "role = \"t_{tenant}\"\n[tenant.acme]\nisolation = \"role\"\n",
		"rows by a setting":     head + strings.Replace(route, "tenants = \"schema\"", "search_path = \"public\"\nsettings.\"app.tenant\" = \"{tenant}\"", 1) + "[tenant.acme]\n",
		"a literal route":       head + "[[route]]\ndatabase = \"billing\"\nusers = [\"app\"]\ncluster = \"main\"\nsearch_path = [\"billing\", \"shared\"]\n",
		"a literal user":        head + "[[route]]\nuser = \"report\"\ncluster = \"main\"\nsearch_path = \"reports\"\n",
		"user names the tenant": head + "[[route]]\nuser = \"{tenant}_app\"\ncluster = \"main\"\n[tenant.acme]\n",
		"quoted tenant":         head + route + "[tenant.\"Ünïted [x] #1\"]\nmatch_databases = ['a\"b']\n",
		"settings of all types": head + route + "settings = { work_mem = \"4MB\", geqo = false, \"app.n\" = 7, random_page_cost = 1.1 }\n",
		"inline everything":     "auth = { method = \"trust\" }\ncluster = { main = { host = \"127.0.0.1\", database = \"d\", user = \"u\" } }\nroute = [ { database = \"{tenant}\", cluster = \"main\", tenants = \"schema\" },\n  { user = \"{tenant}\", cluster = \"main\" } ]\ntenant = { acme = { schema = \"a\" } }\n",
		"trust needs no users":  trusting + head[strings.Index(head, "[cluster"):] + strings.Replace(route, "users = [\"{tenant}\"]\n", "", 1),
	}
	for name, text := range good {
		t.Run(name, func(t *testing.T) {
			if c := mustLoad(t, text); len(c.Warnings) > 0 {
				t.Errorf("warnings: %v", c.Warnings)
			}
		})
	}
}

func TestWarningsAreToldByPlaceAndDoNotFail(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"not served", "tcp_user_timeout = \"5s\"\n" + head + route, "1:1: tcp_user_timeout is not served by this version"},
		{"metrics", "http = \"127.0.0.1:9127\"\n" + head + route, ""},
		{"console users", head + "[admin]\nusers = [\"root\"]\n" + route, ""},
		{"weight", head + route + "[tenant.acme]\nweight = 2\n", ""},
		{"everyone", head + strings.Replace(route, "{tenant}\"]", "*\"]", 1), `10:10: "*" lets every login reach every tenant of this route`},
		{"names that begin alike", head + strings.Replace(route, "{tenant}\"]", "{tenant}*\"]", 1),
			`10:10: "{tenant}*" also admits logins of tenants whose names only begin alike; put a separator before the *`},
		{"listed nobody", head + strings.Replace(route, "tenants = \"schema\"\n", "", 1), "8:3: no [tenant.NAME] is listed, so this route admits nobody"},
		{"a cluster for rows", head + "[cluster.spare]\ndatabase = \"d\"\nuser = \"u\"\n[registry]\ncluster = \"main\"\n" + route, ""},
		{"idle cluster", head + "[cluster.spare]\ndatabase = \"d\"\nuser = \"u\"\n" + route, `8:10: no route or tenant uses cluster "spare"`},
		{"case", head + route + "[tenant.acme]\n[tenant.Acme]\n", `14:9: tenants "acme" and "Acme" differ only in case`},
		{"one schema for two", head + route + "[tenant.a]\nschema = \"b\"\n[tenant.b]\n", `15:9: tenants "a" and "b" stand for the same schema "b"`},
		{"shadowed tenant", head + route + "[tenant.a]\nmatch_databases = [\"b\"]\n[tenant.b]\n", `14:20: "b" leads to tenant "a" although a tenant "b" is listed`},
		{"open trust", "listen = [\"0.0.0.0:6432\", \"127.0.0.1:6432\"]\n[auth]\nmethod = \"trust\"\n" + head[strings.Index(head, "[cluster"):] + route,
			`3:10: auth.method = "trust" asks nobody for a password, and 0.0.0.0:6432 can be reached from other machines`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := warnings(mustLoad(t, c.text)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestAnUnreadableFileIsOneFault(t *testing.T) {
	_, err := Load("no/such/file.toml")
	if err == nil || err.Error() != "no/such/file.toml: cannot read: no such file or directory" {
		t.Errorf("got %v", err)
	}
}

func TestIncludedFilesAddRoutesAndTenants(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "users.txt", "\"app\" \"secret\"\n")
	write(t, dir, "config.toml", "include = [\"conf.d/*.toml\", \"conf.d/b.toml\"]\n"+head+route)
	write(t, dir, "conf.d/b.toml", "[tenant.globex]\nmatch_databases = [\"g\"]\n")
	write(t, dir, "conf.d/a.toml", "[[route]]\nuser = \"{tenant}\"\ncluster = \"main\"\n[tenant.acme]\n")
	c, err := Load(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Rules) != 2 || c.Rules[1].User != "{tenant}" || len(c.Tenants) != 2 || c.Tenants[0].Name != "acme" {
		t.Errorf("rules %+v, tenants %+v", c.Rules, c.Tenants)
	}
}

func TestFaultsOfAllFilesAreToldAtOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "users.txt", "\"app\"\n")
	write(t, dir, "config.toml", "include = \"conf.d/*.toml\"\n"+head+route+"weight = -1\n[tenant.acme]\n")
	write(t, dir, "conf.d/a.toml", "listen = \"x\"\n[tenant.acme]\n[[route]]\nuser = 7\ncluster = \"none\"\n")
	write(t, dir, "conf.d/b.toml", "[tenant.b\n")
	_, err := Load(filepath.Join(dir, "config.toml"))
	want := `14:10: route.weight should be at least 1, not -1
a.toml:1:1: "listen" cannot stand in an included file; only [[route]] and [tenant.NAME] can
a.toml:2:9: tenant "acme" is listed twice
a.toml:4:8: route.user should be a string, not 7
a.toml:5:11: no cluster is called "none"
b.toml:1:10: expected '.' or ']' to end table name, but got '\n' instead
users.txt:1:6: a space and the secret in double quotes should follow the name`
	if got := faults(err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPasswordsComeFromTheFileTheEnvironmentOrInline(t *testing.T) {
	t.Setenv("TENANTPOOL_TEST_PASSWORD", "from env")
	dir := t.TempDir()
	write(t, dir, "users.txt", "")
	write(t, dir, "secret", "from file\r\nnot this\n")
	for key, want := range map[string]string{
		"password = \"inline\"":                         "inline",
		"password_file = \"secret\"":                    "from file",
		"password_env = \"TENANTPOOL_TEST_PASSWORD\"\n": "from env",
		"": "",
	} {
		write(t, dir, "config.toml", head+key+"\n"+route)
		c, err := Load(filepath.Join(dir, "config.toml"))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Clusters[0].Password.Reveal(); got != want {
			t.Errorf("%s: got %q", key, got)
		}
	}
}

func TestAUnixSocketBearsThePortOfTheTCPListener(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "users.txt", "")
	write(t, dir, "config.toml", "listen = [\"run/\", \"*:7000\", \"[::1]:7000\"]\n"+head+route)
	c, err := Load(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Address{{"unix", filepath.Join(dir, "run/.s.PGSQL.7000")}, {"tcp", ":7000"}, {"tcp", "[::1]:7000"}}
	if !slices.Equal(c.Listen, want) {
		t.Errorf("got %v, want %v", c.Listen, want)
	}
}

func TestProfileSettingNamesAreAllThatAProfileOfTheClusterCanName(t *testing.T) {
	c := mustLoad(t, head+"[cluster.eu]\ndatabase = \"d\"\nuser = \"u\"\n"+route+`settings = { "App.B" = "x", "app.a" = "y" }
[tenant.acme]
cluster = "eu"
settings = { "app.c" = "z" }
[tenant.globex]
settings = { work_mem = "1MB", "app.a" = "own" }
`)
	for cluster, want := range map[string][]string{
		"main": {"app.a", "app.b", "work_mem"},
		"eu":   {"app.a", "app.b", "app.c"},
		"none": nil,
	} {
		if got := c.ProfileSettingNames(cluster); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", cluster, got, want)
		}
	}
}

func TestSwitchesRolesLooksAtRoutesAndTenants(t *testing.T) {
	two := head + "[cluster.eu]\ndatabase = \"d\"\nuser = \"u\"\n" + route
	for text, want := range map[string][2]bool{
		two:                            {false, false},
		two + "isolation = \"role\"\n": {true, false},
		two + "[tenant.a]\ncluster = \"eu\"\nisolation = \"role\"\n": {false, true},
		two + "[tenant.a]\nisolation = \"role\"\n":                   {true, true},
	} {
		c := mustLoad(t, text)
		if got := [2]bool{c.SwitchesRoles("main"), c.SwitchesRoles("eu")}; got != want {
			t.Errorf("got %v, want %v for\n%s", got, want, text)
		}
	}
}

func TestFiveThousandTenantsLoad(t *testing.T) {
	var b strings.Builder
	b.WriteString(head + route)
	for i := range 5000 {
		fmt.Fprintf(&b, "[tenant.t%d]\nschema = \"customer_%d\"\nmatch_databases = [\"t%d\", \"t%d_prod\"]\nmax_clients = 20\n", i, i, i, i)
	}
	c := mustLoad(t, b.String())
	r, err := c.Table.Resolve(routing.Identity{User: "t4711", Database: "t4711_prod"})
	if err != nil || r.Schema != "customer_4711" || r.MaxClients != 20 {
		t.Errorf("%+v, %v", r, err)
	}
}

func BenchmarkLoadFiveThousandTenants(b *testing.B) {
	dir := b.TempDir()
	var text strings.Builder
	text.WriteString(trusting + head[strings.Index(head, "[cluster"):] + route)
	for i := range 5000 {
		fmt.Fprintf(&text, "[tenant.t%d]\nschema = \"customer_%d\"\nmax_clients = 20\n", i, i)
	}
	path := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Load(path); err != nil {
			b.Fatal(err)
		}
	}
}
