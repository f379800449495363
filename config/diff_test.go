package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const diffable = `
max_clients = 100
[auth]
users_file = "users.txt"
[cluster.main]
database = "d"
user = "u"
password = "hunter2"
[[route]]
database = "{tenant}"
users = ["app"]
cluster = "main"
search_path = ["{schema}"]
[tenant.acme]
[tenant.globex]
`

func TestADiffSaysWhatChangedAndNoSecret(t *testing.T) {
	dir := t.TempDir()
	load := func(text, users string) *Config {
		t.Helper()
		file := filepath.Join(dir, "config.toml")
		for name, text := range map[string]string{file: text, filepath.Join(dir, "users.txt"): users} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	old := load(diffable, `"app" "x"`)
	if same := load(diffable, `"app" "x"`).Diff(old); len(same) > 0 {
		t.Errorf("nothing has changed, but %v", same)
	}
	now := load(strings.NewReplacer("max_clients = 100", "max_clients = 200\nlisten = [\"127.0.0.1:7\"]", "hunter2", "hunter3",
		`["{schema}"]`, `["{schema}", "x"]`, "[tenant.globex]", "[tenant.initech]\n[cluster.other]\ndatabase = \"e\"\nuser = \"u\"",
		"[tenant.acme]", "[tenant.acme]\nstate = \"disabled\"").Replace(diffable), `"app" "y"`)
	var got []string
	for _, c := range now.Diff(old) {
		got = append(got, c.String())
	}
	want := `cluster.main.password: changed
cluster.other: added
listen: [127.0.0.1:6432] -> [127.0.0.1:7] (takes effect at the next start)
max_clients: 100 -> 200
auth.users_file: what it holds has changed
route 1: changed
tenant initech: added
tenant globex: removed
tenant acme: changed`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	many := diffable
	for i := range 100 {
		many += fmt.Sprintf("[tenant.t%d]\n", i)
	}
	if got := fmt.Sprint(load(many, `"app" "x"`).Diff(old)); got != "[tenants: 100 added]" {
		t.Errorf("got %s", got)
	}
}
