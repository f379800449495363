package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tenantpool calls the program and gives what it printed.
func tenantpool(t *testing.T, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.Command(program(t, false), args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// initialised writes what init says of the world, seen as a user, and a users file beside it.
func initialised(t *testing.T, w *world, user, users string, args ...string) (file, text string) {
	t.Helper()
	from := fmt.Sprintf("host=%s port=%d dbname=%s user=%s", w.server.Host, w.server.Port, w.database, user)
	text, stderr, status := tenantpool(t, "", append([]string{"init", "--from", from}, args...)...)
	if status != 0 {
		t.Fatalf("init: %d\n%s", status, stderr)
	}
	dir := t.TempDir()
	file = filepath.Join(dir, "config.toml")
	must(t, os.WriteFile(file, []byte("listen = [\"127.0.0.1:0\"]\n"+text), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "users.txt"), []byte(users), 0o600))
	return file, text
}

// What init writes is good, is true of the server, and a client gets to its tenant by it.
func TestInitWritesAConfigurationThatRuns(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		verifier, _, _ := tenantpool(t, password("app")+"\n", "hash", "--stdin", "--user", "app")
		file, text := initialised(t, w, "app", verifier, "--tenants", "schema like %m_")
		if !strings.Contains(text, "[tenant.acme]") || strings.Count(text, "[tenant.") != 1 {
			t.Errorf("the tenants are not those that the pattern says:\n%s", text)
		}
		stdout, stderr, status := tenantpool(t, "", "check", "-c", file, "--connect")
		if status != 0 || !strings.Contains(stdout, `logged in as "app"`) {
			t.Fatalf("check: %d\n%s%s", status, stdout, stderr)
		}
		p := awaitPooler(t, launchPooler(t, setup{}, file))
		c := login(t, p.endpoint, "acme")
		if got := c.value("SELECT name FROM whoami"); got != "acme" {
			t.Errorf("the tenant is %q", got)
		}
	})
}

// Where each schema has a login of its name, the user is the tenant.
func TestInitFindsTenantsThatAreUsers(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		w.exec(t, `DO $$ BEGIN CREATE ROLE init_a LOGIN PASSWORD 'a'; CREATE ROLE init_b LOGIN PASSWORD 'b'; EXCEPTION WHEN duplicate_object THEN END $$;
			CREATE SCHEMA init_a; CREATE SCHEMA init_b; CREATE VIEW init_b.whoami AS SELECT 'b' AS name`)
		t.Cleanup(func() { w.exec(t, "DROP SCHEMA init_a, init_b CASCADE; DROP ROLE init_a, init_b") })
		file, text := initialised(t, w, w.server.User, "", "--tenants", "init_*")
		for _, want := range []string{`user = "{tenant}"`, `schemas = "init_*"`, `cluster = "main"`} {
			if !strings.Contains(text, want) {
				t.Errorf("no %s in\n%s", want, text)
			}
		}
		p := awaitPooler(t, launchPooler(t, setup{}, file))
		c, failed := tryLogin(t, p.endpoint, "init_b", "b", w.database)
		if failed != nil {
			t.Fatal(failed)
		}
		if got := c.value("SELECT name FROM whoami"); got != "b" {
			t.Errorf("the tenant is %q", got)
		}
	})
}

func TestCheckConnectTellsWhatTenantsLack(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		w.exec(t, `CREATE SCHEMA locked`)
		file := setup{more: "[tenant.acme]\n[tenant.gone]\n[tenant.locked]\n"}.write(t, w)
		stdout, stderr, status := tenantpool(t, "", "check", "-c", file, "--connect", "--json")
		var found struct {
			OK       bool
			Problems []struct {
				Severity, Text string
				Line           int
			}
		}
		must(t, json.Unmarshal([]byte(stdout), &found))
		if status != 1 || found.OK || stderr != "" || len(found.Problems) != 2 {
			t.Fatalf("%d %q\n%s", status, stderr, stdout)
		}
		for i, want := range []string{`tenant "gone" on cluster "main": schema gone does not exist`, `app may not use schema locked: GRANT USAGE`} {
			if p := found.Problems[i]; p.Severity != "error" || p.Line == 0 || !strings.Contains(p.Text, want) {
				t.Errorf("%+v, want %q", p, want)
			}
		}
	})
}

func TestCheckConnectTellsWhyALoginFails(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			s    setup
			want string
		}{{setup{login: "nobody_at_all"}, "does not exist"}, {setup{host: "127.0.0.1:1"}, "unreachable"}} {
			_, stderr, status := tenantpool(t, "", "check", "-c", c.s.write(t, w), "--connect")
			if status != 1 || !strings.Contains(stderr, c.want) || !strings.Contains(stderr, "config.toml:") {
				t.Errorf("%d %q, want %q", status, stderr, c.want)
			}
		}
	})
}
