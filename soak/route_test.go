package soak

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenantpool/config"
)

const head = `
[auth]
method = "scram-sha-256"
users_file = "users.txt"
[cluster.main]
database = "db"
user = "app"
`

// load reads a configuration of one cluster and these routes.
func load(t *testing.T, routes string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"config.toml": head + routes, "users.txt": "\"known\" \"secret\"\n\"app\" \"SCRAM-SHA-256$4096:c2FsdA==$" +
		strings.Repeat("A", 43) + "=:" + strings.Repeat("A", 43) + "=\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// route is a [[route]] of the cluster with these lines.
func route(lines ...string) string {
	return "[[route]]\ncluster = \"main\"\n" + strings.Join(lines, "\n") + "\n"
}

func TestARouteIsFoundThatAdmitsTheTenantsOfASoak(t *testing.T) {
	schema := `tenants = "schema"`
	for _, c := range []struct {
		what, routes, want string
	}{
		{"by database", route(`database = "{tenant}"`, `users = ["app"]`, schema),
			"route 1: app@tenantpool_soak_0002 home tenantpool_soak_0002"},
		{"by user", route(`user = "{tenant}"`, schema), "route 1: tenantpool_soak_0002@db home tenantpool_soak_0002"},
		{"with an affix", route(`user = "u_{tenant}"`, schema), "route 1: u_tenantpool_soak_0002@db home tenantpool_soak_0002"},
		{"for the tenant's own login", route(`database = "{tenant}"`, `users = ["{tenant}_*"]`, schema),
			"route 1: tenantpool_soak_0002_@tenantpool_soak_0002 home tenantpool_soak_0002"},
		{"for a login whose password is known", route(`database = "{tenant}"`, `users = ["app", "known"]`, schema),
			"route 1: known@tenantpool_soak_0002 home tenantpool_soak_0002"},
		{"whose schemas are narrowed", route(`database = "{tenant}"`, `users = ["app"]`, schema, `schemas = "cust_*"`),
			"route 1: app@cust_tenantpool_soak_0002 home cust_tenantpool_soak_0002"},
		{"whose tenants are listed", route(`database = "{tenant}"`, `users = ["app"]`) + "[tenant.acme]\n",
			"route 1: app@tenantpool_soak_0002 home tenantpool_soak_0002"},
		{"whose path has more in it", route(`database = "{tenant}"`, `users = ["app"]`, `search_path = ["common", "{tenant}_data", "{schema}"]`, schema),
			"route 1: app@tenantpool_soak_0002 home tenantpool_soak_0002_data"},
		{"behind others that do not fit", route(`database = "acme"`, `users = ["app"]`, `tenants = "listed"`) +
			route(`database = "s_{tenant}"`, `users = ["app"]`, `pool_mode = "session"`, schema) +
			route(`database = "{tenant}"`, `users = ["app"]`, schema), "route 3: app@tenantpool_soak_0002 home tenantpool_soak_0002"},
	} {
		g, err := Choose(load(t, c.routes), 2, false, "")
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		p := g.Probes[1]
		if got := fmt.Sprintf("route %d: %s@%s home %s", g.Rule+1, p.user, p.database, p.home); got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
	}
}

func TestWhyNoRouteWillDoIsSaidOfEachAndHowToWriteOne(t *testing.T) {
	routes := route(`database = "acme"`, `users = ["app"]`) +
		route(`database = "{tenant}"`, `users = ["app"]`, `pool_mode = "session"`, `tenants = "schema"`) +
		route(`user = "{tenant}"`) + "[tenant.acme]\n"
	_, err := Choose(load(t, routes), 2, true, "")
	if err == nil {
		t.Fatal("a route was found")
	}
	for _, part := range []string{"route 1 (database = \"acme\"): it is for one tenant only", "route 2 (database = \"{tenant}\"): its pool_mode is session",
		"route 3 (user = \"{tenant}\"): its tenants are listed: list [tenant.tenantpool_soak_0001]", `database    = "{tenant}"`, `schemas     = "tenantpool_soak_*"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q:\n%v", part, err)
		}
	}
}

// What an error tells to write works.
func TestTheRouteThatIsSuggestedWillDo(t *testing.T) {
	first := route(`database = "acme"`, `users = ["app"]`)
	_, err := Choose(load(t, first), 2, true, "")
	_, suggestion, ok := strings.Cut(err.Error(), "behind the others:\n")
	if !ok {
		t.Fatalf("there is no suggestion: %v", err)
	}
	if _, err := Choose(load(t, first+suggestion), 2, true, ""); err != nil {
		t.Error(err)
	}
}

func TestARouteThatAnotherShadowsIsRefused(t *testing.T) {
	routes := route(`database = "{tenant}"`, `users = ["app"]`, `tenants = "listed"`, `pool_mode = "session"`) +
		route(`database = "{tenant}"`, `users = ["app"]`, `tenants = "schema"`) + "[tenant.acme]\n"
	if _, err := Choose(load(t, routes), 2, false, ""); err == nil || !strings.Contains(err.Error(), `database "tenantpool_soak_0001"`) {
		t.Errorf("got %v", err)
	}
}

func TestLimitsOfClientsAreKept(t *testing.T) {
	g, err := Choose(load(t, route(`user = "{tenant}"`, `tenants = "schema"`, "max_clients = 3")), 4, false, "")
	if err != nil {
		t.Fatal(err)
	}
	if n := g.MaxClients(&config.Config{MaxClients: 100}); n != 12 {
		t.Errorf("there is room for %d, want 12", n)
	}
	if n := g.MaxClients(&config.Config{MaxClients: 7}); n != 7 {
		t.Errorf("there is room for %d, want 7", n)
	}
}
