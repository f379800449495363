package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// own are the addresses of the machine that tests play.
func own() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("10.1.2.3/16"), netip.MustParsePrefix("::1/128")}
}

// files is what @ can name.
func files(texts map[string]string) ReadFile {
	return func(path string) (string, error) {
		text, ok := texts[path]
		if !ok {
			return "", errors.New("no such file")
		}
		return text, nil
	}
}

func mustHBA(t *testing.T, text string, texts map[string]string) *Policy {
	t.Helper()
	rules, wrong := ParseHBA("dir/hba", text, files(texts))
	if len(wrong) > 0 {
		t.Fatalf("%+v in\n%s", wrong, text)
	}
	return &Policy{Rules: rules}
}

// client makes a Client of "socket", "ADDRESS" or "ADDRESS tls".
func client(where, user, database string) Client {
	c := Client{User: user, Database: database, Own: own}
	address, encryption, _ := strings.Cut(where, " ")
	c.TLS = encryption == "tls"
	if c.Socket = address == "socket"; !c.Socket {
		c.Address = netip.MustParseAddr(address)
	}
	return c
}

func TestTheFirstRuleThatMatchesDecides(t *testing.T) {
	p := mustHBA(t, `
# a comment
local   all           all                             peer map=sys
local   all           all                             trust
host    acme,globex   app, "all"   10.0.0.0/8         scram-sha-256   # behind a line too
host    sameuser      all          10.0.0.0  255.0.0.0  md5
hostssl all           "/^t[0-9]+$" all                cert map=certs
hostnossl all         plain        0.0.0.0/0          reject
host    "sameuser"    all          samehost           password
host    all           near         samenet            password
host    "/^x"         @users       ::/0               trust
hostgssenc all        all          all                trust
hostnogssenc all      nogss        all                trust
host    replication   all          all                trust
hostssl all           clever       all                \
        scram-sha-256 clientcert=verify-full
`, map[string]string{"dir/users": "anna, bert # two\n\"carl\"\n@more\n", "dir/more": "dora"})
	for _, c := range []struct {
		where, user, database string
		line                  int
		method                Method
	}{
		{"socket", "any", "any", 3, ByPeer},
		{"10.9.9.9", "app", "acme", 5, BySCRAM},
		{"::ffff:10.9.9.9", "app", "acme", 5, BySCRAM},
		{"10.9.9.9", "all", "globex", 5, BySCRAM},
		{"10.9.9.9", "other", "acme", 0, 0},
		{"10.9.9.9", "other", "other", 6, ByMD5},
		{"11.9.9.9", "other", "other", 0, 0},
		{"11.9.9.9 tls", "t12", "acme", 7, ByCertificate},
		{"11.9.9.9", "t12", "acme", 0, 0},
		{"11.9.9.9 tls", "xt12", "acme", 0, 0},
		{"11.9.9.9", "plain", "x", 8, Reject},
		{"11.9.9.9 tls", "plain", "x", 0, 0},
		{"10.1.2.3", "u", "sameuser", 9, ByPassword},
		{"10.1.2.4", "u", "sameuser", 0, 0},
		{"10.1.2.4", "near", "d", 10, ByPassword},
		{"10.2.2.4", "near", "d", 0, 0},
		{"fd00::1%eth0", "anna", "xylophone", 11, Trust},
		{"fd00::1", "carl", "x", 11, Trust},
		{"fd00::1", "dora", "x", 11, Trust},
		{"fd00::1", "users", "x", 0, 0},
		{"11.9.9.9", "dora", "x", 0, 0},
		{"11.9.9.9", "nogss", "x", 13, Trust},
		{"11.9.9.9", "u", "replication", 0, 0},
	} {
		r := p.Match(client(c.where, c.user, c.database))
		if c.line == 0 {
			if r != nil {
				t.Errorf("%+v matches line %d", c, r.Line)
			}
			continue
		}
		if r == nil || r.Line != c.line || r.Method != c.method {
			t.Errorf("%+v: got %+v", c, r)
		}
	}
	if r := p.Rules[len(p.Rules)-1]; r.Line != 15 || r.Cert != VerifyFull || r.Method != BySCRAM {
		t.Errorf("the last rule, which goes on on a second line, is %+v", r)
	}
}

func TestWhatARuleAsksForIsKept(t *testing.T) {
	p := mustHBA(t, `hostssl all all all cert map=m
hostssl all all all scram-sha-256 clientcert=verify-ca
hostssl all all all md5 clientcert=verify-full map=m clientname=CN
local all all peer map="a b"
local "a,b" "c d" trust`, nil)
	want := []Rule{{Line: 1, Method: ByCertificate, Map: "m", Cert: VerifyFull}, {Line: 2, Method: BySCRAM, Cert: VerifyCA},
		{Line: 3, Method: ByMD5, Map: "m", Cert: VerifyFull}, {Line: 4, Method: ByPeer, Map: "a b"}, {Line: 5, Method: Trust}}
	for i, w := range want {
		r := p.Rules[i]
		if r.Line != w.Line || r.Method != w.Method || r.Map != w.Map || r.Cert != w.Cert {
			t.Errorf("got %+v, want %+v", r, w)
		}
	}
	if !p.Rules[4].matches(client("socket", "c d", "a,b")) {
		t.Error("a comma or a space in quotes does not stand for itself")
	}
}

func TestEveryFaultOfARuleHasItsPlaceAndReason(t *testing.T) {
	for text, want := range map[string]string{
		"foo all all all trust":                    `1:1: "foo" is not a kind of connection: local, host, hostssl, hostnossl`,
		"include other.conf":                       `1:1: include is not supported: put the lines into this file, or lists of names into a file named with @`,
		"local":                                    `1:1: the line ends before its databases`,
		"local all":                                `1:1: the line ends before its users`,
		"local all all":                            `1:1: the line ends before its method`,
		"host all all":                             `1:1: the line ends before its address`,
		"host all all 10.0.0.0/8":                  `1:1: the line ends before its method`,
		"\nlocal samerole all trust":               `2:7: samerole is not supported: tenantpool knows no roles; list the users, or use sameuser`,
		"local all a,+staff trust":                 `1:13: +staff is not supported: tenantpool knows no groups; list the users, or name a file with @`,
		"local /( all trust":                       "1:7: /( is not a regular expression: missing closing ): `(`",
		"local @gone all trust":                    `1:7: @gone: cannot read it: no such file`,
		"local @loop all trust":                    `1:1: @loop: files are nested more than 10 deep`,
		"host all all db.test trust":               `1:14: "db.test" is not an address; host names are not supported, for whoever answers for the name would decide`,
		"host all all 10.0.0.0 trust":              `1:14: 10.0.0.0 has no mask: write 10.0.0.0/32 for this one address`,
		"host all all 10.0.0.0/40 md5":             `1:14: "10.0.0.0/40" is not an address range, like 10.0.0.0/8 or fd00::/8`,
		"host all all ::1 255.0.0.0 md5":           `1:14: "255.0.0.0" is not a mask for ::1; write an address range, like ::1/128`,
		"host all all 10.0.0.0 255.0.255.0 md5":    `1:14: 255.0.255.0 has ones behind a zero, which no address range has`,
		"local all all ldap":                       `1:15: method "ldap" is not supported; there are trust, reject, password, md5, scram-sha-256, cert, peer`,
		"local all all ident":                      `1:15: ident is not supported: on a Unix socket it is called peer`,
		"host all all all peer":                    `1:18: peer works on Unix sockets only: write it on a line that begins with local`,
		"host all all all cert":                    `1:18: cert works over TLS only: write it on a line that begins with hostssl`,
		"local all all trust map=x":                `1:21: map has a meaning for the methods cert and peer only`,
		"local all all trust clientcert=verify-ca": `1:21: clientcert needs TLS: write it on a line that begins with hostssl`,
		"hostssl all all all md5 clientcert=1":     `1:25: clientcert should be verify-ca or verify-full, not "1"`,
		"hostssl all all all cert clientname=DN":   `1:26: clientname: only CN, the common name of a certificate, is supported`,
		"local all all trust ldapserver=x":         `1:21: option "ldapserver" is not supported; there are clientcert, clientname, map`,
		"local all all trust what":                 `1:21: "what" is not an option of the form name=value`,
		"local all \"all trust":                    "1:11: the closing double quote is missing\n1:1: the line ends before its method",
		"local all all \\\n  truth":                `2:3: method "truth" is not supported; there are trust, reject, password, md5, scram-sha-256, cert, peer`,
		"local all,all all,b trust,peer":           `1:27: one method is enough, not a list`,
		"local all \xff trust":                     `1:1: not valid UTF-8 text`,
	} {
		rules, wrong := ParseHBA("dir/hba", text, files(map[string]string{"dir/loop": "@loop"}))
		var got []string
		for _, p := range wrong {
			got = append(got, fmt.Sprintf("%d:%d: %s", p.Line, p.Col, p.Text))
		}
		if strings.Join(got, "\n") != want || len(rules) > 0 {
			t.Errorf("%q:\n%s\nwant\n%s", text, strings.Join(got, "\n"), want)
		}
	}
}

func TestARuleThatAsksNobodyAndIsOpenToOthersIsExposed(t *testing.T) {
	for line, want := range map[string]bool{
		"local all all trust": false, "host all all 127.0.0.1/32 trust": false, "host all all ::1/128 trust": false,
		"host all all samehost trust": false, "host all all all trust": true, "host all all samenet trust": true,
		"hostssl all all 10.0.0.0/8 trust": true, "host all all all md5": false, "hostgssenc all all all trust": false,
	} {
		if r := mustHBA(t, line, nil).Rules[0]; r.Exposed() != want {
			t.Errorf("%s: %v", line, r.Exposed())
		}
	}
}

func TestTheRuleForEverybodyMatchesEverybody(t *testing.T) {
	for m := range methods {
		p := &Policy{Rules: []Rule{Always(Method(m), "m")}}
		for _, where := range []string{"socket", "10.0.0.1", "::1 tls"} {
			if r := p.Match(client(where, "u", "d")); r == nil || r.Method != Method(m) {
				t.Errorf("%s from %s: %+v", Method(m), where, r)
			}
		}
		if named, ok := ParseMethod(Method(m).String()); !ok || named != Method(m) {
			t.Errorf("%s is not read as itself", Method(m))
		}
	}
	if _, ok := ParseMethod("hba"); ok {
		t.Error("hba is a method")
	}
}

// FuzzHBA checks that reading ends, that problems have a place within the text,
// and that what comes out can be asked.
func FuzzHBA(f *testing.F) {
	f.Add("local all all trust\nhost \"/^a\" @x 10.0.0.0/8 scram-sha-256 map=x # y\n")
	f.Add("host all,\"b\"\"c\" all 10.0.0.0 255.0.0.0 \\\n md5")
	f.Add("hostssl sameuser +x samenet cert clientcert=verify-full")
	read := files(map[string]string{"dir/x": "a,b\n@x", "dir/y": "\"\\\n"})
	f.Fuzz(func(t *testing.T, text string) {
		rules, wrong := ParseHBA("dir/hba", text, read)
		lines := strings.Count(text, "\n") + 1
		for _, p := range wrong {
			if p.Line < 1 || p.Col < 1 || p.Text == "" || p.File == "dir/hba" && p.Line > lines {
				t.Fatalf("%+v is no place in %q", p, text)
			}
		}
		p := &Policy{Rules: rules}
		for _, where := range []string{"socket", "10.0.0.1", "fd00::1 tls"} {
			p.Match(client(where, "a", "b"))
		}
	})
}
