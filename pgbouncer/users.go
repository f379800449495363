package pgbouncer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tenantpool/auth"
	"tenantpool/config"
)

// user is somebody of auth_file or of the section [users].
type user struct {
	name             string
	listed           bool // in auth_file
	secret           config.Secret
	clients, servers string // limits; "" is none
	from             string
}

// user translates an entry of [users].
func (t *translator) user(l line) {
	params, err := pairs(l.value)
	if err != nil {
		t.tell(l, "users."+l.key, None, err.Error())
		return
	}
	u := t.userOf(l.key)
	u.from = l.place()
	for _, p := range params {
		name := "users." + l.key + " " + p[0]
		switch {
		case p[0] == "max_user_connections":
			u.servers = p[1]
			t.tell(l, name, Mapped, "tenant.max_servers, where the user is a tenant")
		case p[0] == "max_user_client_connections":
			u.clients = p[1]
			t.tell(l, name, Mapped, "tenant.max_clients, where the user is a tenant")
		case p[0] == "pool_mode":
			t.tell(l, name, None, "pool_mode is a [[route]]'s: write one with user = "+config.Quote(l.key))
		default:
			t.tell(l, name, None, "it is the same for all users: see "+p[0]+" of [pgbouncer]")
		}
	}
}

// userOf finds a user, or adds one.
func (t *translator) userOf(name string) *user {
	for _, u := range t.users {
		if u.name == name {
			return u
		}
	}
	u := &user{name: name}
	t.users = append(t.users, u)
	return u
}

// anyUser is a login for the pooler's own checks.
func (t *translator) anyUser() string {
	if len(t.users) > 0 {
		return t.users[0].name
	}
	return "postgres"
}

// logins says where the passwords come from by which users log in to the server.
func (t *translator) logins() entry {
	hidden := slices.ContainsFunc(t.users, func(u *user) bool { return u.listed && u.secret.Kind() != auth.Plain })
	if file := t.value("auth_file", ""); file != "" && !hidden {
		return entry{"login_secrets_file", config.Quote(file), "auth_file"}
	}
	return entry{"login_secrets_file", `""`, "the server must ask for no password: from a hash nobody can log in. Better a file of passwords"}
}

// tenants gives the users that are tenants of a database without a user of its own.
// Whoever auth_file does not list has no password that would be known.
func (t *translator) tenants() []*user {
	if !slices.ContainsFunc(t.databases, func(d *database) bool { return d.user == "" }) {
		return nil
	}
	return t.users
}

// derive adds what follows from several settings together.
func (t *translator) derive() {
	t.listen()
	t.authentication()
}

// listen makes the one list of addresses.
func (t *translator) listen() {
	var list []string
	port := t.value("listen_port", "6432")
	for _, host := range words(t.value("listen_addr", "")) {
		if len(host) > 0 && host[0] != '[' && slices.Contains([]byte(host), ':') {
			host = "[" + host + "]"
		}
		list = append(list, host+":"+port)
	}
	if _, given := t.values["listen_addr"]; !given && port != "6432" {
		list = append(list, "127.0.0.1:"+port) // it gives the socket its port
	}
	if dir := t.value("unix_socket_dir", ""); dir != "" && dir[0] != '@' {
		list = append(list, dir)
	}
	if len(list) > 0 {
		t.sections[""] = append([]entry{{"listen", config.QuoteList(list), "listen_addr, listen_port, unix_socket_dir"}}, t.sections[""]...)
	}
	if t.value("pool_mode", "") == "" {
		t.sections[""] = append(t.sections[""], entry{"pool_mode", `"session"`, "PgBouncer's default; tenants share servers well in \"transaction\""})
	}
}

// authentication drops what PgBouncer would not look at, and names what is missing.
func (t *translator) authentication() {
	list := t.sections["auth"]
	drop := func(key, why string) {
		for i, e := range list {
			if e.key != key {
				continue
			}
			list = slices.Delete(list, i, i+1)
			for j := range t.outcomes {
				if t.outcomes[j].Name == "auth_"+key {
					t.outcomes[j].Result, t.outcomes[j].Text = Met, why
				}
			}
			return
		}
	}
	if t.value("auth_type", "md5") != "hba" {
		drop("hba_file", "PgBouncer does not read it either unless auth_type = hba")
	}
	if t.value("auth_user", "") == "" {
		drop("query", "PgBouncer asks nobody either without an auth_user")
	}
	if t.value("auth_type", "") == "" {
		list = append(list, entry{"method", `"md5"`, "PgBouncer's default; better \"scram-sha-256\""})
	}
	slices.SortStableFunc(list, func(a, b entry) int { // the method stands first
		return cmp.Compare(strings.Index("method", b.key), strings.Index("method", a.key))
	})
	if name := t.value("auth_dbname", ""); name != "" {
		list = append(list, entry{"cluster", config.Quote(name), "auth_dbname"})
	}
	if t.value("auth_user", "") != "" {
		list = append(list, entry{"# query_password_env", `"TENANTPOOL_AUTH_PASSWORD"`, "the password of auth_user, if the server asks for one"})
	}
	t.sections["auth"] = list
}

// tenant are the lines of a user that is a tenant.
func (u *user) tenant() []entry {
	list := []entry{{"schema", `"public"`, cmp.Or(u.from, "auth_file")}}
	for _, limit := range []struct{ key, value string }{{"max_servers", u.servers}, {"max_clients", u.clients}} {
		if limit.value != "" && limit.value != "0" {
			list = append(list, entry{limit.key, limit.value, u.from})
		}
	}
	return list
}

func (u *user) header() string { return fmt.Sprintf("[tenant.%s]", config.QuoteKey(u.name)) }
