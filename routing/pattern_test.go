package routing

import (
	"strings"
	"testing"
)

func TestPatternsMatchWholeNames(t *testing.T) {
	for _, c := range []struct {
		pattern, name, tenant string
		ok                    bool
	}{
		{"acme", "acme", "", true},
		{"acme", "acme2", "", false},
		{"acme", "Acme", "", false},
		{"{tenant}", "acme", "acme", true},
		{"{tenant}", "", "", false},
		{"t_{tenant}", "t_acme", "acme", true},
		{"t_{tenant}", "t_", "", false},
		{"{tenant}_app", "acme_app", "acme", true},
		{"{tenant}_app", "_app", "", false},
		{"{tenant}_app", "acme_app_app", "acme_app", true},
		{"ab{tenant}ba", "aba", "", false},
		{"ab{tenant}ba", "abba", "", false},
		{"ab{tenant}ba", "abxba", "x", true},
		{"{tenant}", "{tenant}", "{tenant}", true},
		{"{tenant}é", "éé", "é", true},
	} {
		p, err := ParsePattern(c.pattern)
		if err != nil {
			t.Fatalf("%s: %v", c.pattern, err)
		}
		if tenant, ok := p.Match(c.name); tenant != c.tenant || ok != c.ok {
			t.Errorf("%s on %q: got %q, %v", c.pattern, c.name, tenant, ok)
		}
		if p.String() != c.pattern {
			t.Errorf("%s prints as %s", c.pattern, p)
		}
	}
}

func TestBadPatternsAreRefused(t *testing.T) {
	for _, s := range []string{"", "*", "a*", "{tenant}{tenant}", "{tenant}_{tenant}", "{Tenant}", "{}", "a{", "}", "{{tenant}}", "a\x00"} {
		if _, err := ParsePattern(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}

func TestLoginsAdmitNamesAndBeginnings(t *testing.T) {
	for _, c := range []struct {
		login, user, tenant string
		ok                  bool
	}{
		{"app", "app", "acme", true},
		{"app", "apple", "acme", false},
		{"*", "anyone", "acme", true},
		{"app_*", "app_", "acme", true},
		{"app_*", "app", "acme", false},
		{"{tenant}", "acme", "acme", true},
		{"{tenant}", "acme2", "acme", false},
		{"{tenant}", "{tenant}", "acme", false},
		{"{tenant}_*", "acme_web", "acme", true},
		{"{tenant}_*", "acme", "acme", false},
		{"{tenant}_*", "globex_web", "acme", false},
		{"ro_{tenant}", "ro_acme", "acme", true},
	} {
		l, err := parseLogin(c.login)
		if err != nil {
			t.Fatalf("%s: %v", c.login, err)
		}
		if got := l.admits(c.user, c.tenant); got != c.ok {
			t.Errorf("%s, user %s, tenant %s: got %v", c.login, c.user, c.tenant, got)
		}
	}
}

func TestBadLoginsAreRefused(t *testing.T) {
	for _, s := range []string{"", "a*b", "*a", "**", "{tenant}{tenant}", "{user}", "a\x00*"} {
		if _, err := parseLogin(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}

// FuzzPattern checks that a pattern prints as it was written, and that what it
// takes out of a name puts the name together again.
func FuzzPattern(f *testing.F) {
	f.Add("t_{tenant}_x", "t_acme_x")
	f.Add("{tenant}{tenant}", "a")
	f.Add("{ten{tenant}ant}", "")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		p, err := ParsePattern(pattern)
		if err != nil {
			return
		}
		if p.String() != pattern {
			t.Fatalf("%q prints as %q", pattern, p)
		}
		tenant, ok := p.Match(name)
		if ok && (p.Expand(tenant) != name || p.HasTenant() == (tenant == "")) {
			t.Fatalf("%q on %q gave %q", pattern, name, tenant)
		}
		if again, ok := p.Match(p.Expand("x")); !ok || p.HasTenant() && again != "x" {
			t.Fatalf("%q does not match its own expansion", pattern)
		}
		if p.HasTenant() && strings.Count(pattern, tenantMark) != 1 {
			t.Fatalf("%q holds several tenants", pattern)
		}
	})
}

// FuzzLogin checks that a login admits exactly its expansion, or what begins
// with it if it ends in a star.
func FuzzLogin(f *testing.F) {
	f.Add("{tenant}_*", "acme_x", "acme")
	f.Add("a*b*", "", "")
	f.Fuzz(func(t *testing.T, login, user, tenant string) {
		l, err := parseLogin(login)
		if err != nil {
			return
		}
		body, star := strings.CutSuffix(login, "*")
		name := strings.Replace(body, tenantMark, tenant, 1)
		want := user == name || star && strings.HasPrefix(user, name)
		if got := l.admits(user, tenant); got != want {
			t.Fatalf("%q, user %q, tenant %q: got %v", login, user, tenant, got)
		}
	})
}
