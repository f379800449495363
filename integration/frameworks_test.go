package integration

import (
	"os"
	"strings"
	"testing"
)

// fromFrameworks gives the n-th piece of configuration of docs/frameworks.md.
func fromFrameworks(t *testing.T, n int) string {
	t.Helper()
	page, err := os.ReadFile("../docs/frameworks.md")
	must(t, err)
	parts := strings.Split(string(page), "```toml\n")
	if len(parts) <= n {
		t.Fatalf("docs/frameworks.md has %d pieces of configuration", len(parts)-1)
	}
	text, _, _ := strings.Cut(parts[n], "```")
	return text
}

// What django-tenants and apartment say to a server: the path of a tenant, again and again on one
// connection, and it holds from transaction to transaction although others come between.
func TestAnApplicationThatSetsThePathItselfIsPooled(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, more: fromFrameworks(t, 2)})
		p.database = ""
		one, two := login(t, p.endpoint, "app"), login(t, p.endpoint, "app")
		for _, path := range []string{"acme", "globex"} {
			one.run("SET search_path = '" + path + "','public'")
			two.run("SET search_path = 'initech','public'")
			if a, b := one.value("SELECT name FROM whoami"), two.value("SELECT name FROM whoami"); a != path || b != "initech" {
				t.Errorf("%s and initech: %s and %s", path, a, b)
			}
		}
	})
}

// Row-level security by a setting of the profile.
func TestPoliciesReadTheTenantFromTheProfile(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		w.exec(t, `CREATE TABLE public.orders (tenant text, what text); INSERT INTO public.orders VALUES ('acme', 'anvil'), ('globex', 'laser');
			ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY; GRANT SELECT ON public.orders TO app;
			CREATE POLICY tenant ON public.orders USING (tenant = current_setting('app.tenant'))`)
		p := startPooler(t, w, setup{size: 1, more: fromFrameworks(t, 3) + "[tenant.acme]\nschema = \"public\"\n[tenant.globex]\nschema = \"public\"\n"})
		acme, globex := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		for range 2 {
			acme.expect("SELECT string_agg(what, ' ') FROM orders", "anvil")
			globex.expect("SELECT string_agg(what, ' ') FROM orders", "laser")
		}
		if _, refused := acme.try("SET app.tenant = 'globex'"); refused == nil || refused.code != "42501" {
			t.Errorf("a client became another tenant: %v", refused)
		}
	})
}
