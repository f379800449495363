package integration

import (
	"strings"
	"testing"
)

// refusal is the error that a login gets, with the names that it holds replaced, so that two of them
// can be compared to the byte.
func refusal(t *testing.T, p *pooler, user, secret, database string) string {
	t.Helper()
	c, err := tryLogin(t, p.endpoint, user, secret, database)
	if err == nil {
		t.Fatalf("user %s was let in to %s", user, database)
	}
	if rest := c.rest(); len(rest) > 0 {
		t.Errorf("after the refusal of %s came %q", user, kinds(rest))
	}
	var text strings.Builder
	for _, f := range err.fields {
		text.WriteString(string(f.kind) + strings.NewReplacer(`"`+user+`"`, "USER", `"`+database+`"`, "DATABASE").Replace(f.text) + "\n")
	}
	return text.String()
}

// byUser is a route that takes the tenant from the user's name.
const byUser = `
[[route]]
database    = "app"
user        = "{tenant}"
cluster     = "main"
search_path = ["{schema}"]
tenants     = "schema"
`

func TestWhoMayNotLogInLearnsNothingOfWhy(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{more: byUser, users: []string{"ghost"}})
		for _, database := range []string{"app", "acme"} {
			wrong := refusal(t, p, "acme", "wrong", database)
			if !strings.Contains(wrong, "C28P01\nMpassword authentication failed for user USER\n") {
				t.Errorf("a wrong password for %s gives\n%s", database, wrong)
			}
			for what, other := range map[string]string{
				"an empty password":       refusal(t, p, "acme", "", database),
				"another user's password": refusal(t, p, "acme", password("globex"), database),
				"an unknown user":         refusal(t, p, "nobody", password("nobody"), database),
			} {
				if other != wrong {
					t.Errorf("%s for %s gives\n%sa wrong password\n%s", what, database, other, wrong)
				}
			}
		}
		if unknown, wrong := refusal(t, p, "ghost", password("ghost"), "app"), refusal(t, p, "acme", "wrong", "app"); unknown != wrong {
			t.Errorf("a user who is no tenant gets\n%sa wrong password\n%s", unknown, wrong)
		}
	})
}

// The challenge of an unknown user looks like that of a known one: it stays the same from one time to
// the next, and its cost is the usual one.
func TestTheChallengeOfAnUnknownUserIsAsSteadyAsAnother(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{})
		for _, user := range []string{"acme", "nobody"} {
			first, second := challenge(t, p, user), challenge(t, p, user)
			if first != second || !strings.HasSuffix(first, ",i=4096") {
				t.Errorf("the salt of %s is %q, then %q", user, first, second)
			}
		}
		if challenge(t, p, "nobody") == challenge(t, p, "nobody2") {
			t.Error("two unknown users have the same salt")
		}
	})
}

// challenge is what the server's first SCRAM message says of salt and cost.
func challenge(t *testing.T, p *pooler, user string) string {
	t.Helper()
	c := dialRaw(t, p.endpoint)
	c.send(startup(version30, "user", user, "database", "acme"))
	proof := proof{user: user, secret: "wrong"}
	first, err := proof.answer(c.next().body)
	must(t, err)
	c.send(first)
	_, saltAndCost, _ := strings.Cut(string(c.next().body), ",s=")
	return saltAndCost
}

func TestADatabaseThatIsNoTenantDoesNotExist(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.exec(t, "CREATE SCHEMA secret")
		p := startPooler(t, w, setup{})
		unknown := refusal(t, p, "app", password("app"), "nowhere")
		if !strings.Contains(unknown, "SFATAL\n") || !strings.Contains(unknown, "C3D000\nMdatabase DATABASE does not exist\n") {
			t.Errorf("an unknown database gives\n%s", unknown)
		}
		for _, database := range []string{"public", "information_schema", "pg_catalog", "pg_toast", "ACME", "acme ", "$user",
			`"acme"`, w.database, strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("x", 5000), "-c", "acme'; --", "\xff\xfe"} {
			if got := refusal(t, p, "app", password("app"), database); got != unknown {
				t.Errorf("database %.70q gives\n%.200sinstead of\n%s", database, got, unknown)
			}
		}
	})
}

// Whoever is not admitted to a tenant cannot even tell whether there is one.
func TestATenantsLoginCannotNameAnothersDatabase(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{more: byUser})
		if other, unknown := refusal(t, p, "acme", password("acme"), "globex"), refusal(t, p, "acme", password("acme"), "nowhere"); other != unknown {
			t.Errorf("another's database gives\n%san unknown one\n%s", other, unknown)
		}
		for _, database := range []string{"acme", "app"} {
			c, refusal := tryLogin(t, p.endpoint, "acme", password("acme"), database)
			if refusal != nil {
				t.Fatal(refusal)
			}
			c.expect("SELECT name FROM whoami", "acme")
		}
	})
}

func TestTrustAsksForNoPassword(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{trust: true})
		c := dialRaw(t, p.endpoint)
		c.send(startup(version30, "user", "app", "database", "globex"))
		if m := c.next(); m.kind != 'R' || string(m.body) != "\x00\x00\x00\x00" {
			t.Fatalf("got %c %q, want AuthenticationOk", m.kind, m.body)
		}
		c.until('Z')
		c.expect("SELECT name FROM whoami", "globex")
	})
}

func TestAVerifierServesAsWellAsAPassword(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.exec(t, "DROP ROLE IF EXISTS keeper; SET password_encryption = 'scram-sha-256'; CREATE ROLE keeper PASSWORD 'from a verifier'")
		verifier := w.value(t, "SELECT rolpassword FROM pg_authid WHERE rolname = 'keeper'")
		w.exec(t, "DROP ROLE keeper")
		p := startPooler(t, w, setup{secrets: map[string]string{"app": verifier}})
		c, refused := tryLogin(t, p.endpoint, "app", "from a verifier", "acme")
		if refused != nil {
			t.Fatal(refused)
		}
		c.expect("SELECT name FROM whoami", "acme")
		refusal(t, p, "app", password("app"), "acme")
	})
}
