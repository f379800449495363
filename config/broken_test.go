package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// head is a good beginning of seven lines; cases go on at line 8.
const head = `[auth]
method = "scram-sha-256"
users_file = "users.txt"
[cluster.main]
host = "127.0.0.1"
database = "app"
user = "app"
`

// route is a good route.
const route = `[[route]]
database = "{tenant}"
users = ["{tenant}"]
cluster = "main"
tenants = "schema"
`

// trusting needs no users file and no users.
const trusting = "auth.method = \"trust\"\n"

// load writes the text as config.toml beside a users file and loads it.
func load(t *testing.T, text string) (*Config, error) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "users.txt", "\"app\" \"secret\"\n")
	write(t, dir, "config.toml", text)
	return Load(filepath.Join(dir, "config.toml"))
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// faults gives an error's problems, the directory left out.
func faults(err error) string {
	problems, ok := err.(Problems)
	if !ok {
		return ""
	}
	lines := make([]string, len(problems))
	for i, p := range problems {
		p.File = filepath.Base(p.File)
		lines[i] = strings.TrimPrefix(p.String(), "config.toml:")
	}
	return strings.Join(lines, "\n")
}

func TestEveryBrokenConfigIsToldByLineColumnAndText(t *testing.T) {
	seen := make(map[string]string)
	for _, c := range append(slices.Clone(brokenConfigs), moreBroken...) {
		if twin, twice := seen[c.text]; twice {
			t.Errorf("%q and %q are one text", twin, c.name)
		}
		seen[c.text] = c.name
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.text)
			if got := faults(err); got != c.want {
				t.Errorf("got\n%s\nwant\n%s\nfor\n%s", got, c.want, c.text)
			}
		})
	}
	if len(seen) < 200 {
		t.Errorf("only %d broken configurations", len(seen))
	}
}
