package pgbouncer

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"tenantpool/config"
)

// differing are PgBouncer's defaults that are others here.
var differing = []struct{ theirs, ours, value, here string }{
	{"max_client_conn", "max_clients", "100", "5000"},
	{"query_wait_timeout", "query_wait_timeout", `"2m"`, `"10s"`},
	{"idle_transaction_timeout", "idle_transaction_timeout", "0", `"5m"`},
	{"client_login_timeout", "client_login_timeout", `"1m"`, `"15s"`},
	{"server_connect_timeout", "server_connect_timeout", `"15s"`, `"5s"`},
}

// write puts the configuration together.
func (t *translator) write(path string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Translated from %s by \"tenantpool import\".\n", filepath.Base(path))
	b.WriteString("# Behind each value stands the line and setting that it comes from.\n\n")
	table(&b, "", t.sections[""])
	for _, d := range differing {
		if _, given := t.values[d.theirs]; !given {
			fmt.Fprintf(&b, "%-46s # PgBouncer's default; here it is %s\n", "# "+d.ours+" = "+d.value, d.here)
		}
	}
	for _, section := range []string{"auth", "admin", "prepared", "log"} {
		table(&b, "["+section+"]", t.sections[section])
	}
	for _, p := range t.peers {
		table(&b, "[[peer]]", p)
	}
	for _, d := range t.databases {
		table(&b, "[cluster."+config.QuoteKey(d.cluster())+"]", t.cluster(d))
	}
	for _, d := range t.databases {
		table(&b, "[[route]]", t.route(d))
	}
	if len(t.databases) == 0 {
		b.WriteString(noDatabases)
	}
	for _, d := range t.databases {
		t.writeTenant(&b, d)
	}
	for _, u := range t.tenants() {
		if u.listed {
			table(&b, u.header(), u.tenant())
		} else {
			b.WriteString("\n# auth_file does not list this user; its password is needed, as in password_file:")
			commented(&b, u.header(), u.tenant())
		}
	}
	t.writeRest(&b)
	return b.String()
}

// noDatabases stands where [databases] is empty.
const noDatabases = `
# The section [databases] names none. At least one cluster and route are needed:
# [cluster.main]
# host     = "127.0.0.1"
# database = "app"
# user     = "app"
# [[route]]
# database = "{tenant}"
# users    = ["app"]
# cluster  = "main"
# tenants  = "schema"
`

// table writes a table, if it has lines.
func table(b *strings.Builder, header string, entries []entry) {
	if len(entries) == 0 {
		return
	}
	if header != "" {
		fmt.Fprintf(b, "\n%s\n", header)
	}
	seen := make(map[string]bool)
	for _, e := range entries {
		if seen[e.key] {
			continue // a key that two settings lead to
		}
		seen[e.key] = true
		fmt.Fprintf(b, "%-46s # %s\n", e.key+" = "+e.value, e.from)
	}
}

// writeTenant writes the tenant that a database with one login is, unless a user of
// that name is written anyway.
func (t *translator) writeTenant(b *strings.Builder, d *database) {
	tenants := t.tenants()
	if d.user == "" || slices.ContainsFunc(tenants, func(u *user) bool { return u.listed && u.name == d.key }) {
		return
	}
	list := []entry{{"schema", `"public"`, d.place()}}
	if len(tenants) > 0 {
		list = append(list, entry{"password", `""`, "there is no login of this name: nobody comes as user " + config.Quote(d.key)})
	}
	table(b, "[tenant."+config.QuoteKey(d.key)+"]", list)
}

// commented writes a table that is not to count.
func commented(b *strings.Builder, header string, entries []entry) {
	var lines strings.Builder
	table(&lines, header, entries)
	b.WriteString(strings.ReplaceAll(strings.TrimRight(lines.String(), "\n"), "\n", "\n# ") + "\n")
}

// writeRest lists what has no equivalent.
func (t *translator) writeRest(b *strings.Builder) {
	first := true
	for _, o := range t.outcomes {
		if o.Result != None {
			continue
		}
		if first {
			b.WriteString("\n# Not mapped:\n")
			first = false
		}
		fmt.Fprintf(b, "#   %s %s: %s\n", o.Place, o.Name, o.Text)
	}
}
