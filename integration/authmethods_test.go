package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgproto3/v2"
)

// passwordMethods are those that ask for a password, each with the forms of a secret that it can use.
var passwordMethods = map[string]string{
	"password":      "plain md5 verifier",
	"md5":           "plain md5 verifier",
	"scram-sha-256": "plain verifier",
}

// mixed gives the users' secrets different forms: acme's is a password, globex' a hash, initech's a
// verifier.
func mixed(t testing.TB, w *world) map[string]string {
	t.Helper()
	return map[string]string{
		"globex":  "md5" + md5Hex(password("globex")+"globex"),
		"initech": w.verifier(t, password("initech")),
	}
}

// verifier is what the server keeps of a password.
func (w *world) verifier(t testing.TB, secret string) string {
	t.Helper()
	name := "v_" + w.database
	w.exec(t, fmt.Sprintf("SET password_encryption = 'scram-sha-256'; CREATE ROLE %s PASSWORD '%s'", name, secret))
	defer w.exec(t, "DROP ROLE "+name)
	return w.value(t, fmt.Sprintf("SELECT rolpassword FROM pg_authid WHERE rolname = '%s'", name))
}

// formOf is the form in which mixed keeps the secret of a tenant.
func formOf(tenant string) string {
	return map[string]string{"acme": "plain", "globex": "md5", "initech": "verifier"}[tenant]
}

func TestEveryMethodLetsInByTheRightPasswordAndNoOther(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		for method, forms := range passwordMethods {
			p := startPooler(t, w, setup{auth: withMethod(method), secrets: mixed(t, w), more: byUser, users: []string{"ghost"}})
			for _, tenant := range tenants {
				fits := strings.Contains(forms, formOf(tenant))
				for range 2 { // with keys still to be made, and with keys
					c, refused := tryLogin(t, p.endpoint, tenant, password(tenant), tenant)
					if fits != (refused == nil) {
						t.Fatalf("%s, a %s secret: %v", method, formOf(tenant), refused)
					}
					if fits {
						c.expect("SELECT name FROM whoami", tenant)
					}
				}
			}
			sameRefusals(t, p, method)
		}
	})
}

// sameRefusals checks that everybody who may not log in to app hears the same.
func sameRefusals(t *testing.T, p *pooler, method string) {
	t.Helper()
	wrong := refusal(t, p, "acme", "wrong", "app")
	if !strings.Contains(wrong, "C28P01\nMpassword authentication failed for user USER\n") || strings.Contains(wrong, "\nD") {
		t.Errorf("%s: a wrong password gives\n%s", method, wrong)
	}
	for what, other := range map[string]string{
		"the hash in place of the password":     refusal(t, p, "globex", "md5"+md5Hex(password("globex")+"globex"), "app"),
		"a wrong password for a hash":           refusal(t, p, "globex", "wrong", "app"),
		"a wrong password for a verifier":       refusal(t, p, "initech", "wrong", "app"),
		"an empty password":                     refusal(t, p, "acme", "", "app"),
		"another user's password":               refusal(t, p, "acme", password("initech"), "app"),
		"a very long password":                  refusal(t, p, "acme", strings.Repeat("x", 5000), "app"),
		"an unknown user":                       refusal(t, p, "nobody", password("nobody"), "app"),
		"an unknown user without a password":    refusal(t, p, "nobody", "", "app"),
		"a user who is no tenant":               refusal(t, p, "ghost", password("ghost"), "app"),
		"a user whose name is too long":         refusal(t, p, strings.Repeat("u", 2000), "x", "app"),
		"a user whose name is no text":          refusal(t, p, "\xff\xfe", "x", "app"),
		"a wrong password for another database": refusal(t, p, "acme", "wrong", "globex"),
	} {
		if other != wrong {
			t.Errorf("%s: %s gives\n%sa wrong password\n%s", method, what, other, wrong)
		}
	}
}

// By every method, a login of one tenant that names another's database gets the bytes of one that
// does not exist.
func TestByNoMethodCanATenantsLoginNameAnothersDatabase(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		for _, method := range []string{"trust", "password", "md5", "scram-sha-256"} {
			p := startPooler(t, w, setup{auth: withMethod(method)})
			other, unknown := refusal(t, p, "acme", password("acme"), "globex"), refusal(t, p, "acme", password("acme"), "nowhere")
			if other != unknown || !strings.Contains(other, "C3D000\nMdatabase DATABASE does not exist\n") {
				t.Errorf("%s: another's database gives\n%san unknown one\n%s", method, other, unknown)
			}
			c, refused := tryLogin(t, p.endpoint, "acme", password("acme"), "acme")
			if refused != nil {
				t.Fatalf("%s: %v", method, refused)
			}
			c.expect("SELECT name FROM whoami", "acme")
		}
	})
}

// What is asked of somebody unknown is what is asked of the others.
func TestAnUnknownUserIsAskedLikeTheOthers(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		asked := func(p *pooler, user string) byte {
			c := dialRaw(t, p.endpoint)
			c.send(startup(version30, "user", user, "database", "acme"))
			return c.next().body[3]
		}
		for method, want := range map[string]byte{"password": authCleartext, "md5": authMD5, "scram-sha-256": authSASL} {
			p := startPooler(t, w, setup{auth: withMethod(method)})
			for _, user := range []string{"acme", "nobody"} {
				if got := asked(p, user); got != want {
					t.Errorf("%s asks %s by message %d, want %d", method, user, got, want)
				}
			}
		}
		verifiers := map[string]string{"app": w.verifier(t, "x")}
		for _, tenant := range tenants {
			verifiers[tenant] = verifiers["app"]
		}
		p := startPooler(t, w, setup{auth: withMethod("md5"), secrets: verifiers})
		if known, unknown := asked(p, "acme"), asked(p, "nobody"); known != authSASL || unknown != authSASL {
			t.Errorf("where all secrets are verifiers, md5 asks by %d and somebody unknown by %d", known, unknown)
		}
	})
}

func TestWhatIsNoAnswerToAnAuthenticationRequestIsRefused(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		password := func(text string) []byte { return encode(&pgproto3.PasswordMessage{Password: text}) }
		tooLong := password(strings.Repeat("x", 70<<10))
		for method := range passwordMethods {
			p := startPooler(t, w, setup{auth: withMethod(method)})
			for what, answer := range map[string][]byte{
				"a Query":                   query("SELECT 1"),
				"a Terminate of length 3":   {'X', 0, 0, 0, 3},
				"a long password":           tooLong,
				"a password of no length":   {'p', 0, 0, 0, 0},
				"a message of 2 GB":         {'p', 0x7f, 0xff, 0xff, 0xff, 0},
				"a password without an end": {'p', 0, 0, 0, 5, 'x'},
				"a password with a NUL":     append([]byte{'p', 0, 0, 0, 8}, "x\x00y\x00"...),
				"nothing in it":             {'p', 0, 0, 0, 4},
			} {
				c := dialRaw(t, p.endpoint)
				c.send(startup(version30, "user", "acme", "database", "acme"))
				if m := c.next(); m.kind != 'R' {
					t.Fatalf("%s: %c", method, m.kind)
				}
				c.send(answer)
				if err := firstError(c.rest()); err == nil || err.severity != "FATAL" || err.code != "08P01" {
					t.Errorf("%s: %s is answered by %v", method, what, err)
				}
			}
			login(t, p.endpoint, "acme").expect("SELECT name FROM whoami", "acme")
		}
	})
}
