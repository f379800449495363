package config

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// global decodes the top of the main file and gives its include patterns.
func (l *loader) global() (include []string) {
	c := l.config
	raw := rawGlobal{Config: c}
	newSection("", globalFields, "auth", "admin", "prepared", "log", "registry", "cluster", "peer", "route", "tenant").decode(&l.reader, l.root, &raw)
	l.auth.Auth = &c.Auth
	newSection("auth", authFields).decode(&l.reader, l.root.child("auth"), &l.auth)
	newSection("admin", adminFields).decode(&l.reader, l.root.child("admin"), &c.Admin)
	newSection("prepared", preparedFields).decode(&l.reader, l.root.child("prepared"), &c.Prepared)
	newSection("log", logFields).decode(&l.reader, l.root.child("log"), &c.Log)
	if c.Instance == "" {
		c.Instance, _ = os.Hostname()
	}
	if c.HTTP != "" {
		if _, wrong := hostPort(c.HTTP); wrong != "" {
			l.bad(l.root.child("http").val, "http %s", wrong)
		}
	}
	c.MaxPinned = pinned(raw.maxPinned)
	for _, pattern := range raw.include {
		c.Include = append(c.Include, l.relative(pattern))
	}
	l.listen(raw.listen)
	l.clientTLS(&raw)
	return raw.include
}

// pinned turns max_pinned into a number of which 0 means the default.
func pinned(given *int) int {
	switch {
	case given == nil:
		return 0
	case *given == 0:
		return maxCount
	}
	return *given
}

// listen turns the words of listen into addresses. A Unix socket bears the
// port of the first TCP address, as Postgres names its own.
func (l *loader) listen(words []string) {
	n := l.root.child("listen")
	if len(words) == 0 {
		l.bad(n.val, "listen is empty: nobody could connect")
	}
	port := "6432"
	if i := slices.IndexFunc(words, func(w string) bool { return !isDirectory(w) }); i >= 0 {
		if _, p, err := net.SplitHostPort(words[i]); err == nil && p != "0" {
			port = p
		}
	}
	for i, w := range words {
		a, wrong := l.address(w, port)
		if wrong == "" && slices.Contains(l.config.Listen, a) {
			wrong = strconv.Quote(w) + " is there twice"
		}
		if wrong != "" {
			l.bad(n.item(i), "listen %s", wrong)
			continue
		}
		l.config.Listen = append(l.config.Listen, a)
	}
}

func isDirectory(word string) bool { return strings.Contains(word, "/") }

// sunPath is how long the path of a Unix socket may be on Linux, without its
// closing NUL.
const sunPath = 107

func (l *loader) address(word, port string) (Address, string) {
	if !isDirectory(word) {
		a, wrong := hostPort(word)
		if wrong != "" && !strings.Contains(word, ":") {
			wrong += `, or a directory, like "/run/tenantpool"`
		}
		return Address{"tcp", a}, wrong
	}
	path := filepath.Join(l.relative(word), ".s.PGSQL."+port)
	if len(path) > sunPath {
		return Address{}, strconv.Quote(word) + " is too long for a Unix socket"
	}
	return Address{"unix", path}, ""
}

// hostPort checks an address and gives it in the form of package net, where an
// empty host is every interface.
func hostPort(word string) (address, wrong string) {
	host, port, err := net.SplitHostPort(word)
	if err != nil {
		return "", strconv.Quote(word) + ` should be host:port, like "127.0.0.1:6432"`
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", strconv.Quote(word) + " has no port between 0 and 65535"
	}
	if host == "*" {
		host = ""
	}
	return net.JoinHostPort(host, port), ""
}

// item gives the place of one item of a list, or of the value that stands for
// a list.
func (n *node) item(i int) place {
	if n.shape == list && i >= 0 && i < len(n.kids) {
		return n.kids[i].val
	}
	return n.val
}
