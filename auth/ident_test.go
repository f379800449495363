package auth

import (
	"fmt"
	"strings"
	"testing"
)

func TestAMapSaysWhoMayBeWhom(t *testing.T) {
	m, wrong := ParseIdent("ident", `
# map    system                 user
staff    anna                   app
staff    anna                   "all"
staff    bert                   all
staff    "carl c"               /^t[0-9]$
domain   /^(.*)@acme\.test$     \1
domain   /^(.*)@all\.test$      x\1y
domain   /^root$                all
other    dora                   dora
`)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	for _, c := range []struct {
		in, system, user string
		want             bool
	}{
		{"", "anna", "anna", true}, {"", "anna", "app", false}, {"", "", "", true},
		{"staff", "anna", "app", true}, {"staff", "anna", "all", true}, {"staff", "anna", "anna", false}, {"staff", "ann", "app", false},
		{"staff", "bert", "anything", true}, {"staff", "carl c", "t1", true}, {"staff", "carl c", "t10", false},
		{"domain", "bob@acme.test", "bob", true}, {"domain", "bob@acme.test", "bert", false}, {"domain", "bob@acme.testx", "bob", false},
		{"domain", "bob@all.test", "xboby", true}, {"domain", "bob@all.test", "bob", false},
		{"domain", "/^x@acme.test", "/^x", true}, {"domain", "all@acme.test", "other", false},
		{"domain", "root", "app", true}, {"domain", "dora", "dora", false}, {"nowhere", "dora", "dora", false},
	} {
		if got := m.Allows(c.in, c.system, c.user); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestEveryFaultOfAMapHasItsPlaceAndReason(t *testing.T) {
	for text, want := range map[string]string{
		"a b":              `1:1: a line has three words: the map, the name in the system, the user`,
		"\na b c d":        `2:1: a line has three words: the map, the name in the system, the user`,
		"a b,c d":          `1:5: one name is enough, not a list`,
		"a /( d":           "1:3: /( is not a regular expression: missing closing ): `(`",
		"a b +staff":       `1:5: +staff is not supported: tenantpool knows no groups; list the users, or name a file with @`,
		`a /^b$ \1`:        `1:8: \1 stands for what the first parenthesis finds, but /^b$ has none`,
		"include_dir some": `1:1: include_dir is not supported: put the lines into this file`,
		`a "b c`:           "1:3: the closing double quote is missing\n1:1: a line has three words: the map, the name in the system, the user",
	} {
		m, wrong := ParseIdent("ident", text)
		var got []string
		for _, p := range wrong {
			got = append(got, fmt.Sprintf("%d:%d: %s", p.Line, p.Col, p.Text))
		}
		if strings.Join(got, "\n") != want || len(m) > 0 {
			t.Errorf("%q: %v\n%s\nwant\n%s", text, m, strings.Join(got, "\n"), want)
		}
	}
}

// FuzzIdent checks that reading ends, that problems have a place, and that maps
// can be asked.
func FuzzIdent(f *testing.F) {
	f.Add("a /^(.*)@x$ \\1\nb c all\n", "u@x", "u")
	f.Add("a \"b\"\"\" /^c # d\\\n", "b\"", "c")
	f.Fuzz(func(t *testing.T, text, system, user string) {
		m, wrong := ParseIdent("ident", text)
		for _, p := range wrong {
			if p.Line < 1 || p.Line > strings.Count(text, "\n")+1 || p.Col < 1 || p.Text == "" {
				t.Fatalf("%+v is no place in %q", p, text)
			}
		}
		for name := range m {
			m.Allows(name, system, user)
		}
		if m.Allows("", system, user) != (system == user) {
			t.Fatal("names without a map")
		}
	})
}
