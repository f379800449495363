package config

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"tenantpool/internal/certs"
	"tenantpool/internal/pgtest"
)

func TestTLSFilesAreCheckedWhenTheConfigurationIsRead(t *testing.T) {
	a := pgtest.NewAuthority(t, t.TempDir(), "ca")
	cert, key := a.Issue(t, "good", pgtest.Leaf{})
	old, oldKey := a.Issue(t, "old", pgtest.Leaf{Lifetime: time.Hour})
	client := func(mode, cert, key string) string {
		return fmt.Sprintf("tls = %q\ntls_cert = %q\ntls_key = %q\ntls_ca = %q\ntls_min = \"1.3\"\n", mode, cert, key, a.File)
	}
	server := func(mode string) string {
		return fmt.Sprintf("tls = %q\ntls_cert = %q\ntls_key = %q\ntls_ca = %q\n", mode, cert, key, a.File)
	}

	c := mustLoad(t, client("verify-full", cert, key)+head+server("verify-ca")+route)
	want := certs.Files{Cert: cert, Key: key, CA: a.File}
	if c.TLS != (ClientTLS{TLS{certs.VerifyFull, want}, tls.VersionTLS13}) || c.Clusters[0].TLS != (TLS{certs.VerifyCA, want}) || len(c.Warnings) > 0 {
		t.Errorf("%+v, %+v, %v", c.TLS, c.Clusters[0].TLS, c.Warnings)
	}

	_, err := load(t, client("require", cert, oldKey)+head+route)
	if got, want := faults(err), fmt.Sprintf("3:11: tls_key: %s is not an unencrypted key of the certificate in %s", oldKey, cert); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for want, text := range map[string]string{
		"tls_cert: the certificate expires on ": client("require", old, oldKey) + head + route,
		"tls_ca is not used":                    fmt.Sprintf("tls_ca = %q\n", a.File) + head + route,
	} {
		if c := mustLoad(t, text); len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Text, want) {
			t.Errorf("got warnings %v, want %q", c.Warnings, want)
		}
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if c := mustLoad(t, client("require", cert, key)+head+route); len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Text, "chmod 0600") {
		t.Errorf("warnings %v about a key that everybody reads", c.Warnings)
	}
}

func TestAPasswordInClearTextIsWarnedOf(t *testing.T) {
	a := pgtest.NewAuthority(t, t.TempDir(), "ca")
	cert, key := a.Issue(t, "pooler", pgtest.Leaf{})
	for _, c := range []struct {
		listen, mode string
		warned       bool
	}{
		{"*:6432", "disable", true}, {"10.0.0.1:6432", "disable", true}, {"[::1]:6432", "disable", false},
		{"/run/tenantpool", "disable", false}, {"*:6432", "allow", true}, {"*:6432", "prefer", true}, {"*:6432", "require", false},
	} {
		text := fmt.Sprintf("listen = [%q]\ntls = %q\n", c.listen, c.mode)
		if c.mode != "disable" {
			text += fmt.Sprintf("tls_cert = %q\ntls_key = %q\n", cert, key)
		}
		got := warnings(mustLoad(t, text+strings.Replace(head, "scram-sha-256", "password", 1)+route))
		if strings.Contains(got, `auth.method = "password" has passwords sent in clear text`) != c.warned || !c.warned && got != "" {
			t.Errorf("%s with tls %s: warned of %q", c.listen, c.mode, got)
		}
	}
}

func TestAServerFarAwayIsVerifiedUnlessSaidOtherwise(t *testing.T) {
	far := strings.Replace(head, "127.0.0.1", "db.example", 1)
	for text, want := range map[string]TLS{
		head:                           {},
		far:                            {certs.VerifyFull, certs.Files{CA: certs.System}},
		far + "tls = \"disable\"\n":    {},
		far + "tls = \"prefer\"\n":     {Mode: certs.Prefer},
		head + "tls = \"require\"\n":   {Mode: certs.Require},
		head + "tls = \"verify-full\"": {certs.VerifyFull, certs.Files{CA: certs.System}},
	} {
		if c := mustLoad(t, text+"\n"+route); c.Clusters[0].TLS != want {
			t.Errorf("%s\ngives %+v, want %+v", text, c.Clusters[0].TLS, want)
		}
	}
}
