package certs

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tenantpool/internal/pgtest"
)

func TestWhatIsWrongWithAFileIsToldByItsSetting(t *testing.T) {
	dir := t.TempDir()
	a := pgtest.NewAuthority(t, dir, "ca")
	cert, key := a.Issue(t, "one", pgtest.Leaf{})
	_, otherKey := a.Issue(t, "two", pgtest.Leaf{})
	rubbish := filepath.Join(dir, "rubbish")
	if err := os.WriteFile(rubbish, []byte("not PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]Files{
		"": {cert, key, a.File},
		"tls_cert: " + rubbish + " holds no certificate in PEM":                             {rubbish, key, ""},
		"tls_cert: none cannot be read: no such file or directory":                          {"none", key, ""},
		"tls_key: none cannot be read: no such file or directory":                           {cert, "none", ""},
		"tls_key: " + otherKey + " is not an unencrypted key of the certificate in " + cert: {cert, otherKey, ""},
		"tls_key: " + rubbish + " is not an unencrypted key of the certificate in " + cert:  {cert, rubbish, ""},
		"tls_ca: " + rubbish + " holds no certificate in PEM":                               {"", "", rubbish},
	} {
		s, err := f.Load()
		if err == nil && (want != "" || s.Certificate == nil || s.Roots == nil) || err != nil && err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// look makes the next Current look at the files.
func (w *Watched) look() { w.looked = time.Time{} }

func TestChangedFilesAreReadAgainAndBrokenOnesAreToldOfOnce(t *testing.T) {
	dir := t.TempDir()
	a := pgtest.NewAuthority(t, dir, "ca")
	f := Files{CA: a.File}
	f.Cert, f.Key = a.Issue(t, "one", pgtest.Leaf{User: "first"})
	w := Watch(f, func(s *Set) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{*s.Certificate}} })
	expect := func(user string, failed bool) {
		t.Helper()
		set, err := w.Current()
		if (err != nil) != failed || set.Certificate.Leaf.Subject.CommonName != user || len(set.Config.Certificates) != 1 {
			t.Errorf("got the certificate of %s, %v; want %s", set.Certificate.Leaf.Subject, err, user)
		}
	}
	expect("first", false)
	first, _ := w.Current()
	w.look()
	if again, _ := w.Current(); again != first {
		t.Error("files that did not change were read again")
	}

	a.Issue(t, "one", pgtest.Leaf{User: "second"})
	expect("first", false) // looked at a moment ago
	w.look()
	expect("second", false)

	_, otherKey := a.Issue(t, "two", pgtest.Leaf{})
	if err := os.Rename(otherKey, f.Key); err != nil {
		t.Fatal(err)
	}
	w.look()
	expect("second", true)
	w.look()
	expect("second", false) // told already
	a.Issue(t, "one", pgtest.Leaf{User: "third"})
	w.look()
	expect("third", false)
}

func TestACertificateThatEndsSoonIsTold(t *testing.T) {
	a := pgtest.NewAuthority(t, t.TempDir(), "ca")
	for lifetime, want := range map[time.Duration]string{
		24 * time.Hour: "expires on ", 365 * 24 * time.Hour: "", -time.Minute: "has expired on "} {
		cert, key := a.Issue(t, "one", pgtest.Leaf{Lifetime: lifetime})
		s, err := Files{Cert: cert, Key: key}.Load()
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Expiry(time.Now()); !strings.HasPrefix(got, want) || (got == "") != (want == "") {
			t.Errorf("%v: %q, want %q", lifetime, got, want)
		}
	}
}
