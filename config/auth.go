package config

import (
	"errors"
	"net"
	"os"
	"regexp"
	"slices"

	"tenantpool/auth"
	"tenantpool/internal/certs"
)

// methodHBA is the one method that no line of a rules file can name.
const methodHBA = "hba"

// authentication judges how clients prove their user, and reads the files that
// say so.
func (l *loader) authentication() {
	n := l.root.child("auth")
	l.config.Auth.Users = &Users{}
	l.policy(n)
	l.lookup(n)
	l.shownCertificates(n)
	l.neededSecrets(n)
	if l.config.Auth.UsersFile != "" {
		l.usersFile(n.child("users_file"))
	}
}

// policy makes the rules: those of the file, or one for everybody.
func (l *loader) policy(n *node) {
	a := &l.auth
	a.Policy.Maps = l.maps(n)
	method, ok := auth.ParseMethod(a.Method)
	switch {
	case a.Method == methodHBA && a.hbaFile == "":
		if !l.failed[n.child("hba_file")] {
			l.bad(n.child("method").val, `auth.hba_file is missing: auth.method = "hba" needs rules`)
		}
	case a.Method == methodHBA:
		l.rulesFile(n.child("hba_file"))
	case ok:
		a.Policy.Rules = []auth.Rule{auth.Always(method, a.mapName)}
	}
	if a.hbaFile != "" && a.Method != methodHBA {
		l.warn(n.child("hba_file").at, `auth.hba_file is not used: auth.method is %q, not "hba"`, a.Method)
	}
	l.exposed(n)
	l.mapName(n)
}

// mapName judges auth.map.
func (l *loader) mapName(n *node) {
	a := &l.auth
	if a.mapName == "" {
		return
	}
	at := n.child("map")
	if _, known := a.Policy.Maps[a.mapName]; !known && !l.failed[n.child("ident_file")] {
		l.bad(at.val, "auth.ident_file has no map %q", a.mapName)
	}
	if a.Method != auth.ByCertificate.String() {
		l.warn(at.at, `auth.map is not used: auth.method is %q, not "cert"`, a.Method)
	}
}

// exposed warns of a method that is too little on an address that others than
// this machine reach.
func (l *loader) exposed(n *node) {
	for _, a := range l.openAddresses() {
		switch {
		case l.auth.Method == auth.Trust.String():
			l.warn(n.child("method").val, `auth.method = "trust" asks nobody for a password, and %s can be reached from other machines`, a)
		case l.auth.Method == auth.ByPassword.String() && l.plainClients():
			l.warn(n.child("method").val, `auth.method = "password" has passwords sent in clear text, and %s can be reached from other machines: say tls = "require", or "scram-sha-256"`, a)
		}
	}
}

// plainClients says that a client need not use TLS.
func (l *loader) plainClients() bool { return l.config.TLS.Mode < certs.Require }

// openAddresses are those that others than this machine reach.
func (l *loader) openAddresses() []string {
	var open []string
	for _, a := range l.config.Listen {
		if a.Network != "tcp" {
			continue
		}
		if host, _, err := net.SplitHostPort(a.Address); err == nil && !isLocal(host) {
			open = append(open, a.Address)
		}
	}
	return open
}

// readText gives the text of a file that a setting names, or nothing after
// telling that there is none to have.
func (l *loader) readText(at *node, name, written string) (path, text string, ok bool) {
	path = l.relative(written)
	raw, err := os.ReadFile(path)
	if err != nil {
		l.bad(at.val, "%s: cannot read %s: %s", name, written, cause(err))
		l.failed[at] = true
		return path, "", false
	}
	return path, string(raw), true
}

// elsewhere takes in what is wrong with other files.
func (l *loader) elsewhere(found []auth.Problem) {
	for _, p := range found {
		l.faults = append(l.faults, located{l.known(p.File), Problem(p)})
	}
}

// rulesFile reads the rules in the form of pg_hba.conf.
func (l *loader) rulesFile(n *node) {
	path, text, ok := l.readText(n, "auth.hba_file", l.auth.hbaFile)
	if !ok {
		return
	}
	file := l.known(path)
	rules, found := auth.ParseHBA(path, text, func(path string) (string, error) {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", errors.New(cause(err))
		}
		return string(text), nil
	})
	l.elsewhere(found)
	l.auth.Policy.Rules = rules
	tell := func(to *[]located, r auth.Rule, text string) {
		*to = append(*to, located{file, Problem{path, r.Line, 1, text}})
	}
	for _, r := range rules {
		if _, known := l.auth.Policy.Maps[r.Map]; r.Map != "" && !known && !l.failed[l.root.child("auth").child("ident_file")] {
			tell(&l.faults, r, `no map is called "`+r.Map+`" in auth.ident_file`)
		}
		if r.Exposed() && len(l.openAddresses()) > 0 {
			tell(&l.warnings, r, "trust asks nobody for a password, and this line is for clients on other machines too")
		}
		if r.Overheard() && l.plainClients() && len(l.openAddresses()) > 0 {
			tell(&l.warnings, r, "passwords are sent in clear text, and this line is for clients on other machines too: say hostssl, or scram-sha-256")
		}
	}
	if len(rules) == 0 && len(found) == 0 {
		l.bad(n.val, "auth.hba_file: %s holds no rule, so that nobody could log in", l.auth.hbaFile)
	}
}

// maps reads the maps in the form of pg_ident.conf.
func (l *loader) maps(n *node) auth.Maps {
	if l.auth.identFile == "" {
		return nil
	}
	path, text, ok := l.readText(n.child("ident_file"), "auth.ident_file", l.auth.identFile)
	if !ok {
		return nil
	}
	m, found := auth.ParseIdent(path, text)
	l.elsewhere(found)
	return m
}

// parameter is what stands for the user's name in a query.
var parameter = regexp.MustCompile(`\$1($|[^0-9])`)

// lookup judges how users are looked for. It is on if one of its keys is given.
func (l *loader) lookup(n *node) {
	q := &l.auth.Lookup
	q.Password, _ = l.password("auth", "query_", n, l.auth.password)
	if *q == (Lookup{}) || len(l.config.Clusters) == 0 {
		return
	}
	switch {
	case q.Cluster == "":
		q.Cluster = l.config.Clusters[0].Name
	case l.config.Cluster(q.Cluster) == nil && l.root.child("cluster").child(q.Cluster) == nil:
		names := make([]string, len(l.config.Clusters))
		for i, c := range l.config.Clusters {
			names[i] = c.Name
		}
		l.bad(n.child("cluster").val, "no cluster is called %q%s", q.Cluster, didYouMean(q.Cluster, names))
	}
	l.lentLogin(n)
	if q.Query != "" && !parameter.MatchString(q.Query) {
		l.bad(n.child("query").val, "auth.query has no $1, which stands for the name of the user")
	}
	if !q.Password.IsZero() && q.User == "" {
		l.bad(n.at, "auth.query_password is given without query_user")
	}
}

// lentLogin warns if whoever is lent a server connection could ask for secrets.
func (l *loader) lentLogin(n *node) {
	q := &l.auth.Lookup
	c := l.config.Cluster(q.Cluster)
	if c == nil || q.User != "" && q.User != c.User {
		return
	}
	l.warn(n.at, "users are looked up as the login of cluster %q, with which clients run their SQL: they could read the secrets too; "+
		"let auth.query_user be a login of its own", c.Name)
}

// neededSecrets tells if passwords are asked for and nobody knows any.
func (l *loader) neededSecrets(n *node) {
	a := &l.auth
	known := a.UsersFile != "" || a.Lookup != (Lookup{})
	needed := slices.ContainsFunc(a.Policy.Rules, func(r auth.Rule) bool { return r.Method.NeedsSecret() })
	if known || !needed || l.failed[n] {
		return
	}
	at := place{}
	if n != nil {
		at = n.at
	}
	if a.Method == methodHBA {
		l.bad(at, "auth.users_file is missing: %s asks for passwords, and nobody knows any (auth.query could look them up)", a.hbaFile)
		return
	}
	l.bad(at, `auth.users_file is missing: auth.method = %q needs to know who may log in`, a.Method)
}

// verifier is the form in which Postgres keeps a SCRAM secret: iterations,
// salt, and two keys of 32 bytes in base 64.
var verifier = regexp.MustCompile(`^SCRAM-SHA-256\$[1-9][0-9]{0,9}:[A-Za-z0-9+/]+={0,2}\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$`)

func (l *loader) usersFile(n *node) {
	a := &l.config.Auth
	written := a.UsersFile
	a.UsersFile = l.relative(written)
	a.Users = l.readUsers(n, "auth.users_file", written)
	l.secrets(n, a.Users)
}

// readUsers reads a file of users that a key names. If it cannot, it says why
// and gives none.
func (l *loader) readUsers(n *node, key, written string) *Users {
	path := l.relative(written)
	users, err := loadUsers(path)
	var problems Problems
	switch {
	case errors.As(err, &problems):
		file := l.add(path, "")
		for _, p := range problems {
			l.faults = append(l.faults, located{file, p})
		}
	case err != nil:
		l.bad(n.val, "%s: cannot read %s: %s", key, written, cause(err))
	default:
		return users
	}
	return &Users{}
}

// secrets warns of users that cannot log in by the method.
func (l *loader) secrets(n *node, users *Users) {
	method, ok := auth.ParseMethod(l.config.Auth.Method)
	if !ok || !method.NeedsSecret() {
		return
	}
	forms := "a password, a hash or a SCRAM verifier"
	if method == auth.BySCRAM {
		forms = "a password or a SCRAM verifier"
	}
	var names []string
	for name, s := range users.secrets {
		if s.IsZero() || method == auth.BySCRAM && s.Kind() == auth.MD5 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		l.warn(n.val, "user %q cannot log in: %s needs %s", name, method, forms)
	}
}

// shownCertificates warns if rules ask for certificates that no client can show.
func (l *loader) shownCertificates(n *node) {
	c := &l.config.TLS
	shown := c.Mode != certs.Disable && c.Files.CA != ""
	needs := slices.ContainsFunc(l.auth.Policy.Rules, func(r auth.Rule) bool { return r.Cert != auth.NoCert })
	if needs && !shown && !l.failed[l.root.child("tls")] && !l.failed[l.root.child("tls_ca")] {
		l.warn(n.at, "client certificates are asked for, and no client can show one: that takes tls, tls_cert, tls_key and tls_ca at the top")
	}
}
