package config

import (
	"errors"
	"net"
	"regexp"
	"slices"
)

// verifier is the form in which Postgres keeps a SCRAM secret: iterations,
// salt, and two keys of 32 bytes in base 64.
var verifier = regexp.MustCompile(`^SCRAM-SHA-256\$[1-9][0-9]{0,9}:[A-Za-z0-9+/]+={0,2}\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$`)

// users reads the users file and judges it by the method.
func (l *loader) users() {
	a := &l.config.Auth
	a.Users = &Users{}
	n := l.root.child("auth")
	switch {
	case l.failed[n]:
	case a.UsersFile == "" && a.Method == "scram-sha-256":
		at := place{}
		if n != nil {
			at = n.at
		}
		l.bad(at, `auth.users_file is missing: auth.method = "scram-sha-256" needs to know who may log in`)
	case a.Method == "trust":
		l.exposed(n.child("method").val)
	}
	if a.UsersFile != "" {
		l.usersFile(n.child("users_file"))
	}
}

// exposed warns of trust on an address that others than this machine reach.
func (l *loader) exposed(at place) {
	for _, a := range l.config.Listen {
		if a.Network != "tcp" {
			continue
		}
		if host, _, err := net.SplitHostPort(a.Address); err == nil && !isLocal(host) {
			l.warn(at, `auth.method = "trust" asks nobody for a password, and %s can be reached from other machines`, a.Address)
		}
	}
}

func (l *loader) usersFile(n *node) {
	a := &l.config.Auth
	written := a.UsersFile
	a.UsersFile = l.relative(written)
	users, err := loadUsers(a.UsersFile)
	var problems Problems
	switch {
	case errors.As(err, &problems):
		file := l.add(a.UsersFile, "")
		for _, p := range problems {
			l.faults = append(l.faults, located{file, p})
		}
	case err != nil:
		l.bad(n.val, "auth.users_file: cannot read %s: %s", written, cause(err))
	default:
		a.Users = users
		l.secrets(n, users)
	}
}

// secrets warns of users that cannot log in by the method.
func (l *loader) secrets(n *node, users *Users) {
	if l.config.Auth.Method != "scram-sha-256" {
		return
	}
	var names []string
	for name, s := range users.secrets {
		if s.Kind() == MD5 || s.IsZero() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		l.warn(n.val, "user %q cannot log in: SCRAM needs a password or a SCRAM verifier", name)
	}
}
