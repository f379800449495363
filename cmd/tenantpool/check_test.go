package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const checkedConfig = `[auth]
method = "trust"
[cluster.main]
database = "app"
user = "app"
[[route]]
database = "{tenant}"
cluster = "main"
tenants = "schema"
`

// check runs the subcommand on a configuration and gives what it printed, the
// path of the file written as FILE.
func check(t *testing.T, text string) (status int, stdout, stderr string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	status = runCheck([]string{"-c", path}, &out, &errs)
	return status, strings.ReplaceAll(out.String(), path, "FILE"), strings.ReplaceAll(errs.String(), path, "FILE")
}

func TestCheckSumsUpAGoodConfigInOneLine(t *testing.T) {
	status, stdout, stderr := check(t, checkedConfig+"[tenant.acme]\n[tenant.globex]\n")
	if status != 0 || stdout != "FILE: ok: 1 listener, 1 cluster, 1 route, 2 listed tenants\n" || stderr != "" {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

func TestCheckPrintsWarningsAndSucceeds(t *testing.T) {
	status, stdout, stderr := check(t, "tcp_user_timeout = \"5s\"\n"+checkedConfig)
	if status != 0 || stdout != "FILE: ok: 1 listener, 1 cluster, 1 route, 0 listed tenants\n" ||
		stderr != "FILE:1:1: warning: tcp_user_timeout is not served by this version\n" {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

func TestCheckPrintsEveryFaultAndFails(t *testing.T) {
	status, stdout, stderr := check(t, "lisen = \":1\"\n"+checkedConfig+"weight = \"x\"\n")
	if status != 1 || stdout != "" || stderr != `FILE:1:1: unknown key "lisen" (did you mean "listen"?)
FILE:11:10: route.weight should be a whole number, not "x"
` {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

func TestCheckRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
	}{{[]string{"-x"}, 2}, {[]string{"config.toml"}, 2}, {[]string{"-c", "no/such/file"}, 1}} {
		args := c.args
		var out, errs strings.Builder
		if status := runCheck(args, &out, &errs); status != c.status || out.Len() > 0 || errs.Len() == 0 {
			t.Errorf("%q: status %d, stdout %q, stderr %q", args, status, out.String(), errs.String())
		}
	}
}

func TestCheckShowsItsFlags(t *testing.T) {
	var out, errs strings.Builder
	if status := runCheck([]string{"-h"}, &out, &errs); status != 0 || !strings.Contains(errs.String(), "-c FILE") {
		t.Errorf("status %d, stderr %q", status, errs.String())
	}
}
