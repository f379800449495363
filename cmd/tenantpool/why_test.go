package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const whyConfig = `pool_mode = "session"
[auth]
method = "trust"
[cluster.main]
database = "app"
user = "app"
password = "geheim"
[[route]]
database = "{tenant}"
users = ["app", "{tenant}"]
cluster = "main"
max_clients = 9
[tenant.acme]
schema = "customer_1"
max_servers = 4
[tenant.gone]
state = "disabled"
`

// about runs a command on a configuration; its path is written FILE.
func about(t *testing.T, text, command string, args ...string) (status int, stdout string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := called(t, append([]string{command, "-c", path}, args...)...)
	if stderr != "" {
		t.Errorf("stderr %q", stderr)
	}
	return status, strings.ReplaceAll(stdout, path, "FILE")
}

func TestWhyNamesTheLineOfEachPart(t *testing.T) {
	status, stdout := about(t, whyConfig, "why", "app", "acme")
	for _, want := range []string{
		`tenant "acme" from database`, `route 1 is at FILE:8:3`, `tenant "acme" is listed at FILE:13:9`,
		`pool: 20 connections to database "app" as "app", cluster "main" at FILE:4:10`,
		`max_clients 9, at FILE:12:1`, `max_servers 4, at FILE:15:1`, `weight 1, by default`,
		`schema is said at FILE:14:1`, `pool_mode is said at FILE:1:1`, `search_path "customer_1"`,
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	if status != 0 {
		t.Errorf("status %d", status)
	}
}

func TestWhyTellsWhatARefusedClientHears(t *testing.T) {
	for _, c := range []struct{ user, database, want string }{
		{"eve", "acme", "database does not exist (3D000)"},
		{"app", "nobody", `tenant "nobody" is not listed`},
		{"app", "gone", "state is said at FILE:17:1"},
	} {
		status, stdout := about(t, whyConfig, "why", c.user, c.database)
		if status != 1 || !strings.Contains(stdout, c.want) {
			t.Errorf("%s on %s: %d\n%s", c.user, c.database, status, stdout)
		}
	}
}

func TestWhyTellsTheLimitsAndTheReplicas(t *testing.T) {
	text := "query_timeout = \"1m\"\nprepared = { per_client = 7 }\n" + strings.Replace(whyConfig, "user = \"app\"\n",
		"user = \"app\"\nreplicas = [\"db2:5433\"]\nreplica_pool_size = 3\nreplica_fallback = \"error\"\n", 1) + "[tenant.globex]\nmax_qps = 5\nquery_wait_timeout = 0\n"
	status, stdout := about(t, text, "why", "app", "globex@ro")
	for _, want := range []string{`suffix "@ro" asks for a replica`, `pool: 3 connections to database "app" as "app", cluster "main@ro" at FILE:9:1`,
		"hosts: db2:5433; target_session_attrs standby\n", "query_timeout 1m0s, at FILE:1:1", "max_prepared 7, at FILE:2:", "max_qps 5, at FILE:24:1",
		"query_wait_timeout off, at FILE:25:1", "off by default: max_servers, max_waiting, max_qps_burst, ",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	if status != 0 {
		t.Errorf("status %d", status)
	}
}

func TestWhySendsTenantsOfARegistryToTheConsole(t *testing.T) {
	status, stdout := about(t, whyConfig+"[registry]\ncluster = \"main\"\n", "why", "app", "row")
	if status != 1 || !strings.Contains(stdout, "the registry at FILE:18:2 was not asked: SHOW WHY") {
		t.Errorf("%d\n%s", status, stdout)
	}
}

func TestTheEffectiveConfigPrintsRegistryAndPeers(t *testing.T) {
	text := "peer_id = 1\n" + whyConfig + "[registry]\ncluster = \"main\"\n[[peer]]\nid = 2\naddress = \"127.0.0.1:7000\"\n"
	_, stdout := about(t, text, "config", "--effective")
	for _, want := range []string{"[registry]\ncluster = \"main\" #", `interval = "30s" # default`, "[[peer]]\nid = 2 #"} {
		if !strings.Contains(squeezed(stdout), want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	if status, again := about(t, stdout, "config"); status != 0 || !strings.Contains(again, "127.0.0.1:7000") {
		t.Errorf("%d\n%s", status, again)
	}
}

func TestWhyNeedsAUserAndADatabase(t *testing.T) {
	if status, _, stderr := called(t, "why", "app"); status != 2 || !strings.Contains(stderr, "DATABASE is missing") {
		t.Errorf("%d %q", status, stderr)
	}
}

func TestTheEffectiveConfigNamesSourcesAndMasksSecrets(t *testing.T) {
	status, stdout := about(t, whyConfig, "config", "--effective")
	for _, want := range []string{
		`pool_mode = "session" # FILE:1:1`, `max_clients = 5000 # default`, `password = "***" # FILE:7:1`,
		`query_wait_timeout = "10s" # default`, `max_servers = 4 # FILE:15:1`, "\n[tenant.gone]\n",
	} {
		if !strings.Contains(squeezed(stdout), want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	if status != 0 || strings.Contains(stdout, "geheim") {
		t.Errorf("%d\n%s", status, stdout)
	}
}

// What config prints is a configuration: it can be checked and means the same.
func TestThePrintedConfigIsOne(t *testing.T) {
	_, stdout := about(t, whyConfig, "config", "--effective")
	status, again := about(t, strings.Replace(stdout, "http = \"\"", "", 1), "config")
	if status != 0 || !strings.Contains(squeezed(again), `max_servers = 4 #`) {
		t.Errorf("%d\n%s", status, again)
	}
}

// squeezed has one blank where there were several.
func squeezed(s string) string {
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return s
}

func TestCheckWarnsOfSecretsThatOthersCanRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.toml")
	text := strings.Replace(whyConfig, "password = \"geheim\"", "password_file = \"pw\"", 1)
	for name, text := range map[string]string{path: text, filepath.Join(dir, "pw"): "geheim\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	status, _, stderr := called(t, "check", "-c", path)
	if status != 0 || !strings.Contains(stderr, "config.toml:7:17: warning: others can read pw: chmod 0600 it") {
		t.Errorf("%d %q", status, stderr)
	}
	if err := os.WriteFile(path, []byte(whyConfig), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, stderr := called(t, "check", "-c", path); !strings.Contains(stderr, "config.toml:7:1: warning: others can read this file") {
		t.Errorf("%q", stderr)
	}
}
