package metrics

import (
	"strings"

	"tenantpool/proxy"
)

// What is told of each tenant.
var (
	clientConnections = define(gauge, "client_connections", "Clients logged in, by what they do: idle, waiting for a server, active on one, or closing.", "tenant", "state")
	clientMaxWait     = define(gauge, "client_maxwait_seconds", "How long the client has waited for a server that waits longest now.", "tenant")
	queries           = define(counter, "queries_total", "Exchanges served: simple queries, and batches of the extended protocol up to their Sync.", "tenant")
	transactions      = define(counter, "transactions_total", "Transactions ended; a query outside a transaction is one.", "tenant")
	querySeconds      = define(counter, "query_seconds_total", "Time that servers were busy with queries.", "tenant")
	transactSeconds   = define(counter, "transaction_seconds_total", "Time that servers were in transactions, what clients did meanwhile included.", "tenant")
	waitSeconds       = define(counter, "wait_seconds_total", "Time that clients have waited for a server.", "tenant")
	bytesMoved        = define(counter, "bytes_total", "Bytes received from clients and sent to them after their login, without TLS.", "tenant", "direction")
	prepared          = define(counter, "prepared_total", "Messages for prepared statements: client_parse and bind were sent by clients, server_parse to servers.", "tenant", "op")
	checkouts         = define(counter, "checkouts_total", "Requests for a server that had to be met or given up: assigned, or unserved after a wait.", "tenant", "result")
	switches          = define(counter, "switches_total", "Switches of a server connection to the tenant.", "tenant")
	tenantErrors      = define(counter, "tenant_errors_total", "Errors that clients of the tenant were told after their login.", "tenant")
	pins              = define(counter, "pins_total", "Times that a session began to keep its server connection beyond its transaction.", "tenant")
	pinned            = define(gauge, "pinned_sessions", "Sessions that keep their server connection beyond their transaction.", "tenant")
)

type tenantSeries = series[proxy.TenantStats]

var ofTenants = []tenantSeries{
	{clientConnections, []string{"idle"}, func(t *proxy.TenantStats) float64 { return float64(t.Idle) }},
	{clientConnections, []string{"waiting"}, func(t *proxy.TenantStats) float64 { return float64(t.Waiting) }},
	{clientConnections, []string{"active"}, func(t *proxy.TenantStats) float64 { return float64(t.Active) }},
	{clientConnections, []string{"closing"}, func(t *proxy.TenantStats) float64 { return float64(t.Closing) }},
	{clientMaxWait, nil, func(t *proxy.TenantStats) float64 { return t.MaxWait.Seconds() }},
	{queries, nil, func(t *proxy.TenantStats) float64 { return float64(t.Queries) }},
	{transactions, nil, func(t *proxy.TenantStats) float64 { return float64(t.Transactions) }},
	{querySeconds, nil, func(t *proxy.TenantStats) float64 { return t.QueryTime.Seconds() }},
	{transactSeconds, nil, func(t *proxy.TenantStats) float64 { return t.TransactionTime.Seconds() }},
	{waitSeconds, nil, func(t *proxy.TenantStats) float64 { return t.WaitTime.Seconds() }},
	{bytesMoved, []string{"received"}, func(t *proxy.TenantStats) float64 { return float64(t.BytesReceived) }},
	{bytesMoved, []string{"sent"}, func(t *proxy.TenantStats) float64 { return float64(t.BytesSent) }},
	{prepared, []string{"client_parse"}, func(t *proxy.TenantStats) float64 { return float64(t.ClientParses) }},
	{prepared, []string{"server_parse"}, func(t *proxy.TenantStats) float64 { return float64(t.ServerParses) }},
	{prepared, []string{"bind"}, func(t *proxy.TenantStats) float64 { return float64(t.Binds) }},
	{checkouts, []string{"assigned"}, func(t *proxy.TenantStats) float64 { return float64(t.Assignments) }},
	{checkouts, []string{"unserved"}, func(t *proxy.TenantStats) float64 { return float64(t.UnservedWaits) }},
	{switches, nil, func(t *proxy.TenantStats) float64 { return float64(t.Switches) }},
	{tenantErrors, nil, func(t *proxy.TenantStats) float64 { return float64(t.Errors) }},
	{pins, nil, func(t *proxy.TenantStats) float64 { return float64(t.Pins) }},
	{pinned, nil, func(t *proxy.TenantStats) float64 { return float64(t.Pinned) }},
}

// maxTenants is how many tenants have series of their own; all further ones
// share those of otherTenants.
const (
	maxTenants   = 500
	otherTenants = "_other"
)

// labels gives tenants their label. Who has one of its own keeps it: a counter
// that went from one series to another would fall.
type labels struct{ own map[string]struct{} }

func (l *labels) of(tenant string) string {
	name := strings.ToValidUTF8(tenant, "\uFFFD")
	switch _, has := l.own[name]; {
	case has:
		return name
	case name == otherTenants || len(l.own) >= maxTenants:
		return otherTenants
	}
	if l.own == nil {
		l.own = make(map[string]struct{})
	}
	l.own[name] = struct{}{}
	return name
}

// labelled puts tenants of one label together.
func (l *labels) labelled(all []proxy.TenantStats) map[string]*proxy.TenantStats {
	by := make(map[string]*proxy.TenantStats, min(len(all), maxTenants+1))
	for i := range all {
		name := l.of(all[i].Tenant)
		if sum := by[name]; sum != nil {
			sum.Merge(&all[i])
			continue
		}
		one := all[i]
		by[name] = &one
	}
	return by
}
