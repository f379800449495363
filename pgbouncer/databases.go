package pgbouncer

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"tenantpool/config"
)

// database is one entry of [databases].
type database struct {
	line
	hosts             []string // none is the Unix socket
	port, dbname      string
	balance           string // load_balance_hosts
	user              string // who all its clients are on the server; "" is each of them
	password          bool   // it stands in the connect string
	poolSize, minSize string
	most              string // max_db_connections
	mode              string
	clients           string // max_db_client_connections
}

// cluster is what the database is called as a cluster.
func (d *database) cluster() string { return d.key }

// database translates an entry of [databases].
func (t *translator) database(l line) {
	if l.key == "*" {
		t.tell(l, "databases.*", None, "a cluster has one database: name each, or write a [[route]] with {tenant} for those that are tenants")
		return
	}
	params, err := pairs(l.value)
	if err != nil {
		t.tell(l, "databases."+l.key, None, err.Error())
		return
	}
	d := &database{line: l}
	t.databases = append(t.databases, d)
	t.tell(l, "databases."+l.key, Mapped, fmt.Sprintf("[cluster.%s] and a [[route]]", config.QuoteKey(d.cluster())))
	for _, p := range params {
		r, text := t.parameter(d, p[0], p[1])
		t.tell(l, "databases."+l.key+" "+p[0], r, text)
	}
}

// parameter translates one parameter of a connect string.
func (t *translator) parameter(d *database, key, value string) (Result, string) {
	set := func(to *string, ours string) (Result, string) {
		*to = value
		return Mapped, ours
	}
	switch key {
	case "dbname":
		return set(&d.dbname, "cluster.database")
	case "host":
		d.hosts = words(value)
		return Mapped, "cluster.host"
	case "load_balance_hosts":
		return set(&d.balance, "cluster.load_balance_hosts")
	case "port":
		return set(&d.port, "cluster.port")
	case "user":
		return set(&d.user, "cluster.user")
	case "password":
		d.password = true
		return Mapped, "cluster.password_env: the password itself is not copied"
	case "auth_user":
		if t.value("auth_user", value) != value {
			return None, "users are looked up in one place, as one login: see [auth]"
		}
		t.values["auth_user"] = line{file: d.file, number: d.number, key: "auth_user", value: value}
		t.sections["auth"] = append(t.sections["auth"], entry{"query_user", config.Quote(value), d.place() + " auth_user"})
		return Mapped, "auth.query_user"
	case "pool_size":
		return set(&d.poolSize, "cluster.pool_size")
	case "min_pool_size":
		return set(&d.minSize, "cluster.min_pool_size")
	case "max_db_connections":
		return set(&d.most, "cluster.pool_size")
	case "max_db_client_connections":
		return set(&d.clients, "route.max_clients")
	case "pool_mode":
		return set(&d.mode, "route.pool_mode")
	}
	return refusedParameter(key)
}

// refusedParameter says why there is none.
func refusedParameter(key string) (Result, string) {
	switch key {
	case "reserve_pool", "reserve_pool_size":
		return None, "raise pool_size instead: one limit, for whoever waits longest"
	case "connect_query":
		return None, "settings of a [[route]] or [tenant.NAME] are set and proven at each switch; other statements belong in ALTER ROLE or ALTER DATABASE"
	case "client_encoding", "datestyle", "timezone", "application_name":
		return None, "each client says its own; for a default use ALTER ROLE ... SET or ALTER DATABASE ... SET on the server"
	case "auth_query", "auth_dbname":
		return None, "users are looked up in one place: see [auth]"
	case "server_lifetime":
		return None, "server_lifetime is the same for all clusters"
	}
	return None, "PgBouncer has no such parameter, as far as is known here"
}

// local says that what is sent to the hosts stays on the machine.
func (d *database) local() bool {
	return !slices.ContainsFunc(d.hosts, func(h string) bool {
		ip := net.ParseIP(h)
		return !strings.HasPrefix(h, "/") && h != "localhost" && (ip == nil || !ip.IsLoopback())
	})
}

// host are the keys of where the server is. PgBouncer goes to all hosts of a list
// in turn, whatever they are.
func (t *translator) host(d *database) (list []entry) {
	from := d.place()
	switch len(d.hosts) {
	case 0:
		list = append(list, entry{"host", config.Quote(t.value("unix_socket_dir", "/var/run/postgresql")), from})
	case 1:
		list = append(list, entry{"host", config.Quote(d.hosts[0]), from})
	default:
		balance := "random"
		if cmp.Or(d.balance, t.value("load_balance_hosts", "round-robin")) == "disable" {
			balance = "disable"
		}
		list = append(list, entry{"host", config.QuoteList(d.hosts), from},
			entry{"target_session_attrs", `"any"`, "PgBouncer takes whoever answers; better \"read-write\""},
			entry{"load_balance_hosts", config.Quote(balance), "load_balance_hosts"})
	}
	if d.port != "" {
		list = append(list, entry{"port", d.port, from})
	}
	if n, err := strconv.ParseFloat(t.value("dns_max_ttl", ""), 64); err == nil && n >= 0 {
		list = append(list, entry{"dns_max_ttl", duration(time.Duration(n * float64(time.Second))), "dns_max_ttl"})
	}
	return list
}

// entries are the lines of the cluster.
func (t *translator) cluster(d *database) []entry {
	from := d.place()
	list := append(t.host(d), entry{"database", config.Quote(cmp.Or(d.dbname, d.key)), from})
	if d.user != "" {
		list = append(list, entry{"user", config.Quote(d.user), from})
	} else {
		list = append(list, entry{"user", config.Quote(t.anyUser()), "for checks only: each client's own user logs in for it"})
	}
	if d.password {
		list = append(list, entry{"password_env", config.Quote(environment(d.key)), "put the password of " + from + " there, or use password_file"})
	}
	list = append(list, t.sizes(d)...)
	if d.user == "" {
		list = append(list, t.logins())
	}
	return append(list, t.serverTLS(d)...)
}

// sizes are the pool's. In PgBouncer pool_size counts for each user; here users
// share the pool of a cluster.
func (t *translator) sizes(d *database) (list []entry) {
	size, from := cmp.Or(d.most, t.value("max_db_connections", "0")), "max_db_connections"
	if size == "0" {
		size, from = cmp.Or(d.poolSize, t.value("default_pool_size", "20")), "pool_size; there for each user, here for all of them"
	}
	list = append(list, entry{"pool_size", size, from})
	floor := cmp.Or(d.minSize, t.value("min_pool_size", "0"))
	if n, err := strconv.Atoi(floor); err == nil && n > 0 && d.user != "" {
		list = append(list, entry{"min_pool_size", floor, "min_pool_size"})
	}
	return list
}

// serverTLS are the keys of TLS with the server. PgBouncer prefers it by default
// and trusts any server; here one that is not on this machine must prove itself
// unless told otherwise.
func (t *translator) serverTLS(d *database) (list []entry) {
	mode := t.value("server_tls_sslmode", "prefer")
	if d.local() && mode == "prefer" {
		return nil
	}
	list = append(list, entry{"tls", config.Quote(mode), "server_tls_sslmode"})
	for ours, theirs := range map[string]string{"tls_ca": "server_tls_ca_file", "tls_key": "server_tls_key_file", "tls_cert": "server_tls_cert_file"} {
		if v := t.value(theirs, ""); v != "" && mode != "disable" {
			list = append(list, entry{ours, config.Quote(v), theirs})
		}
	}
	return list
}

// environment is the name of a variable for the password of a database.
func environment(name string) string {
	letters := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
	return "TENANTPOOL_" + letters + "_PASSWORD"
}

// route are the lines of the route of a database. With one login for everybody the
// database is the tenant; otherwise each user is one, on connections of its own.
func (t *translator) route(d *database) (list []entry) {
	from := d.place()
	list = append(list, entry{"database", config.Quote(d.key), from})
	trust := t.value("auth_type", "md5") == "trust" || t.value("auth_type", "md5") == "any"
	if d.user == "" {
		list = append(list,
			entry{"user", `"{tenant}"`, "each user is a tenant, for PgBouncer has a pool for each"},
			entry{"isolation", `"dedicated"`, "and logs in to the server as itself"})
	} else if !trust {
		list = append(list, entry{"users", `["*"]`, "PgBouncer lets every user in who can log in; name those who should"})
	}
	list = append(list, entry{"cluster", config.Quote(d.cluster()), from},
		entry{"search_path", `["{schema}"]`, "PgBouncer leaves it to the server; here it is said, per tenant below"})
	if mode := d.mode; mode != "" {
		list = append(list, entry{"pool_mode", config.Quote(mode), from})
	}
	if d.user == "" {
		list = t.limit(list, "max_servers", "max_user_connections", "")
		return t.limit(list, "max_clients", "max_user_client_connections", "")
	}
	return t.limit(list, "max_clients", "max_db_client_connections", d.clients)
}

// limit adds a limit of a tenant, if there is one.
func (t *translator) limit(list []entry, ours, theirs, own string) []entry {
	value := cmp.Or(own, t.value(theirs, "0"))
	if n, err := strconv.Atoi(value); err != nil || n <= 0 {
		return list
	}
	return append(list, entry{ours, value, theirs})
}
