package pgbouncer

import (
	"fmt"
	"maps"
	"strings"
	"time"
)

var choosesCiphers = met("the cipher suites and curves are those that Go's crypto/tls holds to be safe, the fastest first")

// settings are all settings of PgBouncer's section [pgbouncer], to 1.25.
var settings = union(service, security, pooling, logging, timeouts, network, names)

func union(groups ...map[string]translation) map[string]translation {
	all := make(map[string]translation)
	for _, g := range groups {
		maps.Copy(all, g)
	}
	return all
}

// service are the settings about where it runs and listens.
var service = map[string]translation{
	"logfile":           none("the log goes to standard error, for the service manager to keep"),
	"pidfile":           none("it runs in the foreground: the service manager knows its process"),
	"user":              none("it stays who it is started as: see User= of the service"),
	"listen_addr":       elsewhere("listen"),
	"listen_port":       elsewhere("listen"),
	"unix_socket_dir":   elsewhere("listen"),
	"unix_socket_mode":  text("", "unix_socket_mode"),
	"unix_socket_group": none("give the directory of the socket to that group instead"),
	"conffile":          met("the file is named by -c FILE, and read again on a reload"),
	"service_name":      none("only PgBouncer on Windows has it"),
	"job_name":          none("only PgBouncer on Windows has it"),
	"peer_id":           peerID,
}

// security are the settings about TLS and who may log in.
var security = map[string]translation{
	"client_tls_sslmode":      text("", "tls"),
	"client_tls_ca_file":      text("", "tls_ca"),
	"client_tls_key_file":     text("", "tls_key"),
	"client_tls_cert_file":    text("", "tls_cert"),
	"client_tls_protocols":    protocols,
	"client_tls_ciphers":      choosesCiphers,
	"client_tls13_ciphers":    choosesCiphers,
	"client_tls_dheparams":    met("no cipher suite with such parameters is ever used"),
	"client_tls_ecdhcurve":    choosesCiphers,
	"server_tls_sslmode":      elsewhere("cluster.tls"),
	"server_tls_ca_file":      elsewhere("cluster.tls_ca"),
	"server_tls_key_file":     elsewhere("cluster.tls_key"),
	"server_tls_cert_file":    elsewhere("cluster.tls_cert"),
	"server_tls_protocols":    met("TLS 1.2 or 1.3"),
	"server_tls_ciphers":      choosesCiphers,
	"server_tls13_ciphers":    choosesCiphers,
	"auth_type":               method,
	"auth_file":               text("auth", "users_file"),
	"auth_hba_file":           text("auth", "hba_file"),
	"auth_ident_file":         text("auth", "ident_file"),
	"auth_query":              text("auth", "query"),
	"auth_user":               text("auth", "query_user"),
	"auth_dbname":             elsewhere("auth.cluster"),
	"auth_ldap_options":       none("LDAP is not spoken"),
	"scram_iterations":        met("tenantpool hash --iterations"),
	"admin_users":             served("admin.users", list("admin", "users")),
	"stats_users":             served("admin.stats_users", list("admin", "stats_users")),
	"pool_mode":               text("", "pool_mode"),
	"max_prepared_statements": count("prepared", "per_server"),
}

// pooling are the settings about how server connections are lent.
var pooling = map[string]translation{
	"server_reset_query":          reset,
	"server_reset_query_always":   met("whatever a client leaves is scrubbed before another tenant's client comes, in every mode"),
	"ignore_startup_parameters":   met("every parameter that Postgres accepts is accepted, and kept for that client"),
	"track_extra_parameters":      met("all of a client's settings follow it from server to server"),
	"server_check_query":          met("a connection that the server has closed is noticed before it is lent, without a query"),
	"server_check_delay":          met("a connection that the server has closed is noticed before it is lent, without a query"),
	"server_fast_close":           unless("0", "off, as here", none("a session keeps its server connection to its end")),
	"application_name_add_host":   unless("0", "off, as here", none("application_name is the client's; logs have its address")),
	"stats_period":                unless("60", "averages are of a minute, as here", none("averages are of a minute")),
	"disable_pqexec":              unless("0", "off, as here", none("simple queries cannot be forbidden")),
	"server_round_robin":          unless("0", "off, as here", none("whoever needs a connection gets the one that needs the least switching")),
	"max_client_conn":             count("", "max_clients"),
	"default_pool_size":           elsewhere("cluster.pool_size"),
	"min_pool_size":               elsewhere("cluster.min_pool_size"),
	"max_db_connections":          elsewhere("cluster.pool_size: a cluster's users share one pool"),
	"reserve_pool_size":           unless("0", "off, as here", none("raise pool_size instead: one limit, for whoever waits longest")),
	"reserve_pool_timeout":        none("there is no reserve: pool_size is the one limit"),
	"max_user_connections":        unless("0", "off, as here", elsewhere("route.max_servers, where a user is a tenant")),
	"max_user_client_connections": unless("0", "off, as here", elsewhere("route.max_clients, where a user is a tenant")),
	"max_db_client_connections":   unless("0", "off, as here", elsewhere("route.max_clients, where a database is a tenant")),
}

// logging are the settings about the log.
var logging = map[string]translation{
	"syslog":             unless("0", "off, as here", none("the log goes to standard error, and systemd hands it to the journal or to syslog")),
	"syslog_facility":    without("syslog", "0", none("see SyslogFacility= of the service")),
	"syslog_ident":       without("syslog", "0", none("see SyslogIdentifier= of the service")),
	"log_connections":    verbosity,
	"log_disconnections": verbosity,
	"log_pooler_errors":  verbosity,
	"log_stats":          met("a line of totals is logged each minute"),
	"verbose":            verbosity,
}

// timeouts are the settings about times.
var timeouts = map[string]translation{
	"server_lifetime":          span("", "server_lifetime", time.Second),
	"server_idle_timeout":      span("", "server_idle_timeout", time.Second),
	"server_connect_timeout":   span("", "server_connect_timeout", time.Second),
	"server_login_retry":       met("after a login that failed the next is tried in 1 to 15 s"),
	"query_timeout":            span("", "query_timeout", time.Second),
	"query_wait_timeout":       span("", "query_wait_timeout", time.Second),
	"query_wait_notify":        none("a client that waits is not told before query_wait_timeout"),
	"cancel_wait_timeout":      met("a cancel reaches the server at once, and takes no place in the pool"),
	"client_idle_timeout":      span("", "client_idle_timeout", time.Second),
	"client_login_timeout":     span("", "client_login_timeout", time.Second),
	"idle_transaction_timeout": span("", "idle_transaction_timeout", time.Second),
	"transaction_timeout":      span("", "transaction_timeout", time.Second),
	"suspend_timeout":          none("SUSPEND is about tenants here; a restart drains for drain_timeout"),
	"autodb_idle_timeout":      met("nothing is kept for a tenant that nobody uses"),
}

// network are the settings about buffers and sockets.
var network = map[string]translation{
	"pkt_buf":           met("a session without work holds no buffer, and one with work has what it needs"),
	"sbuf_loopcnt":      met("each session has its turn"),
	"max_packet_size":   unless("2147483647", "no limit but Postgres's own, as here", none("messages of any size that Postgres takes pass, piece by piece")),
	"listen_backlog":    met("as many as the kernel allows (net.core.somaxconn)"),
	"so_reuseport":      flag("", "reuse_port"),
	"tcp_defer_accept":  unless("0", "off, as here", none("a client that says nothing costs a little memory until client_login_timeout")),
	"tcp_socket_buffer": unless("0", "the kernel decides, as here", none("the kernel sizes the buffers of sockets")),
	"tcp_keepalive":     flag("", "tcp_keepalive"),
	"tcp_keepcnt":       count("", "tcp_keepcnt"),
	"tcp_keepidle":      span("", "tcp_keepidle", time.Second),
	"tcp_keepintvl":     span("", "tcp_keepintvl", time.Second),
	"tcp_user_timeout":  served("tcp_user_timeout", span("", "tcp_user_timeout", time.Millisecond)),
}

// names are the settings about the names of servers.
var names = map[string]translation{
	"dns_max_ttl":           elsewhere("cluster.dns_max_ttl"),
	"dns_nxdomain_ttl":      met("a name that is not found is looked up again at the next login to a server"),
	"dns_zone_check_period": unless("0", "off, as here", none("zones are not watched: names are looked up again every cluster.dns_max_ttl")),
	"resolv_conf":           none("the system's resolver answers"),
	"load_balance_hosts":    elsewhere("cluster.load_balance_hosts"),
}

// protocols maps the versions of TLS to the lowest.
func protocols(t *translator, l line) (Result, string) {
	lowest := "1.2"
	if v := strings.ReplaceAll(strings.ToLower(l.value), " ", ""); v == "tlsv1.3" {
		lowest = "1.3"
	}
	return t.put("", "tls_min", `"`+lowest+`"`, l)
}

// peerID maps this pooler's number.
func peerID(t *translator, l line) (Result, string) {
	if l.value == "0" {
		return Met, "off, as here"
	}
	if n := peerNumber(l.value); n == "" {
		return None, fmt.Sprintf("%q is no number from 1 to 63", l.value)
	}
	return t.put("", "peer_id", l.value, l)
}

// method maps auth_type.
func method(t *translator, l line) (Result, string) {
	ours := map[string]string{"any": "trust", "trust": "trust", "plain": "password", "md5": "md5",
		"scram-sha-256": "scram-sha-256", "cert": "cert", "hba": "hba"}[l.value]
	if ours == "" {
		return None, fmt.Sprintf("%q is not spoken; there are trust, password, md5, scram-sha-256, cert and hba", l.value)
	}
	return t.put("auth", "method", `"`+ours+`"`, l)
}

// reset judges server_reset_query, which there is no need for.
func reset(_ *translator, l line) (Result, string) {
	if strings.EqualFold(strings.TrimSuffix(l.value, ";"), "discard all") {
		return Met, "all that DISCARD ALL does is done, and more, before another tenant's client comes"
	}
	return None, "the scrub is not up to the configuration: it does all that DISCARD ALL does"
}

// verbosity maps what is logged to the level of the log.
func verbosity(t *translator, l line) (Result, string) {
	switch {
	case l.key == "verbose" && l.value != "0":
		return t.put("log", "level", `"debug"`, l)
	case l.key == "verbose":
		return t.put("log", "level", `"info"`, l)
	case on(l.value):
		return Met, "log.level decides; failed logins and lost servers are told at warn, sessions at debug"
	}
	return None, "log.level decides for all kinds of events together"
}
