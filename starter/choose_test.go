package starter

import (
	"strings"
	"testing"
)

func schemas(names ...string) (all []Schema) {
	for _, n := range names {
		all = append(all, Schema{Name: n, Owner: "app", Usable: true})
	}
	return all
}

func TestTenantsAreChosen(t *testing.T) {
	for _, c := range []struct {
		have, said string
		pattern    string
		listed     bool
		tenants    string // "" is an error
	}{
		{"tenant_a tenant_b audit", "", "tenant_*", false, "tenant_a tenant_b"},
		{"acme globex", "", "", false, "acme globex"},
		{"a_x b_y c_z", "", "", false, "a_x b_y c_z"},
		{"", "", "", false, ""},
		{"tenant_a audit", "schema like tenant_%", "tenant_*", false, "tenant_a"},
		{"tenant_a audit", "SCHEMA LIKE 'tenant\\_%'", "tenant_*", false, "tenant_a"},
		{"tenant_a audit", "tenant_*", "tenant_*", false, "tenant_a"},
		{"tenant_a tenantxb", "like tenant_%", "", true, "tenant_a tenantxb"},
		{"a_prod b_prod c_test", "schema like %_prod", "", true, "a_prod b_prod"},
		{"a b", "schema like %", "", false, "a b"},
		{"a b", "schema like x%", "", false, ""},
		{"a b", "all of them", "", false, ""},
	} {
		got, err := choose(schemas(strings.Fields(c.have)...), c.said)
		var names []string
		for _, s := range got.schemas {
			names = append(names, s.Name)
		}
		if (err != nil) != (c.tenants == "") {
			t.Errorf("%q of %q: %v", c.said, c.have, err)
		}
		if err == nil && (strings.Join(names, " ") != c.tenants || got.pattern != c.pattern || got.listed != c.listed) {
			t.Errorf("%q of %q: %q, pattern %q, listed %v", c.said, c.have, names, got.pattern, got.listed)
		}
	}
}

func TestTheConfigurationFollowsTheFacts(t *testing.T) {
	role := Schema{Name: "acme", Owner: "acme", Usable: true, Role: true, Member: true}
	for _, c := range []struct {
		name  string
		facts Facts
		has   string
		lacks string
	}{
		{"roles that own their schemas", Facts{User: "app", Schemas: []Schema{role}}, `isolation = "role"`, "superuser"},
		{"a superuser needs no roles", Facts{User: "postgres", Superuser: true, Schemas: []Schema{role}}, "a superuser", "\nisolation"},
		{"a password is not written", Facts{User: "app", Password: true, Schemas: schemas("a")}, `password_env = "TENANTPOOL_PASSWORD"`, "password ="},
		{"no TLS", Facts{User: "app", TLS: "disable", Schemas: schemas("a")}, `tls = "disable"`, "verify"},
		{"a schema that may not be used", Facts{User: "app", Schemas: []Schema{{Name: "a", Owner: "x"}}}, "GRANT USAGE", "superuser"},
		{"another port", Facts{User: "app", Port: 5433, Schemas: schemas("a")}, "port = 5433", "superuser"},
	} {
		text, err := Config(&c.facts, "")
		if err != nil || !strings.Contains(text, c.has) || strings.Contains(text, c.lacks) {
			t.Errorf("%s: %v\n%s", c.name, err, text)
		}
	}
}
