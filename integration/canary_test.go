package integration

import (
	"strings"
	"testing"
)

// loggedCanaries are secrets of every kind that a pooler comes to hold. None may be found where others look.
var loggedCanaries = map[string]string{
	"the server's password":  "canary-server-5e1f",
	"a user's password":      "canary-user-77ab",
	"a wrong password":       "canary-wrong-c0de",
	"a literal in a query":   "canary-literal-91d2",
	"a bound parameter":      "canary-bound-3b3b",
	"a literal in an error":  "canary-error-4f4f",
	"a copied row":           "canary-copied-6a6a",
	"a setting's value":      "canary-setting-8c8c",
	"a startup parameter":    "canary-startup-2d2d",
	"a broken message":       "canary-broken-0a0a",
	"the server's last word": "canary-notice-1e1e",
}

func TestNoSecretIsEverLogged(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		c := func(what string) string { return loggedCanaries[what] }
		m := openImpostor(t, w)
		p := startPooler(t, w, setup{size: 2, host: m.address(), users: []string{"keeper"},
			secrets: map[string]string{"app": c("a user's password")},
			cluster: `password = "` + c("the server's password") + `"`,
			global:  watched,
			more:    "[log]\nlevel = \"debug\""})
		if _, err := tryLogin(t, p.endpoint, "app", c("a wrong password"), "acme"); err == nil || holdsCanary(err.Error()) != "" {
			t.Errorf("a wrong password: %v", err)
		}
		a := dialRaw(t, p.endpoint)
		a.send(startup(version30, "user", "app", "database", "acme", "application_name", c("a startup parameter")))
		if err := a.authenticate("app", c("a user's password")); err != nil {
			t.Fatal(err)
		}
		a.run("SET app.secret = '" + c("a setting's value") + "'")
		a.run("INSERT INTO notes VALUES (1, '" + c("a literal in a query") + "')")
		a.send(once("SELECT $1::text", c("a bound parameter")))
		a.until('Z')
		a.try("SELECT '" + c("a literal in an error") + "'::int")
		a.run("SELECT pg_advisory_lock(1), '" + c("a literal in a query") + "'")
		a.send(query("COPY notes FROM STDIN"))
		a.until('G')
		a.send(copyData("not a number\t"+c("a copied row")+"\n"), copyDone)
		a.until('Z')
		m.play(trick{cue: "FROM whoami", says: saidError("FATAL", "XX000", c("the server's last word"))})
		a.send(query("SELECT name FROM whoami WHERE name <> '" + c("a literal in a query") + "'"))
		a.rest()
		b := dialRaw(t, p.endpoint)
		b.send(startup(version30, "user", "app", "database", "acme"))
		must(t, asError(b.authenticate("app", c("a user's password"))))
		b.send([]byte("Q\x00\x00\x00\x03"), []byte(c("a broken message")))
		if e := onlyError(t, b); holdsCanary(e.Error()) != "" {
			t.Errorf("told to the client: %v", e)
		}
		for _, path := range []string{"/", "/metrics", "/status.json", "/livez", "/readyz"} {
			if status, text := p.get(t, path); status != 200 || holdsCanary(text) != "" {
				t.Errorf("%s answers %d and holds %q", path, status, holdsCanary(text))
			}
		}
		p.stop(t)
		if what := holdsCanary(p.log.String()); what != "" {
			t.Errorf("the log holds %s", what)
		}
	})
}

// holdsCanary is what secret a text holds.
func holdsCanary(text string) string {
	for what, secret := range loggedCanaries {
		if strings.Contains(text, secret) {
			return what
		}
	}
	return ""
}

// asError is an error only if there is one.
func asError(e *serverError) error {
	if e == nil {
		return nil
	}
	return e
}
