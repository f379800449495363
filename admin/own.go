package admin

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"tenantpool/proxy"
	"tenantpool/routing"
	"tenantpool/wire"
)

// ownShows are those that PgBouncer does not have.
var ownShows = []command{
	{words: "SHOW TENANTS", doc: "The tenants that have had a client or are held back, and what they do.", role: Stats, run: show(showTenants),
		cols: slices.Concat(texts("name", "state", "reason"), ints("clients", "active", "idle", "waiting", "pinned", "maxwait_us",
			"xact_per_s", "query_per_s", "avg_query_us", "avg_wait_us", "xact_count", "query_count", "bytes_received", "bytes_sent", "errors", "switches"))},
	{words: "SHOW TENANT", args: "name", doc: "One tenant, line by line.", role: Stats, takes: true, cols: texts("key", "value"), run: show(showTenant)},
	{words: "SHOW WHY", args: "user database [server_name]", doc: "How a client of that user and database comes to its tenant, or why it does not.",
		role: Operator, takes: true, cols: slices.Concat(ints("step"), texts("what")), run: show(showWhy)},
	{words: "SHOW PREPARED", doc: "The prepared statements on each server connection, by number and bytes.", role: Stats, run: show(showPrepared),
		cols: slices.Concat(ints("server_id"), texts("database", "tenant", "state"), ints("statements", "bytes"))},
	{words: "SHOW WAITERS", doc: "Who waits, for what, and how long; longest first.", role: Stats, run: show(showWaiters),
		cols: slices.Concat(ints("client_id"), texts("user", "tenant", "database", "waits_for"), ints("wait", "wait_us"), texts("application_name"))},
	{words: "SHOW CANCELS", doc: "What has become of cancel requests.", role: Stats, cols: slices.Concat(texts("result"), ints("count")), run: show(showCancels)},
	{words: "SHOW ERRORS", doc: "How often clients were told which error, and by whom.", role: Stats, cols: slices.Concat(texts("sqlstate", "source"), ints("count")), run: show(showErrors)},
	{words: "SHOW CERTS", doc: "The certificates of the configuration and when they end.", role: Stats, run: show(showCerts),
		cols: slices.Concat(texts("used_for", "file", "subject"), times("not_before", "not_after"), ints("days_left"), texts("problem"))},
	{words: "SHOW RELOADS", doc: "The last ten reloads.", role: Stats, run: show(showReloads),
		cols: slices.Concat(times("at"), texts("result"), ints("took_us"), texts("changes", "problems"))},
	{words: "SHOW EVENTS", doc: "The last 200 events.", role: Stats, run: show(showEvents), cols: slices.Concat(times("at"), texts("kind", "database", "tenant", "event"))},
}

// knows says that a tenant is listed or has had a client.
func (c *Console) knows(tenant string) bool {
	for _, t := range c.o.Config().Tenants {
		if t.Name == tenant {
			return true
		}
	}
	return slices.ContainsFunc(c.proxy.TenantStats(), func(t proxy.TenantStats) bool { return t.Tenant == tenant })
}

// tenants are those that have had a client, and behind them those held back that have not.
func (c *Console) tenants() []proxy.TenantStats {
	list := c.proxy.Snapshot().Tenants
	seen := make(map[string]bool, len(list))
	for _, t := range list {
		seen[t.Tenant] = true
	}
	for _, name := range c.proxy.HeldTenants() {
		if !seen[name] {
			list = append(list, proxy.TenantStats{Tenant: name})
		}
	}
	return list
}

func showTenants(c *call) (rows []row, err error) {
	con := c.s.console
	for _, t := range con.tenants() {
		st, _ := con.proxy.Standing("", t.Tenant)
		before, took := con.rates.before(t.Tenant)
		avg := averages(totals(t), totals(before), took)
		rows = append(rows, row{t.Tenant, st.String(), null(st.Reason), t.Clients, t.Active, t.Idle, t.Waiting, t.Pinned, t.MaxWait,
			avg[1], avg[2], avg[6], avg[7], t.Transactions, t.Queries, t.BytesReceived, t.BytesSent, t.Errors, t.Switches})
	}
	return rows, nil
}

func showTenant(c *call) ([]row, error) {
	if len(c.args) != 1 {
		return nil, &wire.Error{Code: "42601", Message: "SHOW TENANT is followed by a name"}
	}
	con, name := c.s.console, c.args[0].text
	list := con.tenants()
	at := slices.IndexFunc(list, func(t proxy.TenantStats) bool { return t.Tenant == name })
	t := proxy.TenantStats{Tenant: name}
	switch {
	case at >= 0:
		t = list[at]
	case !con.knows(name):
		return nil, &wire.Error{Code: "42704", Message: fmt.Sprintf("no client of tenant %q has been seen", clip(name)),
			Hint: "SHOW TENANTS lists those that have had one; SHOW WHY user database tells who would lead there."}
	}
	st, own := con.proxy.Standing("", name)
	rows := []row{{"name", name}, {"state", st.String()}, {"reason", null(st.Reason)}, {"set by a verb", own.String()}}
	for _, part := range []struct {
		key   string
		value int64
	}{{"clients", t.Clients}, {"active", t.Active}, {"idle", t.Idle}, {"waiting", t.Waiting}, {"pinned", t.Pinned},
		{"maxwait_us", t.MaxWait.Microseconds()}, {"transactions", t.Transactions}, {"queries", t.Queries}, {"assignments", t.Assignments},
		{"xact_time_us", t.TransactionTime.Microseconds()}, {"query_time_us", t.QueryTime.Microseconds()}, {"wait_time_us", t.WaitTime.Microseconds()},
		{"bytes_received", t.BytesReceived}, {"bytes_sent", t.BytesSent}, {"client_parses", t.ClientParses}, {"server_parses", t.ServerParses},
		{"binds", t.Binds}, {"switches", t.Switches}, {"errors", t.Errors}, {"pins", t.Pins}} {
		rows = append(rows, row{part.key, fmt.Sprint(part.value)})
	}
	for _, p := range t.PinsBy {
		rows = append(rows, row{"pins: " + p.Reason, fmt.Sprint(p.Count)})
	}
	return rows, nil
}

func showWhy(c *call) (rows []row, err error) {
	var names []string
	for i, w := range c.args { // user=app database=acme is understood, too
		if w.text == "=" && !w.quoted && len(names) > 0 {
			names = names[:len(names)-1]
			continue
		}
		names = append(names, c.args[i].text)
	}
	if len(names) < 2 || len(names) > 3 {
		return nil, &wire.Error{Code: "42601", Message: "SHOW WHY is followed by a user, a database and perhaps a server name"}
	}
	id := routing.Identity{User: names[0], Database: names[1]}
	if len(names) == 3 {
		id.ServerName = names[2]
	}
	if slices.Contains(routing.ConsoleNames(), id.Database) {
		return []row{{1, fmt.Sprintf("database %q is the console", id.Database)}}, nil
	}
	for i, step := range c.s.console.proxy.Explain(id) {
		rows = append(rows, row{i + 1, step})
	}
	return rows, nil
}

func showPrepared(c *call) (rows []row, err error) {
	for _, s := range c.s.console.servers() {
		rows = append(rows, row{s.ID, s.cluster, null(s.Tenant), s.state(), s.Prepared, s.Bytes})
	}
	return rows, nil
}

func showWaiters(c *call) (rows []row, err error) {
	list := c.s.console.clients(false)
	slices.SortStableFunc(list, func(a, b proxy.ClientInfo) int { return int(b.Wait - a.Wait) })
	for _, cl := range list {
		if cl.State == "waiting" {
			rows = append(rows, row{cl.ID, cl.User, cl.Tenant, cl.Cluster, cl.WaitsFor, int64(cl.Wait / time.Second), cl.Wait % time.Second, cl.Application})
		}
	}
	return rows, nil
}

func showCancels(c *call) ([]row, error) {
	snap, now := c.s.console.proxy.Snapshot(), 0
	for _, cl := range c.s.console.proxy.ClientList(false) {
		if cl.Canceling {
			now++
		}
	}
	return []row{{"passed", snap.Cancels.Passed()}, {"unknown", snap.Cancels.Unknown}, {"in flight", now}}, nil
}

func showErrors(c *call) (rows []row, err error) {
	for _, e := range c.s.console.proxy.Snapshot().Errors {
		rows = append(rows, row{e.Code, e.Origin.String(), e.Count})
	}
	return byFirst(rows), nil
}

func showEvents(c *call) (rows []row, err error) {
	for _, e := range c.s.console.o.Events.Last() {
		rows = append(rows, row{e.At, e.Kind, null(e.Cluster), null(e.Tenant), e.Text})
	}
	return rows, nil
}

func showCerts(c *call) (rows []row, err error) {
	cfg := c.s.console.o.Config()
	files := map[string]string{"certificate for clients": cfg.TLS.Files.Cert, "authority of clients": cfg.TLS.Files.CA}
	for i := range cfg.Clusters {
		cl := &cfg.Clusters[i]
		files["certificate for database "+cl.Name] = cl.TLS.Files.Cert
		files["authority of database "+cl.Name] = cl.TLS.Files.CA
	}
	for _, use := range slices.Sorted(maps.Keys(files)) {
		if file := files[use]; strings.Contains(file, "/") {
			rows = append(rows, certRows(use, file)...)
		}
	}
	return rows, nil
}

// certRows are the certificates in a file.
func certRows(use, file string) (rows []row) {
	bad := func(why string) []row { return append(rows, row{use, file, nil, nil, nil, nil, why}) }
	text, err := os.ReadFile(file)
	if err != nil {
		return bad("cannot be read")
	}
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return bad("holds a certificate that cannot be read")
		}
		left := time.Until(cert.NotAfter)
		problem := ""
		if left < 0 {
			problem = "has ended"
		}
		rows = append(rows, row{use, file, cert.Subject.String(), cert.NotBefore, cert.NotAfter, int64(left / (24 * time.Hour)), null(problem)})
	}
	if len(rows) == 0 {
		return bad("holds no certificate")
	}
	return rows
}
