package manual

import (
	"fmt"
	"strings"

	"tenantpool/config"
)

const tagline = "a PostgreSQL pooler for multi-tenant applications"

// Program writes tenantpool(1).
func Program(verbs []Verb, version string) string {
	p := newPage("tenantpool", 1, "tenantpool", version)
	p.section("Name")
	p.line(`tenantpool \- ` + tagline)
	p.section("Synopsis")
	p.line(".nf")
	for _, v := range verbs {
		p.line(escape(strings.TrimSpace("tenantpool " + v.Name + " " + v.Args)))
	}
	p.line(".fi")
	p.section("Description")
	p.text("tenantpool sits between unmodified applications and Postgres, maps each connecting user or database name to a tenant, " +
		"and makes every server connection that it lends carry that tenant's search_path.")
	p.text("Secrets are never taken from the command line. Faults are told on standard error, those of a configuration as " +
		"FILE:LINE:COLUMN: what is wrong.")
	p.section("Commands")
	for _, v := range verbs {
		p.verb(v)
	}
	p.section("Exit status")
	for status, means := range usualExit {
		p.item(fmt.Sprint(status), means+", unless the command says otherwise")
	}
	p.section("Signals of tenantpool run")
	p.item("TERM", "stop listening, let present exchanges end for drain_timeout, then stop; a second one stops at once")
	p.item("INT", "stop at once")
	p.item("HUP", "read the configuration again")
	p.item("USR1", "log the counts of every tenant")
	p.section("See also")
	p.line(`tenantpool.toml(5), tenantpool\-console(7), psql(1)`)
	return p.String()
}

func (p *page) verb(v Verb) {
	p.line(".SS " + escape(strings.TrimSpace(v.Name+" "+v.Args)))
	p.line(escape(v.Does + "."))
	if v.About != "" {
		p.text(v.About)
	}
	for _, f := range v.Flags {
		p.item(f.Spelling(), f.Does)
	}
	for _, e := range v.Examples {
		p.text(e.Why + ":")
		p.code(e.Line)
	}
	if v.Exit != nil {
		p.text("Exit status:")
		for status, means := range v.Exit {
			p.item(fmt.Sprint(status), means)
		}
	}
}

// File writes tenantpool.toml(5).
func File(settings []config.Setting, version string) string {
	p := newPage("tenantpool.toml", 5, "tenantpool", version)
	p.section("Name")
	p.line(`tenantpool.toml \- configuration of tenantpool`)
	p.section("Description")
	p.text("The file is TOML. Times are texts with a unit, as in \"10s\", \"5m\" or \"1h30m\"; sizes are numbers of bytes or texts like \"64MiB\". " +
		"Where 0 is possible it means off, and so does \"off\". Files are relative to the configuration file. " +
		"An unknown key, a wrong type or a contradiction is a fault; tenantpool check tells all of them at once.")
	p.text("A key takes effect on a reload unless it says otherwise.")
	for _, part := range partsOf(settings) {
		p.section(part.header)
		if part.about != "" {
			p.text(part.about)
		}
		for _, s := range part.in(settings) {
			p.setting(s)
		}
	}
	p.section("Example")
	p.code(example)
	p.section("See also")
	p.line("tenantpool(1)")
	return p.String()
}

func (p *page) setting(s config.Setting) {
	term := s.Key
	if s.Default != "" {
		term += " = " + s.Default
	}
	text := s.Doc
	if v := value(s); v != "" {
		text += " (" + v + ")"
	}
	p.item(term, strings.TrimSpace(text+" "+remarks(s)))
}

// example is a whole configuration, as small as one gets.
const example = `[auth]
users_file = "users.txt"

[cluster.main]
host     = "127.0.0.1"
database = "app"
user     = "app"
password_file = "app.password"

[[route]]
database = "{tenant}"
users    = ["app", "{tenant}"]
cluster  = "main"
tenants  = "schema"
`

// Console writes tenantpool-console(7).
func Console(commands []Example, version string) string {
	p := newPage("tenantpool-console", 7, "tenantpool", version)
	p.section("Name")
	p.line(`tenantpool\-console \- what tenantpool answers about itself`)
	p.section("Synopsis")
	p.line(`.B psql \-p 6432 tenantpool`)
	p.section("Description")
	p.text("Whoever connects to the database tenantpool, or pgbouncer, and is listed in [admin] speaks to the pooler itself. " +
		"It knows PgBouncer's commands with PgBouncer's columns, and some about tenants. SHOW HELP lists them.")
	p.text("Behind each command stands the least role that may use it: stats is that of stats_users, operator that of operators, admin that of users. " +
		"Whoever runs as the pooler's own user, or as root, is an admin on a Unix socket.")
	if len(commands) > 0 {
		p.section("Commands")
	}
	for _, c := range commands {
		p.item(c.Line, c.Why)
	}
	p.section("See also")
	p.line("tenantpool(1), tenantpool.toml(5)")
	return p.String()
}
