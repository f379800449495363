package demo

import (
	"os"
	"strings"
	"testing"

	"tenantpool/internal/pgtest"
)

const sample = `# top
listen = ["127.0.0.1:6432"] # where
[auth]
users_file = "users.txt"
[cluster.main]   # one
host      = "db" # a [comment
# pool_size = 5
pool_size = 20
[cluster.other]
pool_size = 7
`

func TestOnlyTheNamedKeysOfTheNamedSectionsChange(t *testing.T) {
	got, err := rewrite(sample, []edit{
		{key: "listen", value: `["127.0.0.1:1"]`},
		{section: "cluster.main", key: "pool_size", value: "4"},
		{key: "http", value: `""`, optional: true},
	})
	want := strings.NewReplacer(
		`listen = ["127.0.0.1:6432"] # where`, `listen = ["127.0.0.1:1"] # set by the demo`,
		"\npool_size = 20", "\npool_size = 4 # set by the demo").Replace(sample)
	if err != nil || got != want {
		t.Errorf("%v, got:\n%s", err, got)
	}
}

func TestAKeyThatNoLineSetsIsNamed(t *testing.T) {
	for _, e := range []edit{{section: "auth", key: "host"}, {section: "", key: "pool_size"}, {section: "none", key: "listen"}} {
		if _, err := rewrite(sample, []edit{e}); err == nil || !strings.Contains(err.Error(), e.key+" in ["+e.section+"]") {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

func TestAListOverSeveralLinesIsRefused(t *testing.T) {
	_, err := rewrite("listen = [\n  \"a\",\n]\n", []edit{{key: "listen", value: "[]"}})
	if err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("got %v", err)
	}
}

func TestTheSampleConfigurationCanBeRewritten(t *testing.T) {
	text, err := os.ReadFile("../config.toml")
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{server: &pgtest.Server{Host: "127.0.0.1", Port: 2}}
	if _, err := rewrite(string(text), s.edits(endpoint{host: "127.0.0.1", port: 1})); err != nil {
		t.Error(err)
	}
}
