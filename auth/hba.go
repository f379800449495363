package auth

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ParseHBA reads the text of a file in the form of pg_hba.conf. Every line that
// is wrong is a problem, and gives no rule.
func ParseHBA(file, text string, read ReadFile) ([]Rule, []Problem) {
	found := &problems{file: file}
	var rules []Rule
	for _, e := range split(text, found) {
		p := ruleParser{entry: e, problems: found, read: read}
		before := len(found.list)
		if p.parse(); len(found.list) == before {
			rules = append(rules, p.rule)
		}
	}
	return rules, found.list
}

// ruleParser reads one line.
type ruleParser struct {
	entry
	problems *problems
	read     ReadFile
	next     int // the field to read
	rule     Rule
}

func (p *ruleParser) parse() {
	p.rule.Line = p.at.line
	if !p.connection() {
		return
	}
	p.rule.databases = p.names("databases", parseDatabase)
	p.rule.users = p.names("users", parseName)
	if p.rule.connection != onSocket {
		p.address()
	}
	p.method()
	for p.next < len(p.fields) {
		p.option(p.fields[p.next][0])
		p.next++
	}
	if p.rule.Method == ByCertificate {
		p.rule.Cert = VerifyFull
	}
}

// one reads a field of one word. Words that the line lacks are complained of once.
func (p *ruleParser) one(what string) (t token, ok bool) {
	switch {
	case p.next > len(p.fields):
		return t, false
	case p.next == len(p.fields):
		p.problems.add(p.at, "the line ends before its %s", what)
		p.next++
		return t, false
	}
	f := p.fields[p.next]
	p.next++
	if len(f) > 1 {
		p.problems.add(f[1].at, "one %s is enough, not a list", what)
	}
	return f[0], true
}

func (p *ruleParser) connection() bool {
	t, _ := p.one("kind of connection")
	var ok bool
	p.rule.connection, ok = connections[t.text]
	switch {
	case strings.HasPrefix(t.text, "include"):
		p.problems.add(t.at, "%s is not supported: put the lines into this file, or lists of names into a file named with @", t.text)
	case !ok:
		p.problems.add(t.at, "%q is not a kind of connection: local, host, hostssl, hostnossl", t.text)
	}
	return ok
}

func (p *ruleParser) names(what string, parse func(token) (name, error)) []name {
	if p.next >= len(p.fields) {
		p.one(what)
		return nil
	}
	list := expand(p.fields[p.next], p.problems, p.read, 0)
	p.next++
	names := make([]name, 0, len(list))
	for _, t := range list {
		n, err := parse(t)
		if err != nil {
			p.problems.add(t.at, "%v", err)
		}
		names = append(names, n)
	}
	return names
}

func (p *ruleParser) address() {
	t, ok := p.one("address")
	if !ok {
		return
	}
	var mask *token
	if p.next < len(p.fields) {
		if m := p.fields[p.next][0]; strings.Trim(m.text, "0123456789abcdefABCDEF:.") == "" && strings.ContainsAny(m.text, ":.") {
			mask = &m
		}
	}
	a, usedMask, err := parseAddress(t, mask)
	if err != nil {
		p.problems.add(t.at, "%v", err)
	}
	if usedMask || err != nil && mask != nil {
		p.next++
	}
	p.rule.address = a
}

func (p *ruleParser) method() {
	t, ok := p.one("method")
	if !ok {
		return
	}
	p.rule.Method, ok = ParseMethod(t.text)
	switch on := p.rule.connection; {
	case t.text == "ident":
		p.problems.add(t.at, "ident is not supported: on a Unix socket it is called peer")
	case !ok:
		p.problems.add(t.at, "method %q is not supported; there are %s", t.text, strings.Join(methods, ", "))
	case p.rule.Method == ByPeer && on != onSocket:
		p.problems.add(t.at, "peer works on Unix sockets only: write it on a line that begins with local")
	case p.rule.Method == ByCertificate && on != withTLS:
		p.problems.add(t.at, "cert works over TLS only: write it on a line that begins with hostssl")
	}
}

// options are what may stand behind a method.
var options = map[string]func(r *Rule, value string) error{
	"map": func(r *Rule, value string) error {
		if r.Method != ByCertificate && r.Method != ByPeer && r.Cert != VerifyFull {
			return errors.New("map has a meaning for the methods cert and peer only")
		}
		r.Map = value
		return nil
	},
	"clientcert": func(r *Rule, value string) error {
		switch {
		case r.connection != withTLS:
			return errors.New("clientcert needs TLS: write it on a line that begins with hostssl")
		case value == "verify-full":
			r.Cert = VerifyFull
		case value == "verify-ca" && r.Method == ByCertificate:
			return errors.New("clientcert=verify-ca is less than the method cert asks for; leave it out")
		case value == "verify-ca":
			r.Cert = VerifyCA
		default:
			return fmt.Errorf("clientcert should be verify-ca or verify-full, not %q", value)
		}
		return nil
	},
	"clientname": func(_ *Rule, value string) error {
		if value != "CN" {
			return errors.New("clientname: only CN, the common name of a certificate, is supported")
		}
		return nil
	},
}

func (p *ruleParser) option(t token) {
	key, value, ok := strings.Cut(t.text, "=")
	set := options[key]
	switch {
	case !ok:
		p.problems.add(t.at, "%q is not an option of the form name=value", t.text)
	case set == nil:
		p.problems.add(t.at, "option %q is not supported; there are %s", key, strings.Join(slices.Sorted(maps.Keys(options)), ", "))
	default:
		if err := set(&p.rule, value); err != nil {
			p.problems.add(t.at, "%v", err)
		}
	}
}
