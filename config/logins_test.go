package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"tenantpool/routing"
)

// loginOf is who the connections of a tenant's route log in as.
func loginOf(t *testing.T, c *Config, tenant string) (l Login, own bool, err error) {
	t.Helper()
	r, err := c.Table.Resolve(routing.Identity{User: tenant, Database: tenant})
	if err != nil {
		t.Fatal(err)
	}
	return c.Login(r)
}

func TestLoginsOfTenantsHaveTheirSecrets(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "users.txt", "")
	write(t, dir, "logins.txt", "\"globex\" \"from file\"\n\"odd\" \"for initech\"\n")
	write(t, dir, "acme.password", "from its own file\n")
	write(t, dir, "config.toml", head+"login_secrets_file = \"logins.txt\"\n"+route+`isolation = "dedicated"
[tenant.acme]
password_file = "acme.password"
[tenant.globex]
[tenant.initech]
login = "odd"
[tenant.plain]
isolation = "shared"
`)
	c, err := Load(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for tenant, want := range map[string]string{
		"acme": "acme from its own file true", "globex": "globex from file true", "initech": "odd for initech true", "plain": "  false",
	} {
		l, own, err := loginOf(t, c, tenant)
		if got := fmt.Sprint(l.User, " ", l.Secret.Reveal(), " ", own); got != want || err != nil {
			t.Errorf("%s: %s, %v", tenant, got, err)
		}
		if text := fmt.Sprintf("%v %+v %#v", l, l, c); strings.Contains(text, "from") {
			t.Error("a secret was printed")
		}
	}
	_, _, err = loginOf(t, c, "umbrella")
	want := `login "umbrella" of tenant "umbrella" has no secret: add it to login_secrets_file of [cluster.main], or password_file to [tenant.umbrella]`
	if err == nil || err.Error() != want {
		t.Errorf("a tenant that nobody listed: %v", err)
	}
}

func TestAServerMayAskLoginsForNothing(t *testing.T) {
	for name, text := range map[string]string{
		"all of a cluster": head + "login_secrets_file = \"\"\n" + route + "isolation = \"dedicated\"\n[tenant.acme]\n",
		"one tenant":       head + route + "[tenant.acme]\nisolation = \"dedicated\"\npassword = \"\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			l, own, err := loginOf(t, mustLoad(t, text), "acme")
			if l.User != "acme" || !l.Secret.IsZero() || !own || err != nil {
				t.Errorf("%+v, %v, %v", l, own, err)
			}
		})
	}
}

func TestWithDiscardEveryTenantHasItsOwnConnectionsOfTheClustersLogin(t *testing.T) {
	c := mustLoad(t, head+"password = \"x\"\ntenant_change = \"discard\"\n"+route)
	l, own, err := loginOf(t, c, "acme")
	if l.User != "app" || l.Secret.Reveal() != "x" || !own || err != nil {
		t.Errorf("%+v, %v, %v", l, own, err)
	}
}

func TestAVerifierIsNoLoginSecret(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "users.txt", "")
	write(t, dir, "logins.txt", "\"acme\" \"md5"+strings.Repeat("0", 32)+"\"\n")
	write(t, dir, "config.toml", head+"login_secrets_file = \"logins.txt\"\n"+route)
	_, err := Load(filepath.Join(dir, "config.toml"))
	if got := faults(err); got != `8:22: cluster.login_secrets_file: the secret of "acme" is a verifier; to log in takes the password itself` {
		t.Errorf("got %s", got)
	}
}
