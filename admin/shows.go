package admin

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"tenantpool/pool"
	"tenantpool/proxy"
	"tenantpool/wire"
)

// socketColumns are those of clients and servers.
var socketColumns = slices.Concat(
	texts("type", "user", "database", "replication", "state", "addr"), ints("port"), texts("local_addr"), ints("local_port"),
	times("connect_time", "request_time"), ints("wait", "wait_us", "close_needed"), texts("ptr", "link"), ints("remote_pid"),
	texts("tls", "application_name"), ints("prepared_statements", "id"))

// debugColumns follow those of sockets.
var debugColumns = ints("recv_pos", "pkt_pos", "pkt_remain", "send_pos", "send_remain", "pkt_avail", "send_avail")

// pgbouncerShows are PgBouncer's, with its columns in its order. What we add comes last.
var pgbouncerShows = []command{
	{words: "SHOW HELP", doc: "Lists the commands.", role: Stats, cols: texts("command", "role", "what"), run: show(showHelp)},
	{words: "SHOW VERSION", doc: "The version of tenantpool.", role: Stats, cols: texts("version"), run: show(showVersion)},
	{words: "SHOW CONFIG", doc: "The settings, without secrets.", role: Stats, cols: texts("key", "value", "default", "changeable"), run: show(showConfig)},
	{words: "SHOW STATE", doc: "Whether everybody is paused or suspended, or the process drains.", role: Stats, cols: texts("key", "value"), run: show(showState)},
	{words: "SHOW DATABASES", doc: "The clusters.", role: Stats, run: show(showDatabases),
		cols: slices.Concat(texts("name", "host"), ints("port"), texts("database", "force_user"),
			ints("pool_size", "min_pool_size", "reserve_pool_size", "server_lifetime"), texts("pool_mode", "load_balance_hosts"),
			ints("max_connections", "current_connections", "max_client_connections", "current_client_connections", "paused", "disabled", "reserve_pool"))},
	{words: "SHOW USERS", doc: "The users of the users file, and those who are connected.", role: Stats, run: show(showUsers),
		cols: slices.Concat(texts("name", "pool_size", "reserve_pool_size", "pool_mode"),
			ints("max_user_connections", "current_connections", "max_user_client_connections", "current_client_connections"))},
	{words: "SHOW POOLS", doc: "The pools of server connections and who waits for them.", role: Stats, run: show(showPools),
		cols: slices.Concat(texts("database", "user"), ints("cl_active", "cl_waiting", "cl_active_cancel_req", "cl_waiting_cancel_req",
			"sv_active", "sv_active_cancel", "sv_being_canceled", "sv_idle", "sv_used", "sv_tested", "sv_login", "maxwait", "maxwait_us"),
			texts("pool_mode", "load_balance_hosts", "problem"))},
	{words: "SHOW CLIENTS", doc: "The sessions of clients.", role: Stats, cols: socketColumns, run: show(showClients)},
	{words: "SHOW SERVERS", doc: "The server connections.", role: Stats, cols: socketColumns, run: show(showServers)},
	{words: "SHOW SOCKETS", doc: "Both.", role: Stats, cols: slices.Concat(socketColumns, debugColumns), run: show(showSockets)},
	{words: "SHOW ACTIVE_SOCKETS", doc: "Both, without those that are idle.", role: Stats, cols: slices.Concat(socketColumns, debugColumns), run: show(showActiveSockets)},
	{words: "SHOW LISTS", doc: "How many there are of what.", role: Stats, cols: slices.Concat(texts("list"), ints("items")), run: show(showLists)},
	{words: "SHOW MEM", doc: "The memory of the process.", role: Stats, cols: slices.Concat(texts("name"), ints("size", "used", "free", "memtotal")), run: show(showMem)},
	{words: "SHOW FDS", doc: "Refused: descriptors are never handed out.", role: Admin, cols: texts("fd"), run: show(func(*call) ([]row, error) { return nil, errNoDescriptors })},
	{words: "SHOW DNS_HOSTS", doc: "Nothing: each cluster looks up the names of its own hosts.", role: Stats, cols: slices.Concat(texts("hostname"), ints("ttl"), texts("addrs")), run: show(nothing)},
	{words: "SHOW DNS_ZONES", doc: "Nothing, likewise.", role: Stats, cols: slices.Concat(texts("zonename"), ints("serial", "count")), run: show(nothing)},
	{words: "SHOW STATS", doc: "What each tenant does: totals since the start, and averages of a minute.", role: Stats, run: show(stats),
		cols: slices.Concat(texts("database"), ints(totalNames...), ints(averageNames...), ints("total_requests"))},
	{words: "SHOW STATS_TOTALS", doc: "The totals alone.", role: Stats, cols: slices.Concat(texts("database"), ints(counted...)), run: show(statsTotals)},
	{words: "SHOW STATS_AVERAGES", doc: "The averages alone.", role: Stats, cols: slices.Concat(texts("database"), ints(counted...)), run: show(statsAverages)},
	{words: "SHOW TOTALS", doc: "What all tenants together do.", role: Stats, cols: slices.Concat(texts("name"), ints("value")), run: show(sums)},
	{words: "SHOW PEERS", doc: "The other poolers that cancel requests are sent on to.", role: Stats, cols: slices.Concat(ints("peer_id"), texts("host"), ints("port", "pool_size")), run: show(peers)},
	{words: "SHOW PEER_POOLS", doc: "Nothing: no connection to them is kept.", role: Stats, cols: ints("peer_id", "cl_active_cancel_req", "cl_waiting_cancel_req", "sv_active_cancel", "sv_login"), run: show(nothing)},
}

var errNoDescriptors = &wire.Error{Code: "0A000", Message: "SHOW FDS is not supported: tenantpool hands no descriptors out",
	Hint: "SHOW SOCKETS lists the connections; for a restart without a refused connection see the documentation."}

func nothing(*call) ([]row, error) { return nil, nil }

// peers has no size of a pool: a connection serves one request.
func peers(c *call) (rows []row, err error) {
	for _, p := range c.s.console.o.Config().Peers {
		host, text, err := net.SplitHostPort(p.Address.Address)
		if err != nil {
			host = p.Address.Address // a Unix socket
		}
		port, _ := strconv.Atoi(text)
		rows = append(rows, row{p.ID, host, port, 0})
	}
	return rows, nil
}

func showHelp(*call) (rows []row, err error) {
	for _, line := range Help() {
		rows = append(rows, row{line[0], line[1], line[2]})
	}
	return rows, nil
}

func showVersion(c *call) ([]row, error) {
	return []row{{"tenantpool " + c.s.console.o.Version}}, nil
}

func showConfig(c *call) (rows []row, err error) {
	cfg := c.s.console.o.Config()
	for _, k := range cfg.Running {
		changeable := "no"
		if k.Reloadable {
			changeable = "yes"
		}
		value := k.Value
		if v, ok := c.s.console.runtime.Load(k.Key); ok {
			value, changeable = v.(string), "runtime"
		}
		rows = append(rows, row{k.Key, value, null(k.Default), changeable})
	}
	// The names by which programs that watch PgBouncer look for these.
	rows = append(rows, row{"max_client_conn", strconv.Itoa(cfg.MaxClients), nil, "no"}, row{"max_user_connections", "0", "0", "no"})
	return rows, nil
}

func showState(c *call) ([]row, error) {
	word := map[bool]string{true: "yes", false: "no"}
	st := c.s.console.proxy.Said(proxy.Scope{})
	return []row{{"active", word[st == proxy.Standing{}]}, {"paused", word[st.Paused]}, {"suspended", word[st.Suspended]},
		{"draining", word[st.Draining || c.s.console.proxy.Snapshot().Draining]}}, nil
}

func showDatabases(c *call) (rows []row, err error) {
	con := c.s.console
	cfg := con.o.Config()
	clients := make(map[string]int)
	for _, client := range con.proxy.ClientList(false) {
		clients[client.Cluster]++
	}
	for i := range cfg.Clusters {
		cl := &cfg.Clusters[i]
		p := con.proxy.Pool(cl.Name)
		if p == nil {
			continue
		}
		st, all := con.proxy.Said(proxy.Scope{Cluster: cl.Name}), con.proxy.Said(proxy.Scope{})
		rows = append(rows, row{cl.Name, strings.Join(cl.Hosts, ","), cl.Port, cl.Database, null(cl.User), cl.PoolSize, cl.MinPoolSize, 0,
			int64(cfg.ServerLifetime / time.Second), cfg.Mode.String(), nil, cl.PoolSize, p.Stats().Size, cfg.MaxClients, clients[cl.Name],
			yes(st.Paused || all.Paused), yes(st.Disabled), 0})
	}
	return rows, nil
}

func showUsers(c *call) (rows []row, err error) {
	connected, active := make(map[string]int), make(map[string]int)
	for _, client := range c.s.console.proxy.ClientList(false) {
		connected[client.User]++
		if client.Server != 0 {
			active[client.User]++
		}
	}
	names := make(map[string]struct{})
	for name := range connected {
		names[name] = struct{}{}
	}
	for name := range c.s.console.o.Config().Auth.Users.All() {
		names[name] = struct{}{}
	}
	for name := range names {
		rows = append(rows, row{name, nil, nil, nil, 0, active[name], 0, connected[name]})
	}
	return byFirst(rows), nil
}

// byFirst sorts rows by their first column, which is a text.
func byFirst(rows []row) []row {
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a[0].(string), b[0].(string)) })
	return rows
}

func showPools(c *call) (rows []row, err error) {
	con := c.s.console
	type load struct {
		active, waiting, canceling int
		wait                       time.Duration
	}
	loads := make(map[string]load)
	for _, client := range con.proxy.ClientList(false) {
		l := loads[client.Cluster]
		switch {
		case client.State == "waiting":
			l.waiting++
			l.wait = max(l.wait, client.Wait)
		default:
			l.active++
		}
		if client.Canceling {
			l.canceling++
		}
		loads[client.Cluster] = l
	}
	cfg := con.o.Config()
	for i := range cfg.Clusters {
		cl := &cfg.Clusters[i]
		if p := con.proxy.Pool(cl.Name); p != nil {
			st, l := p.Stats(), loads[cl.Name]
			rows = append(rows, row{cl.Name, cl.User, l.active, l.waiting, 0, 0, st.Lent, 0, l.canceling, st.Idle, 0, 0, st.Dialing,
				int64(l.wait / time.Second), l.wait % time.Second, cfg.Mode.String(), nil, problem(p)})
		}
	}
	return rows, nil
}

// problem says why a pool cannot log in, nil if it can.
func problem(p *pool.Pool) any {
	if e := p.LastError(nil); e != nil {
		return e.Message
	}
	return nil
}

func showClients(c *call) (rows []row, err error) {
	for _, client := range c.s.console.clients(true) {
		rows = append(rows, clientRow(client, client.State))
	}
	return rows, nil
}

// clients are the sessions in the order in which they came.
func (c *Console) clients(addresses bool) []proxy.ClientInfo {
	list := c.proxy.ClientList(addresses)
	slices.SortFunc(list, func(a, b proxy.ClientInfo) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func clientRow(cl proxy.ClientInfo, state string) row {
	addr, port := host(cl.Address)
	local, localPort := host(cl.Local)
	link := ""
	if cl.Server != 0 {
		link = fmt.Sprintf("s%d", cl.Server)
	}
	return row{"C", cl.User, cl.Tenant, "none", state, addr, port, local, localPort, cl.Connected, cl.Since,
		int64(cl.Wait / time.Second), cl.Wait % time.Second, 0, fmt.Sprintf("c%d", cl.ID), link, 0, secured(cl.TLS), cl.Application, cl.Prepared, cl.ID}
}

func secured(tls bool) string {
	if tls {
		return "TLS"
	}
	return ""
}

// host is an address and its port; "unix" stands for a Unix socket.
func host(a netip.AddrPort) (string, int) {
	if !a.IsValid() {
		return "unix", 0
	}
	return a.Addr().String(), int(a.Port())
}

// server is one server connection, with the session that has it.
type server struct {
	pool.ConnInfo
	cluster, login string
	client         *proxy.ClientInfo // nil: nobody
}

// servers are the server connections, the oldest first.
func (c *Console) servers() (all []server) {
	holders := make(map[uint64]*proxy.ClientInfo)
	for _, client := range c.proxy.ClientList(false) {
		if client.Server != 0 {
			holders[client.Server] = &client
		}
	}
	cfg := c.o.Config()
	for name, p := range c.proxy.Pools() {
		login := ""
		if cl := cfg.Cluster(name); cl != nil {
			login = cl.User
		}
		for _, conn := range p.Conns() {
			s := server{conn, name, cmp.Or(conn.Login, login), holders[conn.ID]}
			if s.client != nil {
				s.Prepared, s.Bytes = s.client.ServerPrepared, s.client.ServerBytes
			}
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b server) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// state is PgBouncer's word for where a connection is.
func (s server) state() string {
	switch {
	case s.client != nil && s.client.Canceling:
		return "being_canceled"
	case s.Place == "lent":
		return "active"
	}
	return s.Place
}

func showServers(c *call) (rows []row, err error) {
	for _, s := range c.s.console.servers() {
		rows = append(rows, serverRow(s, s.state()))
	}
	return rows, nil
}

func serverRow(s server, state string) row {
	remote, _ := netip.ParseAddrPort(s.Address)
	near, _ := netip.ParseAddrPort(s.Local)
	addr, port := host(remote)
	local, localPort := host(near)
	asked, link, application := s.IdleSince, "", ""
	if s.client != nil {
		asked, link, application = s.client.Since, fmt.Sprintf("c%d", s.client.ID), s.client.Application
	}
	if asked.IsZero() {
		asked = s.Created
	}
	return row{"S", s.login, s.cluster, "none", state, addr, port, local, localPort, s.Created, asked, 0, 0, yes(s.Retiring),
		fmt.Sprintf("s%d", s.ID), link, int64(s.PID), secured(s.TLS), application, s.Prepared, s.ID}
}

func showSockets(c *call) ([]row, error)       { return c.s.console.sockets(false), nil }
func showActiveSockets(c *call) ([]row, error) { return c.s.console.sockets(true), nil }

func (c *Console) sockets(active bool) (rows []row) {
	none := make(row, len(debugColumns))
	for i := range none {
		none[i] = 0
	}
	for _, client := range c.clients(true) {
		if !active || client.State != "idle" {
			rows = append(rows, append(clientRow(client, "cl_"+client.State), none...))
		}
	}
	for _, s := range c.servers() {
		if !active || s.Place != "idle" {
			rows = append(rows, append(serverRow(s, "sv_"+s.state()), none...))
		}
	}
	return rows
}

func showLists(c *call) ([]row, error) {
	con := c.s.console
	cfg := con.o.Config()
	snap := con.proxy.Snapshot()
	sessions, waiting, servers := int64(0), int64(0), 0
	for _, t := range snap.Tenants {
		sessions, waiting = sessions+t.Clients, waiting+t.Waiting
	}
	for _, p := range con.proxy.Pools() {
		servers += p.Stats().Size
	}
	return []row{{"databases", len(cfg.Clusters)}, {"users", cfg.Auth.Users.Len()}, {"peers", len(cfg.Peers)}, {"pools", len(con.proxy.Pools())},
		{"peer_pools", 0}, {"free_clients", 0}, {"used_clients", snap.Clients}, {"login_clients", max(0, int64(snap.Clients)-sessions)},
		{"free_servers", 0}, {"used_servers", servers}, {"dns_names", 0}, {"dns_zones", 0}, {"dns_queries", 0}, {"dns_pending", 0},
		{"tenants", len(snap.Tenants)}, {"waiting_clients", waiting}}, nil
}

func showMem(*call) ([]row, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	part := func(name string, used, free uint64) row { return row{name, 1, used, free, used + free} }
	return []row{part("heap", m.HeapInuse, m.HeapIdle-m.HeapReleased), part("stacks", m.StackInuse, 0),
		part("runtime", m.GCSys+m.MSpanSys+m.MCacheSys+m.BuckHashSys+m.OtherSys, 0),
		part("total", m.Sys-m.HeapReleased-(m.HeapIdle-m.HeapReleased), m.HeapIdle-m.HeapReleased)}, nil
}
