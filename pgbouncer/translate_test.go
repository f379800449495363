package pgbouncer

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tenantpool/config"
	"tenantpool/routing"
)

const sample = "/usr/share/doc/pgbouncer/examples/pgbouncer.ini"

func translated(t *testing.T, path string, commented bool) *Translation {
	t.Helper()
	got, err := Translate(path, commented)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// write makes a pgbouncer.ini, and its userlist.txt beside it, written as USERS.
func write(t *testing.T, ini, users string) string {
	t.Helper()
	dir := t.TempDir()
	list := filepath.Join(dir, "userlist.txt")
	path := filepath.Join(dir, "pgbouncer.ini")
	for name, text := range map[string]string{list: users, path: strings.ReplaceAll(ini, "USERS", list)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// loaded is the configuration that a translation makes.
func loaded(t *testing.T, text string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path)
	if err != nil {
		t.Fatalf("%v\nfor\n%s", err, text)
	}
	return c
}

func outcome(t *testing.T, got *Translation, name string) Outcome {
	t.Helper()
	for _, o := range got.Outcomes {
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("nothing is said of %s", name)
	return Outcome{}
}

// Every line of the sample that is a setting, commented out or not, has an outcome.
func TestNothingOfTheAnnotatedSampleIsDropped(t *testing.T) {
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Skip("pgbouncer is not installed: ", err)
	}
	got := translated(t, sample, true)
	told := make(map[string]bool)
	for _, o := range got.Outcomes {
		told[o.Place] = true
		if o.Text == "" {
			t.Errorf("%s %s: %s, and not how or why", o.Place, o.Name, o.Result)
		}
	}
	setting := regexp.MustCompile(`^;? ?([a-z_0-9*]+)(\s*=.*|$)`)
	count := 0
	for i, line := range strings.Split(string(text), "\n") {
		if !setting.MatchString(line) || strings.HasPrefix(line, ";;") || strings.Contains(line, "skip the check") {
			continue
		}
		count++
		place := line0("pgbouncer.ini", i+1)
		if !told[place] {
			t.Errorf("%s: nothing is said of %q", place, line)
		}
	}
	served := got.Count(Mapped) + got.Count(Met)
	t.Logf("%d lines, %d settings: %d mapped, %d met without a setting, %d not mapped", count, len(got.Outcomes), got.Count(Mapped), got.Count(Met), got.Count(None))
	if count < 90 || served*100 < 80*len(got.Outcomes) {
		t.Errorf("only %d of %d settings are served", served, len(got.Outcomes))
	}
}

func line0(file string, number int) string { return line{file: file, number: number}.place() }

func TestEveryKeyThatATranslationWritesExists(t *testing.T) {
	known := make(map[string]bool)
	for _, s := range config.Settings() {
		known[s.Key] = true
	}
	got := translated(t, write(t, everything, "\"alice\" \"a\"\n\"bob\" \"b\"\n"), false)
	key := regexp.MustCompile(`(?m)^([a-z_]+) = `)
	for _, m := range key.FindAllStringSubmatch(got.Config, -1) {
		if !known[m[1]] {
			t.Errorf("%s is no key", m[1])
		}
	}
}

const everything = `[databases]
app = host=127.0.0.1 port=5433 dbname=app_production pool_size=7
"odd name" = host=/run/pg user=shared
[users]
bob = max_user_connections=3
[pgbouncer]
listen_addr = 127.0.0.1, ::1
listen_port = 7000
unix_socket_dir =
auth_type = scram-sha-256
auth_file = USERS
pool_mode = transaction
max_client_conn = 900
query_wait_timeout = 20.5
server_lifetime = 3600
min_pool_size = 2
verbose = 2
ignore_startup_parameters = extra_float_digits
max_user_connections = 5
`

func TestATranslationPassesCheckAndMeansTheSame(t *testing.T) {
	got := translated(t, write(t, everything, "\"alice\" \"a\"\n\"bob\" \"b\"\n"), false)
	c := loaded(t, got.Config)
	if len(c.Listen) != 2 || c.Listen[1].Address != "[::1]:7000" || c.MaxClients != 900 || c.QueryWaitTimeout.String() != "20.5s" || c.Log.Level != "debug" {
		t.Errorf("%+v", c)
	}
	app := c.Cluster("app")
	if app == nil || app.Port != 5433 || app.Database != "app_production" || app.PoolSize != 7 {
		t.Errorf("%+v", app)
	}
	for _, who := range []struct {
		user, database, tenant, login string
		servers                       int
	}{{"alice", "app", "alice", "alice", 5}, {"bob", "app", "bob", "bob", 3}, {"alice", "odd name", "odd name", "", 0}} {
		steps := c.Table.Explain(identity(who.user, who.database))
		r, err := c.Table.Resolve(identity(who.user, who.database))
		if err != nil || r.Tenant != who.tenant || r.Login != who.login || r.MaxServers != who.servers || r.Path[0] != "public" {
			t.Errorf("%s on %s: %+v, %v\n%s", who.user, who.database, r, err, strings.Join(steps, "\n"))
		}
	}
}

func TestDefaultsThatDifferAreTold(t *testing.T) {
	got := translated(t, write(t, "[databases]\nx = user=u\n[pgbouncer]\nauth_type = trust\n", ""), false)
	c := loaded(t, got.Config)
	if c.Mode.String() != "session" {
		t.Errorf("PgBouncer pools sessions unless told otherwise, not %s", c.Mode)
	}
	for _, want := range []string{"# query_wait_timeout = \"2m\"", "# max_clients = 100"} {
		if !strings.Contains(got.Config, want) {
			t.Errorf("%s is not in\n%s", want, got.Config)
		}
	}
}

func TestAPasswordIsNeverCopied(t *testing.T) {
	t.Setenv("TENANTPOOL_FORCED_PASSWORD", "x")
	got := translated(t, write(t, "[databases]\nforced = host=localhost user=baz password='it''s secret'\n[pgbouncer]\nauth_type = trust\n", ""), false)
	loaded(t, got.Config)
	if strings.Contains(got.Config, "secret'") || outcome(t, got, "databases.forced password").Result != Mapped {
		t.Errorf("%s", got.Config)
	}
	for _, o := range got.Outcomes {
		if strings.Contains(o.Text, "it's") {
			t.Errorf("%+v", o)
		}
	}
}

func TestWhatHasNoEquivalentIsToldWithAReason(t *testing.T) {
	got := translated(t, write(t, "[databases]\n* = host=x\n[pgbouncer]\nauth_type = pam\npidfile = /x\nserver_reset_query = SELECT 1\nno_such = 1\n[peers]\n1 = host=y\n", ""), false)
	for _, name := range []string{"databases.*", "auth_type", "pidfile", "server_reset_query", "no_such", "peers.1"} {
		if o := outcome(t, got, name); o.Result != None || !strings.Contains(got.Config, "#   "+o.Place+" "+name+": ") {
			t.Errorf("%+v", o)
		}
	}
}

func TestOfTwoSettingsTheLastCounts(t *testing.T) {
	got := translated(t, write(t, "[databases]\nx = user=u\n[pgbouncer]\nauth_type = trust\nmax_client_conn = 5\nmax_client_conn = 6\n", ""), false)
	if c := loaded(t, got.Config); c.MaxClients != 6 || len(got.Outcomes) != 5 {
		t.Errorf("%d, %+v", c.MaxClients, got.Outcomes)
	}
}

func TestAFileThatIsNoINIIsToldByItsLine(t *testing.T) {
	_, err := Translate(write(t, "[pgbouncer]\nwhat is this\n", ""), false)
	if err == nil || !strings.Contains(err.Error(), "pgbouncer.ini:2: ") {
		t.Errorf("%v", err)
	}
}

func TestIncludedFilesAreRead(t *testing.T) {
	path := write(t, "[databases]\nx = user=u\n[pgbouncer]\nauth_type = trust\n", "")
	more := filepath.Join(filepath.Dir(path), "more.ini")
	if err := os.WriteFile(more, []byte("[pgbouncer]\nmax_client_conn = 7\n%include "+path+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := loaded(t, translated(t, more, false).Config); c.MaxClients != 7 {
		t.Errorf("%d", c.MaxClients)
	}
	if err := os.WriteFile(more, []byte("%include "+more+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Translate(more, false); err == nil {
		t.Error("a file that includes itself was read")
	}
}

const several = `[databases]
app = host=db1,db2 user=shared
near = host=/run/a,127.0.0.1 user=shared load_balance_hosts=disable
[peers]
1 = host=/run/p1
2 = host=/run/p2 port=7000 pool_size=3
3 = host=10.0.0.3
[pgbouncer]
auth_type = trust
server_tls_sslmode = disable
peer_id = 1
so_reuseport = 1
dns_max_ttl = 30
admin_users = boss, root
stats_users = watcher
`

func TestHostsPeersAndOperatorsAreTakenOver(t *testing.T) {
	got := translated(t, write(t, several, ""), false)
	c := loaded(t, got.Config)
	app, near := c.Cluster("app"), c.Cluster("near")
	if len(app.Hosts) != 2 || app.Target != "any" || app.LoadBalance != "random" || app.DNSMaxTTL.String() != "30s" {
		t.Errorf("%+v", app)
	}
	if len(near.Hosts) != 2 || near.LoadBalance != "disable" {
		t.Errorf("%+v", near)
	}
	if len(c.Admin.Users) != 2 || len(c.Admin.StatsUsers) != 1 || !c.ReusePort || c.PeerID != 1 || len(c.Peers) != 2 ||
		c.Peers[0].Address.Address != "/run/p2/.s.PGSQL.7000" || c.Peers[1].Address.Address != "10.0.0.3:6432" {
		t.Errorf("%+v\n%s", c, got.Config)
	}
	if n := got.Count(None); n != 0 {
		t.Errorf("%d are not mapped:\n%s", n, got.Config)
	}
}

func TestPeersWithoutNumbersAreTold(t *testing.T) {
	for _, peer := range []string{"", "peer_id = 64\n"} {
		got := translated(t, write(t, "[databases]\nx = user=u\n[pgbouncer]\nauth_type = trust\n"+peer+"[peers]\n2 = host=y\n", ""), false)
		loaded(t, got.Config)
		if o := outcome(t, got, "peers.2"); o.Result != None {
			t.Errorf("%+v", o)
		}
	}
}

func identity(user, database string) routing.Identity {
	return routing.Identity{User: user, Database: database}
}
