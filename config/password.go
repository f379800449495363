package config

import (
	"os"
	"slices"
	"strings"
)

// password finds the one secret of a section that is given, inline, in a file or
// in the environment. prefix is what its keys begin with. A tenant's may be empty
// if it is written so: the server asks for none.
func (l *loader) password(section, prefix string, n *node, from rawPassword) (secret Secret, given bool) {
	if n == nil {
		return secret, false
	}
	var first *node
	for _, kid := range n.kids {
		form, ok := strings.CutPrefix(kid.key, prefix)
		if !ok || !slices.Contains([]string{"password", "password_file", "password_env"}, form) || l.failed[kid] {
			continue
		}
		if first != nil {
			l.bad(kid.at, "%s.%s and %s are both given; one is enough", section, first.key, kid.key)
			continue
		}
		first = kid
		text, wrong := l.secret(form, from)
		if text == "" && wrong == "" && (section != "tenant" || kid.key != "password") {
			wrong = "the password is empty"
		}
		if wrong != "" {
			l.bad(kid.val, "%s.%s: %s", section, kid.key, wrong)
		}
		secret = NewSecret(text)
	}
	return secret, first != nil
}

// secret reads the secret that a form of key leads to.
func (l *loader) secret(form string, from rawPassword) (secret, wrong string) {
	switch form {
	case "password_file":
		text, err := os.ReadFile(l.relative(from.file))
		if err != nil {
			return "", "cannot read " + from.file + ": " + cause(err)
		}
		secret, _, _ = strings.Cut(string(text), "\n")
		return strings.TrimSuffix(secret, "\r"), ""
	case "password_env":
		value, set := os.LookupEnv(from.env)
		if !set {
			return "", "the environment has no " + from.env
		}
		return value, ""
	}
	return from.text, ""
}
