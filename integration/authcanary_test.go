package integration

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// Secrets that are planted wherever one can be: none may come out of the pooler.
var canaries = map[string]string{
	"the cluster's password": "canary-cluster-1",
	"the look-up's password": "canary-lookup-2",
	"a listed password":      "canary-listed-3",
	"a password looked up":   "canary-found-4",
	"a wrong password":       "canary-wrong-5",
	"a password in a file":   "canary-file-6",
}

func TestNoSecretComesOutOfThePooler(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		hash := "md5" + md5Hex(canaries["a listed password"]+"globex")
		verifier := w.verifier(t, canaries["a listed password"])
		w.exec(t, fmt.Sprintf(`CREATE SCHEMA private; GRANT USAGE ON SCHEMA private TO app;
			CREATE FUNCTION private.find(who text, OUT name text, OUT secret text) LANGUAGE sql AS
			$$ SELECT who, '%s' WHERE who = 'found' OR 1 / length(who) < 0 $$`, canaries["a password looked up"]))
		s := setup{
			global:  "log = { level = \"debug\" }",
			cluster: fmt.Sprintf("password = %q", canaries["the cluster's password"]),
			more:    byUser, users: []string{"ghost"},
			secrets: map[string]string{"acme": canaries["a listed password"], "globex": hash, "initech": verifier},
			beside:  map[string]string{"secret": canaries["a password in a file"] + "\n"},
		}
		for _, method := range []string{"password", "md5", "scram-sha-256"} {
			for _, kept := range []string{fmt.Sprintf("query_password = %q", canaries["the look-up's password"]), `query_password_file = "secret"`} {
				s.auth = withMethod(method) + "query = \"SELECT * FROM private.find($1)\"\nquery_user = \"app\"\n" + kept + "\n"
				p := startPooler(t, w, s)
				heard := everyLogin(t, p)
				must(t, p.process.Signal(syscall.SIGUSR1))
				p.log.await(t, regexp.MustCompile(`msg=stats tenant=acme`))
				p.stop(t)
				expectNoCanary(t, method, p.log.String()+heard, hash, verifier)
			}
		}
		s.auth += "map = 5\n"
		out, _ := exec.Command(program(t, raceWanted()), "check", "-c", s.write(t, w)).CombinedOutput()
		expectNoCanary(t, "check", string(out), hash, verifier)
	})
}

// everyLogin tries all users with all secrets, and returns all that was said to them.
func everyLogin(t *testing.T, p *pooler) string {
	t.Helper()
	var heard strings.Builder
	for _, user := range []string{"acme", "globex", "initech", "found", "ghost", "nobody"} {
		for _, secret := range canaries {
			for _, database := range []string{"app", "acme", "nowhere"} {
				c, refused := tryLogin(t, p.endpoint, user, secret, database)
				if refused != nil {
					heard.WriteString(refused.Error())
					continue
				}
				rows, failed := c.try("SELECT * FROM pg_settings WHERE name IN ('search_path', 'application_name')")
				fmt.Fprint(&heard, rows, failed, c.params)
			}
		}
	}
	return heard.String()
}

func expectNoCanary(t *testing.T, where, text string, more ...string) {
	t.Helper()
	text = strings.ToLower(text)
	for _, secret := range canaries {
		more = append(more, secret)
	}
	for _, secret := range more {
		for _, form := range []string{secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)), strings.Trim(fmt.Sprint([]byte(secret)), "[]")} {
			if at := strings.Index(text, strings.ToLower(form)); at >= 0 {
				t.Errorf("%s: a secret came out: ...%s", where, text[max(0, at-200):at+len(form)])
			}
		}
	}
}
