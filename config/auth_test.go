package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenantpool/auth"
)

// loadAuth loads a configuration with this [auth] and these files beside it.
func loadAuth(t *testing.T, lines string, files map[string]string) (*Config, error) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "users.txt", "\"app\" \"secret\"\n")
	for name, text := range files {
		write(t, dir, name, text)
	}
	write(t, dir, "config.toml", "[auth]\n"+lines+head[strings.Index(head, "[cluster"):]+route)
	return Load(filepath.Join(dir, "config.toml"))
}

func mustAuth(t *testing.T, lines string, files map[string]string) *Config {
	t.Helper()
	c, err := loadAuth(t, lines, files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryMethodIsARuleForEverybody(t *testing.T) {
	for _, method := range []string{"trust", "password", "md5", "scram-sha-256", "cert"} {
		c := mustAuth(t, "method = \""+method+"\"\nusers_file = \"users.txt\"\n", nil)
		r := c.Auth.Policy.Match(auth.Client{Socket: true, User: "u", Database: "d"})
		if r == nil || r.Method.String() != method || c.Auth.Lookup != (Lookup{}) {
			t.Errorf("%s: %+v", method, r)
		}
	}
	if c := mustAuth(t, "method = \"cert\"\n", nil); len(c.Auth.Policy.Rules) != 1 {
		t.Error("cert needs a users file")
	}
}

func TestRulesAndMapsAreReadFromTheirFiles(t *testing.T) {
	c := mustAuth(t, "method = \"hba\"\nhba_file = \"x.hba\"\nident_file = \"x.ident\"\nusers_file = \"users.txt\"\n", map[string]string{
		"x.hba":   "local all @people peer map=sys\nhost all all all scram-sha-256\n",
		"people":  "anna, bert\n",
		"x.ident": "sys root anna\n",
	})
	p := &c.Auth.Policy
	if r := p.Match(auth.Client{Socket: true, User: "anna", Database: "d"}); r == nil || r.Line != 1 || !p.Maps.Allows(r.Map, "root", "anna") {
		t.Errorf("got %+v", r)
	}
	if r := p.Match(auth.Client{Socket: true, User: "carl", Database: "d"}); r != nil {
		t.Errorf("carl matches line %d", r.Line)
	}
	if len(c.Warnings) > 0 {
		t.Error(c.Warnings)
	}
}

func TestFaultsOfRulesAndMapsAreToldByTheirFiles(t *testing.T) {
	_, err := loadAuth(t, "method = \"hba\"\nhba_file = \"x.hba\"\nident_file = \"x.ident\"\nusers_file = \"users.txt\"\n", map[string]string{
		"x.hba":   "local all all peer map=sys\nhost all @people all scram-sha-256\nhost all all all pam\n",
		"people":  "anna, \"bert\n",
		"x.ident": "other /( anna\n",
	})
	want := "x.ident:1:7: /( is not a regular expression: missing closing ): `(`\n" +
		`x.hba:1:1: no map is called "sys" in auth.ident_file` + "\n" +
		`x.hba:3:18: method "pam" is not supported; there are trust, reject, password, md5, scram-sha-256, cert, peer` + "\n" +
		"people:1:7: the closing double quote is missing"
	if got := faults(err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for lines, want := range map[string]string{
		"hba_file = \"x.hba\"\nmethod = \"hba\"\n": `1:2: auth.users_file is missing: x.hba asks for passwords, and nobody knows any (auth.query could look them up)`,
		"hba_file = \"e.hba\"\nmethod = \"hba\"\n": `2:12: auth.hba_file: e.hba holds no rule, so that nobody could log in`,
	} {
		_, err := loadAuth(t, lines, map[string]string{"x.hba": "host all all all md5\n", "e.hba": "# nothing\n"})
		if got := faults(err); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestWhatIsSuspiciousOfAnAuthenticationIsWarnedOf(t *testing.T) {
	text := "listen = [\"*:6432\"]\n[auth]\nmethod = \"hba\"\nhba_file = \"x.hba\"\nmap = \"sys\"\nident_file = \"x.ident\"\nusers_file = \"users.txt\"\n" + head[strings.Index(head, "[cluster"):] + route
	dir := t.TempDir()
	write(t, dir, "x.hba", "host all all samehost trust\n\nhost all all 10.0.0.0/8 trust\n"+
		"hostssl all all 10.0.0.0/8 password\nlocal all all password\nhost all all samehost password\nhost all all all password\n")
	write(t, dir, "x.ident", "sys a b\n")
	write(t, dir, "users.txt", "\"app\" \"secret\"\n")
	write(t, dir, "config.toml", text)
	c, err := Load(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range c.Warnings {
		w.File = filepath.Base(w.File)
		got = append(got, w.String())
	}
	want := "config.toml:5:1: auth.map is not used: auth.method is \"hba\", not \"cert\"\n" +
		"x.hba:3:1: trust asks nobody for a password, and this line is for clients on other machines too\n" +
		"x.hba:7:1: passwords are sent in clear text, and this line is for clients on other machines too: say hostssl, or scram-sha-256"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	c = mustAuth(t, "method = \"scram-sha-256\"\nusers_file = \"users.txt\"\nhba_file = \"x.hba\"\n", nil)
	if got := warnings(c); got != `4:1: auth.hba_file is not used: auth.method is "scram-sha-256", not "hba"` {
		t.Errorf("got %s", got)
	}
}

func TestAnyKeyOfALookUpTurnsItOn(t *testing.T) {
	for lines, want := range map[string]Lookup{
		"cluster = \"main\"\n":         {Cluster: "main"},
		"query = \"SELECT f($1)\"\n":   {Cluster: "main", Query: "SELECT f($1)"},
		"query_user = \"looker\"\n":    {Cluster: "main", User: "looker"},
		"users_file = \"users.txt\"\n": {},
	} {
		if c := mustAuth(t, "method = \"md5\"\n"+lines, nil); c.Auth.Lookup != want {
			t.Errorf("%s: %+v", lines, c.Auth.Lookup)
		}
	}
	if err := os.Setenv("TENANTPOOL_TEST_LOOKER", "secret"); err != nil {
		t.Fatal(err)
	}
	defer os.Unsetenv("TENANTPOOL_TEST_LOOKER")
	for lines, want := range map[string]int{"query_user = \"app\"\n": 1, "cluster = \"main\"\n": 1, "query_user = \"looker\"\n": 0} {
		if c := mustAuth(t, lines, nil); len(c.Warnings) != want || want == 1 && !strings.Contains(warnings(c), "they could read the secrets too") {
			t.Errorf("%s: %v", lines, c.Warnings)
		}
	}
	c := mustAuth(t, "query_user = \"looker\"\nquery_password_env = \"TENANTPOOL_TEST_LOOKER\"\n", nil)
	if c.Auth.Lookup.Password.Reveal() != "secret" {
		t.Error("the password is not found")
	}
}
