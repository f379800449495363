package registry

import (
	"log/slog"
	"testing"

	"tenantpool/routing"
)

func TestNoOrderOfRowsLetsOneTakeTheNameOfAnother(t *testing.T) {
	base, problems := routing.Build([]routing.Rule{{Database: "{tenant}", Users: []string{"app"}, Cluster: "main", SearchPath: []string{"{schema}"}}}, nil)
	if base == nil {
		t.Fatal(problems)
	}
	evil, acme := []byte(`{"name": "evil", "domain_url": "acme"}`), []byte(`{"name": "acme"}`)
	for _, reads := range [][][][]byte{{{evil, acme}}, {{acme, evil}}, {{[]byte(`{"name": "evil"}`), acme}, {evil, acme}}} {
		c := NewCatalog(func(Row) error { return nil }, func(*routing.Table) {}, slog.New(slog.DiscardHandler))
		c.Rebase(base, true, func(*routing.Table) {})
		for _, rows := range reads {
			c.all(rows)
		}
		if r, err := c.now.Resolve(routing.Identity{User: "app", Database: "acme"}); err != nil || r.Tenant != "acme" {
			t.Errorf("%s: %v, %v", reads, r, err)
		}
		if c.Refused()["evil"] == "" {
			t.Error("the row that wants another's name is not refused")
		}
	}
}

func TestTheSecretOfARowThatIsRefusedIsForgotten(t *testing.T) {
	rules := []routing.Rule{{Database: "{tenant}", Users: []string{"app"}, Cluster: "main", SearchPath: []string{"{schema}"}}}
	base, _ := routing.Build(rules, nil)
	c := NewCatalog(func(Row) error { return nil }, func(*routing.Table) {}, slog.New(slog.DiscardHandler))
	c.Rebase(base, true, func(*routing.Table) {})
	rows := [][]byte{[]byte(`{"name": "acme", "password": "old"}`)}
	c.all(rows)
	if secret, _ := c.Secret("acme"); secret != "old" {
		t.Fatalf("got %q", secret)
	}
	base, _ = routing.Build(rules, []routing.TenantEntry{{Name: "acme"}})
	c.Rebase(base, true, func(*routing.Table) {})
	c.all(rows)
	if _, ok := c.Secret("acme"); ok || c.Refused()["acme"] == "" {
		t.Error("the password of a row that is refused is still in use")
	}
}

func TestTheColumnOfNamesIsNotOneWithinAnotherColumn(t *testing.T) {
	for row, want := range map[string]string{
		`{"id":1,"name":"acme"}`:                            "name",
		`{"schema_name":"acme","settings":{"name":"x"}}`:    "schema_name",
		`{"schema_name":"acme","name":"Acme & Sons"}`:       "name",
		`{"schema_name":"acme","about":"{\"name\":\"x\"}"}`: "schema_name",
	} {
		if got := keyOf([]byte(row)); got != want {
			t.Errorf("%s: %s", row, got)
		}
	}
}
