package integration

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// endpoint is where clients connect: a pooler, or the server itself.
type endpoint struct {
	host     string
	port     int
	database string // of a server itself; "" for a pooler, where the database's name is the tenant's
	ca       string // clients verify by this authority, over TLS; "" is no TLS
}

func (e endpoint) address() string { return net.JoinHostPort(e.host, strconv.Itoa(e.port)) }

// password is what a user logs in with everywhere in these tests.
func password(user string) string { return "the secret of " + user }

// names are the database and the options that a client of the tenant has to ask for.
func (e endpoint) names(tenant string) (database, options string) {
	if e.database == "" {
		return tenant, ""
	}
	return e.database, "-c search_path=" + tenant
}

// dsn is a connection string for user app as a client of the tenant. more is added to it.
func (e endpoint) dsn(tenant string, more ...string) string {
	database, options := e.names(tenant)
	return fmt.Sprintf("host=%s port=%d user=app password='%s' dbname=%s options='%s' %s %s",
		e.host, e.port, password("app"), database, options, e.tlsDSN(), strings.Join(more, " "))
}

// sslmode is what a client asks for: nothing, or everything.
func (e endpoint) sslmode() string {
	if e.ca == "" {
		return "disable"
	}
	return "verify-full"
}

func (e endpoint) tlsDSN() string {
	if e.ca == "" {
		return "sslmode=disable"
	}
	return "sslmode=verify-full sslrootcert=" + e.ca
}

// env is dsn as the environment of a libpq program.
func (e endpoint) env(tenant string) []string {
	database, options := e.names(tenant)
	return []string{"PGHOST=" + e.host, "PGPORT=" + strconv.Itoa(e.port), "PGUSER=app",
		"PGPASSWORD=" + password("app"), "PGDATABASE=" + database, "PGOPTIONS=" + options, "PGSSLMODE=" + e.sslmode(), "PGSSLROOTCERT=" + e.ca}
}
