package starter

import (
	"fmt"
	"strings"

	"tenantpool/config"
)

// Password is the variable that the configuration takes the login's password from.
const Password = "TENANTPOOL_PASSWORD"

// Config writes a configuration for what was found. tenants says which schemas are
// tenants, "" leaves it to a guess.
func Config(f *Facts, tenants string) (string, error) {
	t, err := choose(f.Schemas, tenants)
	if err != nil {
		return "", err
	}
	w := &writer{f: f, t: t}
	w.line("# For database %q on Postgres %s, as %q saw it. Check it with: tenantpool check --connect", f.Database, f.Version, f.User)
	w.authentication()
	w.cluster()
	w.route()
	return w.String(), nil
}

// writer holds the text, and what it is about.
type writer struct {
	strings.Builder
	f *Facts
	t tenancy
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// key writes a key, and the reason for it.
func (w *writer) key(key, value, why string) { w.line("%-38s # %s", key+" = "+value, why) }

// byUser says that each tenant has a login of its own name, which proves who it is.
func (w *writer) byUser() bool { return every(w.t.schemas, func(s Schema) bool { return s.Login }) }

// byRole says that the login may become each tenant's role, and that the schemas
// are the roles' own.
func (w *writer) byRole() bool {
	return !w.f.Superuser && every(w.t.schemas, func(s Schema) bool { return s.Member && s.Owner == s.Name })
}

func (w *writer) authentication() {
	w.line("\n[auth]")
	secrets := !w.byUser() || every(w.t.schemas, func(s Schema) bool { return s.Secret })
	if w.f.ReadsSecrets && secrets {
		w.key("cluster", `"main"`, "passwords are looked up in pg_authid, which this login may read")
		w.line("# query_user = \"...\"                   # better a login for that alone: clients share the other one")
		return
	}
	who := w.f.User
	if w.byUser() {
		who = w.t.schemas[0].Name
	}
	w.key("users_file", `"users.txt"`, "make it with: tenantpool hash --user "+who+" >> users.txt")
	if w.f.ReadsSecrets {
		w.line("# pg_authid could be looked into, but not every tenant's login has a password there")
	}
}

func (w *writer) cluster() {
	f := w.f
	w.line("\n[cluster.main]")
	w.key("host", config.Quote(f.Host), "where the server was found")
	if f.Port != 5432 {
		w.line("port = %d", f.Port)
	}
	w.line("database = %s", config.Quote(f.Database))
	w.login()
	if f.Password {
		w.key("password_env", config.Quote(Password), "the server asks for one; or use password_file")
	}
	switch f.TLS {
	case "disable":
		w.key("tls", `"disable"`, "the server speaks no TLS: whoever is between reads all")
	case "require":
		w.key("tls", `"require"`, `encrypted, but any server may answer; better "verify-full" with tls_ca`)
	case "verify-full":
		w.line("tls = \"verify-full\"")
		if f.CA != "" {
			w.line("tls_ca = %s", config.Quote(f.CA))
		}
	}
	w.line("# pool_size = 20                       # server connections, for all tenants together")
}

func (w *writer) login() {
	why := "all tenants share this login"
	if w.f.Superuser {
		why = "a superuser, so that clients may do anything: better a login with rights on the schemas alone"
	}
	w.key("user", config.Quote(w.f.User), why)
	var without []Schema
	for _, s := range w.t.schemas {
		if !s.Usable {
			without = append(without, s)
		}
	}
	if len(without) > 0 && !w.byRole() {
		w.line("# This login may not use %d of the tenants' schemas (%s): GRANT USAGE ON SCHEMA ... TO %s.", len(without), some(without), w.f.User)
	}
}

func (w *writer) route() {
	t := w.t
	w.line("\n[[route]]")
	if w.byUser() {
		w.key("user", `"{tenant}"`, "each tenant's schema has a login of its name, which proves who it is")
		w.line("database = %s", config.Quote(w.f.Database))
	} else {
		w.key("database", `"{tenant}"`, "the database name that a client asks for is its tenant: psql ... "+t.schemas[0].Name)
		w.key("users", config.QuoteList([]string{w.f.User}), "who may name it; add your application's logins")
	}
	w.line("cluster = \"main\"")
	if t.listed {
		w.key("tenants", `"listed"`, "those below: "+t.why+" is no prefix")
	} else {
		w.key("tenants", `"schema"`, "whoever has a schema, "+fmt.Sprintf("%d at present: %s", len(t.schemas), some(t.schemas)))
		if t.pattern != "" {
			w.key("schemas", config.Quote(t.pattern), t.why)
		} else {
			w.line("# %s", t.why)
		}
	}
	if w.byRole() {
		w.key("isolation", `"role"`, "each schema belongs to a role of its name, which the login may become")
	} else {
		w.line("# isolation = \"role\"                   # with a role of the same name for each, and GRANT role TO %s", w.f.User)
	}
	if t.listed {
		for _, s := range t.schemas {
			w.line("\n[tenant.%s]", config.QuoteKey(s.Name))
		}
	}
}
