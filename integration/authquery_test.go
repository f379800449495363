package integration

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"tenantpool/internal/pgtest"
)

// roles makes logins on the server that go when the test ends. The names in sql begin with a
// percent sign, which stands for a prefix of this world's own.
func (w *world) roles(t testing.TB, sql string) (prefix string) {
	t.Helper()
	prefix = "r" + strings.TrimPrefix(w.database, "test_") + "_"
	w.exec(t, "SET password_encryption = 'scram-sha-256';"+strings.ReplaceAll(sql, "%", prefix))
	t.Cleanup(func() {
		w.exec(t, fmt.Sprintf(`DO $$ DECLARE r text; BEGIN
			FOR r IN SELECT quote_ident(rolname) FROM pg_roles WHERE starts_with(rolname, '%s') LOOP
				EXECUTE 'DROP OWNED BY ' || r || '; DROP ROLE ' || r; END LOOP; END $$`, prefix))
	})
	return prefix
}

// asksSuperuser is [auth] that looks users up as the server's superuser.
const asksSuperuser = "method = %q\nquery_user = \"postgres\"\n"

// anyLoginToAcme is a route on which every login may reach one tenant.
const anyLoginToAcme = `
[[route]]
database    = "acme"
users       = ["*"]
cluster     = "main"
tenants     = "schema"
`

func TestUsersAreLookedUpOnTheServer(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		r := w.roles(t, `
			CREATE ROLE %scram LOGIN PASSWORD 'right';
			CREATE ROLE %for_ever LOGIN PASSWORD 'right' VALID UNTIL 'infinity';
			CREATE ROLE %till_later LOGIN PASSWORD 'right' VALID UNTIL '2100-01-01';
			CREATE ROLE %expired LOGIN PASSWORD 'right' VALID UNTIL '2020-01-01';
			CREATE ROLE %never LOGIN PASSWORD 'right' VALID UNTIL '-infinity';
			CREATE ROLE %nologin NOLOGIN PASSWORD 'right';
			CREATE ROLE %without LOGIN;
			CREATE ROLE "%x'; DROP SCHEMA acme CASCADE; --" LOGIN PASSWORD 'right';
			CREATE ROLE "%ünïcode" LOGIN PASSWORD 'right';
			SET password_encryption = 'md5'; CREATE ROLE %md5 LOGIN PASSWORD 'right'`)
		long := r + strings.Repeat("l", 63-len(r))
		w.exec(t, "SET password_encryption = 'scram-sha-256'; CREATE ROLE "+long+" LOGIN PASSWORD 'right'")
		for method, also := range map[string]string{"password": "md5", "md5": "md5", "scram-sha-256": ""} {
			p := startPooler(t, w, setup{auth: fmt.Sprintf(asksSuperuser, method), more: anyLoginToAcme})
			for _, name := range []string{"scram", "for_ever", "till_later", "x'; DROP SCHEMA acme CASCADE; --", "ünïcode", strings.TrimPrefix(long, r), also} {
				if name == "" {
					continue
				}
				c, refused := tryLogin(t, p.endpoint, r+name, "right", "acme")
				if refused != nil {
					t.Fatalf("%s: %s: %v", method, name, refused)
				}
				c.expect(askWho, "acme")
			}
			wrong := refusal(t, p, r+"scram", "wrong", "acme")
			if !strings.Contains(wrong, "C28P01\nMpassword authentication failed for user USER\n") {
				t.Errorf("%s: a wrong password gives\n%s", method, wrong)
			}
			for _, name := range []string{"expired", "never", "nologin", "without", "nobody", "SCRAM", strings.TrimPrefix(long, r) + "l"} {
				if other := refusal(t, p, r+name, "right", "acme"); other != wrong {
					t.Errorf("%s: %s gives\n%sa wrong password\n%s", method, name, other, wrong)
				}
			}
			if other, unknown := refusal(t, p, r+"scram", "right", "globex"), refusal(t, p, r+"scram", "right", "nowhere"); other != unknown {
				t.Errorf("%s: another's database gives\n%san unknown one\n%s", method, other, unknown)
			}
		}
	})
}

// A function that its owner lends does for a login that may not read pg_authid, and a users file wins.
func TestUsersAreLookedUpByAQueryOfOnesOwn(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.exec(t, `CREATE SCHEMA private;
			CREATE FUNCTION private.find(who text, OUT name text, OUT secret text, OUT until timestamptz) SECURITY DEFINER
			LANGUAGE sql SET search_path = pg_catalog AS $$ SELECT who, 'plain of ' || who, CASE who WHEN 'late' THEN now() END
			WHERE who IN ('initech', 'globex', 'late') $$; GRANT USAGE ON SCHEMA private TO app`)
		auth := "method = \"scram-sha-256\"\nusers_file = \"few.txt\"\nquery = \"SELECT * FROM private.find($1)\"\n"
		p := startPooler(t, w, setup{auth: auth, beside: map[string]string{"few.txt": `"globex" "from the file"`}})
		for user, secret := range map[string]string{"initech": "plain of initech", "globex": "from the file"} {
			for range 2 {
				c, refused := tryLogin(t, p.endpoint, user, secret, user)
				if refused != nil {
					t.Fatalf("%s: %v", user, refused)
				}
				c.expect(askWho, user)
			}
		}
		wrong := refusal(t, p, "initech", "wrong", "acme")
		for user, secret := range map[string]string{"globex": "plain of globex", "late": "plain of late", "nobody": "plain of nobody"} {
			if other := refusal(t, p, user, secret, "acme"); other != wrong {
				t.Errorf("%s gives\n%sa wrong password\n%s", user, other, wrong)
			}
		}
	})
}

// Whatever a client asks for, the look-up runs under a path of its own: the secret of this query is
// that path. What is planted in a schema of the client's choice is never called.
func TestALookUpRunsUnderAPathOfItsOwn(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.exec(t, `CREATE TABLE public.traps (what text); GRANT ALL ON public.traps TO PUBLIC;
			CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
			CREATE TABLE evil.pg_authid (rolname name, rolpassword text, rolvaliduntil timestamptz, rolcanlogin bool);
			INSERT INTO evil.pg_authid VALUES ('acme', 'planted', NULL, true);
			CREATE FUNCTION evil.trap(name, text) RETURNS bool LANGUAGE sql AS $$ INSERT INTO public.traps VALUES ('=') RETURNING true $$;
			CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = text, FUNCTION = evil.trap);
			CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS $$ INSERT INTO public.traps VALUES ('now') RETURNING clock_timestamp() $$`)
		ownPath := setup{auth: "method = \"password\"\nquery = \"SELECT $1::text, pg_catalog.current_setting('search_path')\"\n"}
		for name, s := range map[string]setup{"its own query": ownPath, "the built-in query": {auth: fmt.Sprintf(asksSuperuser, "password")}} {
			p := startPooler(t, w, s)
			for _, path := range []string{"evil", "evil, pg_catalog"} {
				for _, more := range [][]string{{"search_path", path}, {"options", "-c search_path=" + strings.ReplaceAll(path, " ", "")}} {
					for _, secret := range []string{"planted", path} {
						c := dialRaw(t, p.endpoint)
						c.send(startup(version30, append([]string{"user", "acme", "database", "acme"}, more...)...))
						if refused := c.authenticate("acme", secret); refused == nil || refused.code != "28P01" {
							t.Errorf("%s, %v: %v", name, more, refused)
						}
					}
				}
			}
			if name == "its own query" {
				c, refused := tryLogin(t, p.endpoint, "acme", "pg_catalog", "acme")
				if refused != nil {
					t.Fatal(refused)
				}
				c.expect(askWho, "acme")
			}
			if n := w.value(t, "SELECT count(*) FROM public.traps"); n != "0" {
				t.Errorf("%s: %s traps were stepped on", name, n)
			}
		}
	})
}

func TestAQueryThatGivesSomethingElseLetsNobodyIn(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		for query, want := range map[string]string{
			"SELECT 'globex', 'x' WHERE $1 <> ''":                                       "28P01", // of somebody else
			"SELECT $1::text, NULL":                                                     "28P01",
			"SELECT NULL, 'x' WHERE $1 <> ''":                                           "28P01",
			"SELECT $1::text, 'x' FROM pg_catalog.generate_series(1, 2) WHERE $1 <> ''": "08001",
			"SELECT $1::text, 'x' WHERE $1 = '' OR 1 / (pg_catalog.length($1) - 4) > 0": "08001",
		} {
			p := startPooler(t, w, setup{auth: fmt.Sprintf("method = \"password\"\nquery = %q\n", query)})
			_, refused := tryLogin(t, p.endpoint, "acme", "x", "acme")
			if refused == nil || refused.code != want || want == "08001" && refused.hint == "" {
				t.Errorf("%s: %v", query, refused)
			}
		}
	})
}

// A look-up that can never work is told of at the start.
func TestALookUpThatCannotWorkStopsTheStart(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		for auth, want := range map[string]string{
			`cluster = "main"`:                            `as login "app": ERROR: permission denied for table pg_authid (SQLSTATE 42501) (let auth.query_user be a login that may read pg_catalog.pg_authid`,
			`query = "SELECT gone.find($1)"`:              `as login "app": ERROR: schema "gone" does not exist`,
			`query = "SELECT $1::text"`:                   `the query for users gives 1 columns instead of name, secret and perhaps expiry`,
			`query = "SELECT $1::text, 'x', now()::text"`: `the query for users gives a third column that is no timestamp with time zone`,
			`query_user = "nobody_at_all"`:                `as login "nobody_at_all": ERROR: role "nobody_at_all" does not exist`,
		} {
			s := setup{auth: "method = \"password\"\n" + auth + "\n"}
			if out, err := failStart(t, s, w); err == nil || !strings.Contains(out, want) {
				t.Errorf("%s: %v, printed\n%s", auth, err, out)
			}
		}
	})
}

// failStart runs a pooler that will not come up, and returns what it printed.
func failStart(t *testing.T, s setup, w *world) (string, error) {
	t.Helper()
	out, err := exec.Command(program(t, raceWanted()), "run", "-c", s.write(t, w)).CombinedOutput()
	return string(out), err
}

// While the server is away, users that were looked up lately are known, and nobody else.
func TestUsersLookedUpLatelyAreKnownWhileTheServerIsAway(t *testing.T) {
	needsPooler(t)
	onEachOwn(t, func(t *testing.T, w *world) {
		w.exec(t, "SET password_encryption = 'scram-sha-256'; CREATE ROLE own_u LOGIN PASSWORD 'right'")
		p := startPooler(t, w, setup{auth: fmt.Sprintf(asksSuperuser, "scram-sha-256"), more: anyLoginToAcme})
		c, refused := tryLogin(t, p.endpoint, "own_u", "right", "acme")
		if refused != nil {
			t.Fatal(refused)
		}
		c.vanish(false)
		wrong := refusal(t, p, "own_u", "wrong", "acme")
		w.server.Down(true)
		if lately := refusal(t, p, "own_u", "wrong", "acme"); lately != wrong {
			t.Errorf("a wrong password gives\n%snow that the server is away\n%s", wrong, lately)
		}
		_, refused = tryLogin(t, p.endpoint, "stranger", "x", "acme")
		if refused == nil || refused.severity != "FATAL" || refused.code != "08001" || refused.hint == "" || refused.detail != "" {
			t.Errorf("a user who is not known yet gets %v", refused)
		}
		must(t, w.server.Up(t.Context()))
		eventually(t, "the stranger is asked for a password again", func() bool {
			_, refused := tryLogin(t, p.endpoint, "stranger", "x", "acme")
			return refused != nil && refused.code == "28P01"
		})
	})
}

// A pooler whose look-up server is away at its start comes up and says so.
func TestAPoolerComesUpWhileTheServerOfItsUsersIsAway(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		port, err := pgtest.FreePort()
		must(t, err)
		p := startPooler(t, w, setup{host: fmt.Sprintf("127.0.0.1:%d", port), auth: fmt.Sprintf(asksSuperuser, "password")})
		p.log.await(t, regexp.MustCompile(`users cannot be looked up yet`))
		_, refused := tryLogin(t, p.endpoint, "acme", "x", "acme")
		if refused == nil || refused.code != "08001" {
			t.Errorf("got %v", refused)
		}
	})
}

// However many log in at once, a user is asked for once.
func TestACrowdOfOneUserAsksOnce(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.exec(t, `CREATE TABLE public.asked (who text); GRANT ALL ON public.asked TO app; CREATE SCHEMA private; GRANT USAGE ON SCHEMA private TO app;
			CREATE FUNCTION private.find(who text, OUT name text, OUT secret text) LANGUAGE sql AS
			$$ INSERT INTO public.asked VALUES (who); SELECT who, 'right' $$`)
		p := startPooler(t, w, setup{auth: "method = \"scram-sha-256\"\nquery = \"SELECT * FROM private.find($1)\"\n"})
		began := time.Now()
		crowd := make(chan *serverError)
		for range 50 {
			go func() {
				_, refused := tryLogin(t, p.endpoint, "acme", "right", "acme")
				crowd <- refused
			}()
		}
		for range 50 {
			if refused := <-crowd; refused != nil {
				t.Error(refused)
			}
		}
		if asked := w.value(t, "SELECT count(*) FROM public.asked WHERE who = 'acme'"); asked != "1" && time.Since(began) < 30*time.Second {
			t.Errorf("acme was asked for %s times", asked)
		}
	})
}

// The function that docs/authentication.md shows does what it says, for the login that it is lent to.
func TestTheDocumentedFunctionFindsUsers(t *testing.T) {
	needsPooler(t)
	text, err := os.ReadFile("../docs/authentication.md")
	must(t, err)
	block := func(kind string) string {
		_, rest, _ := strings.Cut(string(text), "```"+kind+"\n[auth]\ncluster")
		if kind == "sql" {
			_, rest, _ = strings.Cut(string(text), "```sql\n")
		}
		code, _, ok := strings.Cut(rest, "```")
		if !ok {
			t.Fatalf("the page shows no %s", kind)
		}
		return code
	}
	onEach(t, func(t *testing.T, w *world) {
		r := w.roles(t, "CREATE ROLE %in LOGIN PASSWORD 'right'; CREATE ROLE %out LOGIN PASSWORD 'right' VALID UNTIL '2020-01-01'")
		w.exec(t, strings.ReplaceAll(block("sql"), "tenantpool_auth", r+"auth"))
		auth := "method = \"scram-sha-256\"\ncluster" + strings.ReplaceAll(block("toml"), "tenantpool_auth", r+"auth")
		p := startPooler(t, w, setup{auth: auth, more: anyLoginToAcme, beside: map[string]string{"auth.password": "...\n"}})
		c, refused := tryLogin(t, p.endpoint, r+"in", "right", "acme")
		if refused != nil {
			t.Fatal(refused)
		}
		c.expect(askWho, "acme")
		if other, wrong := refusal(t, p, r+"out", "right", "acme"), refusal(t, p, r+"in", "wrong", "acme"); other != wrong {
			t.Errorf("an expired user gives\n%sa wrong password\n%s", other, wrong)
		}
		if _, failed := c.try("SELECT * FROM auth.find('" + r + "in')"); failed == nil || failed.code != "42501" {
			t.Errorf("a client may call the function: %v", failed)
		}
	})
}
