package config

import (
	"os"
	"strings"
)

// readable warns of files with secrets that every user of the machine can read:
// the configuration itself, if a password stands in it, and those that it names.
func (l *loader) readable() {
	if l.root == nil {
		return
	}
	told := make(map[string]bool)
	l.keys(func(n *node, s string) {
		path, _ := n.value.(string)
		switch {
		case l.failed[n]:
		case s == "password" || s == "query_password":
			file := l.files[n.at.file].name
			if path != "" && othersRead(file) && !told[file] {
				told[file] = true
				l.warn(n.at, "others can read this file, and a password stands in it: chmod 0600 it, or use %s_file", s)
			}
		case path != "" && othersRead(l.relative(path)) && !told[path]:
			told[path] = true
			l.warn(n.val, "others can read %s: chmod 0600 it", path)
		}
	})
}

// keys visits every key that holds a secret or names a file of secrets.
func (l *loader) keys(visit func(n *node, key string)) {
	tables := []*node{l.root.child("auth")}
	if c := l.root.child("cluster"); c != nil {
		tables = append(tables, c.kids...)
	}
	tables = append(tables, l.tenants...)
	for _, t := range tables {
		if t == nil {
			continue
		}
		for _, kid := range t.kids {
			switch {
			case strings.HasSuffix(kid.key, "password"), strings.HasSuffix(kid.key, "password_file"),
				kid.key == "users_file", kid.key == "login_secrets_file":
				visit(kid, kid.key)
			}
		}
	}
}

// othersRead reports whether a file can be read by whoever is neither its owner
// nor in its group.
func othersRead(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0
}
