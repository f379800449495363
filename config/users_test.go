package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenantpool/auth"
)

const goodVerifier = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$" +
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

func TestUsersFileIsReadAsPgBouncerReadsIt(t *testing.T) {
	u, problems := parseUsers("u", "\ufeff; comment\n# comment\n\n"+
		"\"app\" \"secret\"\r\n"+
		"  \"a \"\"b\"\"\"\t \"x\"\"y\" \"ignored\" too\n"+
		"\"empty\" \"\"\n"+
		"\"scram\" \""+goodVerifier+"\"\n"+
		"\"old\" \"md50123456789abcdef0123456789abcdef\"")
	if problems != nil {
		t.Fatal(problems)
	}
	for name, want := range map[string]struct {
		secret string
		kind   auth.SecretKind
	}{
		"app": {"secret", auth.Plain}, `a "b"`: {`x"y`, auth.Plain}, "empty": {"", auth.Plain},
		"scram": {goodVerifier, auth.SCRAM}, "old": {"md50123456789abcdef0123456789abcdef", auth.MD5},
	} {
		s, ok := u.Secret(name)
		if !ok || s.Reveal() != want.secret || s.Kind() != want.kind {
			t.Errorf("%s: got %q, kind %d, %v", name, s.Reveal(), s.Kind(), ok)
		}
	}
	if _, ok := u.Secret("App"); ok || u.Len() != 5 {
		t.Errorf("%d users, App: %v", u.Len(), ok)
	}
}

func TestEveryBadUserLineIsTold(t *testing.T) {
	_, problems := parseUsers("u", `app secret
"app
"app" "secret
"app""secret"
"app"
"app" secret
"" "x"
 "ok" "x"
"ok" "y"
"v" "SCRAM-SHA-256$4096:x"
"`+"\xff"+`" "x"
`)
	want := `u:1:1: user: should be in double quotes
u:2:1: user: the closing double quote is missing
u:3:7: secret: the closing double quote is missing
u:4:14: a space and the secret in double quotes should follow the name
u:5:6: a space and the secret in double quotes should follow the name
u:6:7: secret: should be in double quotes
u:7:1: user: a name may not be empty
u:9:1: user "ok" is listed twice
u:10:5: secret: a SCRAM verifier has the form SCRAM-SHA-256$iterations:salt$key:key
u:11:1: not valid UTF-8 text`
	if got := problems.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAUserWhoCannotLogInIsAWarning(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "users.txt", "\"old\" \"md50123456789abcdef0123456789abcdef\"\n\"empty\" \"\"\n\"app\" \"x\"\n")
	write(t, dir, "config.toml", head+route)
	c, err := Load(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	want := "3:14: user \"empty\" cannot log in: scram-sha-256 needs a password or a SCRAM verifier\n" +
		"3:14: user \"old\" cannot log in: scram-sha-256 needs a password or a SCRAM verifier"
	if got := warnings(c); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAUsersFileNobodyMayReadIsAFault(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := t.TempDir()
	write(t, dir, "config.toml", head+route)
	write(t, dir, "users.txt", "")
	if err := os.Chmod(filepath.Join(dir, "users.txt"), 0); err != nil {
		t.Fatal(err)
	}
	_, err := Load(filepath.Join(dir, "config.toml"))
	if got := faults(err); got != "3:14: auth.users_file: cannot read users.txt: permission denied" {
		t.Errorf("got %s", got)
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	const canary = "canary-4711"
	users, _ := parseUsers("u", `"app" "`+canary+`"`)
	c := mustLoad(t, head+"password = \""+canary+"\"\n"+route)
	c.Auth.Users = users
	raw := rawCluster{Cluster: c.Clusters[0]}
	var out strings.Builder
	for _, v := range []any{NewSecret(canary), users, *users, c, *c, c.Clusters[0], raw} {
		fmt.Fprintf(&out, "%v %+v %#v %s %q %x %d", v, v, v, v, v, v, v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		text, _ := json.Marshal(v)
		out.Write(text)
	}
	for _, form := range []string{canary, fmt.Sprintf("%x", canary)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the secret stands in %s", out.String())
		}
	}
	if !strings.Contains(out.String(), "***") {
		t.Error("no secret was printed at all")
	}
}

// FuzzUsersFile checks that reading ends, that problems have a place within
// the text, and that users written out again are read the same.
func FuzzUsersFile(f *testing.F) {
	f.Add("\"app\" \"secret\"\n; x\n\"a\"\"b\" \"\"\"\"\n")
	f.Add("\"\n\"x\" \"md5\"")
	f.Fuzz(func(t *testing.T, text string) {
		users, problems := parseUsers("u", text)
		lines := strings.Count(text, "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Col < 1 || p.Text == "" {
				t.Fatalf("%+v is no place in %q", p, text)
			}
		}
		var again strings.Builder
		quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
		for name, s := range users.secrets {
			again.WriteString(quote(name) + " " + quote(s.Reveal()) + "\n")
		}
		copied, problems := parseUsers("u", again.String())
		if len(problems) > 0 || copied.Len() != users.Len() {
			t.Fatalf("%q came back as %v, %v", again.String(), copied.Len(), problems)
		}
		for name, s := range users.secrets {
			if c, _ := copied.Secret(name); c.Reveal() != s.Reveal() {
				t.Fatalf("secret of %q changed", name)
			}
		}
	})
}
