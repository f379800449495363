package registry

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestARowIsReadByTheNamesOfItsColumns(t *testing.T) {
	row, name, err := parseRow([]byte(`{"id": 7, "name": "acme", "schema": "acme", "cluster": null, "users": ["app", "b"],
		"settings": {"app.b": true, "app.a": 1.50}, "state": "suspended", "reason": "unpaid", "query_timeout": "3s", "isolation": "role", "max_clients": 3}`))
	if err != nil || name != "acme" || row.Schema != "" || len(row.Users) != 2 || !row.Disabled || row.Suspended != "unpaid" || *row.Limits.MaxClients != 3 || *row.Limits.QueryTimeout != 3*time.Second ||
		row.Isolation.String() != "role" || row.Settings[0].Value != "1.50" || row.Settings[1].Value != "true" {
		t.Errorf("%+v, %v", row, err)
	}
	row, name, err = parseRow([]byte(`{"schema_name": "globex", "domain_url": "Globex.Example.com"}`))
	if err != nil || name != "globex" || row.Name != "globex" || row.Domains[0] != "globex.example.com" {
		t.Errorf("%+v, %v", row, err)
	}
}

func TestARowWithAValueOfAnotherTypeIsRefusedByItsColumn(t *testing.T) {
	for text, want := range map[string]string{
		`{"name": "a", "users": "app"}`:                   "column users cannot be a string",
		`{"name": "a", "max_clients": "many"}`:            "column max_clients",
		`{"name": "a", "weight": 0}`:                      "weight: 0 is less than 1",
		`{"name": "a", "query_timeout": "soon"}`:          `query_timeout: "soon"`,
		`{"name": "a", "state": "gone"}`:                  `state: "gone"`,
		`{"name": "a", "isolation": "none"}`:              `isolation: "none"`,
		`{"name": "a", "settings": {"x": null}}`:          `the value of "x"`,
		`{"name": "` + strings.Repeat("a", maxRow) + `"}`: "longer than",
	} {
		if _, _, err := parseRow([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

// django-tenants has two columns of its own in the place of others.
func TestTheTableOfTheDocumentationHasEveryColumn(t *testing.T) {
	for _, file := range []string{"registry.sql", "registry.md"} {
		text, err := os.ReadFile(filepath.Join("..", "docs", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range reflect.VisibleFields(reflect.TypeFor[columns]()) {
			name := f.Tag.Get("json")
			if name == "" || file == "registry.sql" && (name == "schema_name" || name == "domain_url") {
				continue
			}
			if !regexp.MustCompile("(?m)^    " + name + " |`" + name + "`").Match(text) {
				t.Errorf("%s does not have the column %s", file, name)
			}
		}
	}
}
