package integration

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// setup is what a test wants to be different from the usual configuration: transaction mode, SCRAM,
// four server connections, and one route on which app and the tenant's namesake may be any tenant
// that has a schema.
type setup struct {
	size    int               // pool_size; 0 is 4
	mode    string            // pool_mode; "" is transaction
	login   string            // what the pooler logs in to the server as; "" is app
	trust   bool              // ask for no password
	auth    string            // the lines of [auth], if they are not the usual ones
	beside  map[string]string // to lie beside the configuration, by name
	socket  string            // a directory to listen in, too
	users   []string          // logins besides app and the tenants of the world
	secrets map[string]string // of those who do not log in by password(user)
	global  string            // further lines at the top
	cluster string            // further lines of the cluster
	route   string            // further lines of the route
	more    string            // further tables, tried before the usual route
	host    string            // the server's address, "host:port", if it is not the world's server
	hosts   []string          // several of them

	plain bool // without the race detector: memory is measured
	files int  // the limit of open files of the pooler; 0 leaves it
}

const configTemplate = `
listen    = ["127.0.0.1:0"%s]
pool_mode = "%s"
%s

[auth]
%s

[cluster.main]
host      = %s
port      = %s
database  = "%s"
user      = "%s"
pool_size = %d
%s

%s

[[route]]
database    = "{tenant}"
users       = ["app", "{tenant}"]
cluster     = "main"
search_path = ["{schema}"]
tenants     = "schema"
%s
`

// write makes the configuration in a directory of its own and returns the file's path.
func (s setup) write(t testing.TB, w *world) string {
	t.Helper()
	dir := t.TempDir()
	host, port := w.server.Host, fmt.Sprint(w.server.Port)
	if s.host != "" {
		host, port, _ = strings.Cut(s.host, ":")
	}
	hosts := fmt.Sprintf("%q", host)
	if s.hosts != nil {
		hosts = `["` + strings.Join(s.hosts, `", "`) + `"]`
	}
	text := fmt.Sprintf(configTemplate, s.sockets(), cmp.Or(s.mode, "transaction"), s.global, s.authLines(), hosts, port, w.database,
		cmp.Or(s.login, "app"), cmp.Or(s.size, 4), s.cluster, s.more, s.route)
	file := filepath.Join(dir, "config.toml")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "users.txt"), []byte(s.usersFile()), 0o600))
	for name, text := range s.beside {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return file
}

func (s setup) sockets() string {
	if s.socket == "" {
		return ""
	}
	return fmt.Sprintf(", %q", s.socket)
}

func (s setup) authLines() string {
	switch {
	case s.auth != "":
		return s.auth
	case s.trust:
		return withMethod("trust")
	}
	return withMethod("scram-sha-256")
}

// withMethod is the [auth] of a method that needs nothing but a users file.
func withMethod(method string) string {
	return fmt.Sprintf("method = %q\nusers_file = \"users.txt\"\n", method)
}

func (s setup) usersFile() string {
	var text strings.Builder
	for _, user := range append(append([]string{"app"}, tenants...), s.users...) {
		fmt.Fprintf(&text, "%q %q\n", user, cmp.Or(s.secrets[user], password(user)))
	}
	return text.String()
}
