package config

import (
	"fmt"
	"strconv"
	"time"

	"tenantpool/routing"
)

// limit is one limit, for the tenants of a route and for a single one.
type limit struct {
	Setting
	ofRoute  func(*routing.Limits) any
	ofTenant func(*routing.LimitChanges) any
}

// limits are those that routes and tenants have alike. What the top says too is
// the default of every route.
var limits = []limit{
	{Setting{Key: "max_clients", Kind: KindCount, Default: "0", Unit: "clients",
		Doc: "Clients of one tenant connected at once."},
		func(l *routing.Limits) any { return &l.MaxClients }, func(c *routing.LimitChanges) any { return &c.MaxClients }},
	{Setting{Key: "max_servers", Kind: KindCount, Default: "0", Unit: "connections",
		Doc: "Server connections one tenant may hold at once."},
		func(l *routing.Limits) any { return &l.MaxServers }, func(c *routing.LimitChanges) any { return &c.MaxServers }},
	{Setting{Key: "max_waiting", Kind: KindCount, Default: "0", Unit: "clients",
		Doc: "Clients of one tenant that may wait for a server connection."},
		func(l *routing.Limits) any { return &l.MaxWaiting }, func(c *routing.LimitChanges) any { return &c.MaxWaiting }},
	{Setting{Key: "max_prepared", Kind: KindCount, Unit: "statements",
		Doc: "Prepared statements that one client may have; default prepared.per_client."},
		func(l *routing.Limits) any { return &l.MaxPrepared }, func(c *routing.LimitChanges) any { return &c.MaxPrepared }},
	{Setting{Key: "weight", Kind: KindCount, Default: "1", Min: 1, Max: routing.MaxWeight,
		Doc: "A tenant's share of a busy pool, in proportion to those of the others."},
		func(l *routing.Limits) any { return &l.Weight }, func(c *routing.LimitChanges) any { return &c.Weight }},
	{Setting{Key: "max_qps", Kind: KindCount, Default: "0", Unit: "queries a second",
		Doc: "Queries a second of all clients of one tenant; beyond, they are delayed."},
		func(l *routing.Limits) any { return &l.MaxQPS }, func(c *routing.LimitChanges) any { return &c.MaxQPS }},
	{Setting{Key: "max_qps_burst", Kind: KindCount, Default: "0", Unit: "queries",
		Doc: "Queries that may come at once after a pause; 0 is those of a second."},
		func(l *routing.Limits) any { return &l.MaxQPSBurst }, func(c *routing.LimitChanges) any { return &c.MaxQPSBurst }},
	{Setting{Key: "max_bps", Kind: KindSize, Default: "0", Unit: "bytes a second",
		Doc: "Bytes a second to and from all clients of one tenant; beyond, their next transaction is delayed."},
		func(l *routing.Limits) any { return &l.MaxBPS }, func(c *routing.LimitChanges) any { return &c.MaxBPS }},
	{Setting{Key: "max_bps_burst", Kind: KindSize, Default: "0", Unit: "bytes",
		Doc: "Bytes that may pass at once after a pause; 0 is those of a second."},
		func(l *routing.Limits) any { return &l.MaxBPSBurst }, func(c *routing.LimitChanges) any { return &c.MaxBPSBurst }},
	{Setting{Key: "query_wait_timeout", Kind: KindDuration, Doc: "How long a client waits for a server connection, or is delayed by max_qps and max_bps; default what the top says."},
		func(l *routing.Limits) any { return &l.QueryWaitTimeout }, func(c *routing.LimitChanges) any { return &c.QueryWaitTimeout }},
	{Setting{Key: "query_timeout", Kind: KindDuration, Doc: "How long one query may run before it is cancelled; default what the top says."},
		func(l *routing.Limits) any { return &l.QueryTimeout }, func(c *routing.LimitChanges) any { return &c.QueryTimeout }},
	{Setting{Key: "transaction_timeout", Kind: KindDuration, Doc: "How long one transaction may last; default what the top says."},
		func(l *routing.Limits) any { return &l.TransactionTimeout }, func(c *routing.LimitChanges) any { return &c.TransactionTimeout }},
	{Setting{Key: "idle_transaction_timeout", Kind: KindDuration, Doc: "How long a client may sit idle inside a transaction, a COPY, a batch or a message; default what the top says."},
		func(l *routing.Limits) any { return &l.IdleTransactionTimeout }, func(c *routing.LimitChanges) any { return &c.IdleTransactionTimeout }},
	{Setting{Key: "client_idle_timeout", Kind: KindDuration, Doc: "How long a client may sit idle outside a transaction; default what the top says."},
		func(l *routing.Limits) any { return &l.ClientIdleTimeout }, func(c *routing.LimitChanges) any { return &c.ClientIdleTimeout }},
}

func routeLimits() (fields []field[rawRoute]) {
	for _, l := range limits {
		l.Section, l.Reloadable = "route", true
		fields = append(fields, field[rawRoute]{l.Setting, func(r *rawRoute) any { return l.ofRoute(&r.Limits) }})
	}
	return fields
}

func tenantLimits() (fields []field[rawTenant]) {
	for _, l := range limits {
		l.Section, l.Reloadable = "tenant", true
		l.Default, l.Doc = "", "As in the route, for this tenant."
		fields = append(fields, field[rawTenant]{l.Setting, func(t *rawTenant) any { return l.ofTenant(&t.limits) }})
	}
	return fields
}

// LimitValue is one limit by its key and in words, "" if it is off.
type LimitValue struct{ Key, Value string }

// LimitValues gives every limit that a route or a tenant may have.
func LimitValues(of routing.Limits) (all []LimitValue) {
	for _, l := range limits {
		v := LimitValue{Key: l.Key}
		switch p := l.ofRoute(&of).(type) {
		case *int:
			if *p != 0 {
				v.Value = strconv.Itoa(*p)
			}
		case *time.Duration:
			if *p != 0 {
				v.Value = p.String()
			}
		default:
			panic(fmt.Sprintf("BUG: a limit of type %T", p))
		}
		all = append(all, v)
	}
	return all
}

// defaultLimits are those that the top of the file gives every route.
func (c *Config) defaultLimits() routing.Limits {
	return routing.Limits{
		MaxPrepared:            c.Prepared.PerClient,
		QueryWaitTimeout:       c.QueryWaitTimeout,
		QueryTimeout:           c.QueryTimeout,
		TransactionTimeout:     c.TransactionTimeout,
		IdleTransactionTimeout: c.IdleTransactionTimeout,
		ClientIdleTimeout:      c.ClientIdleTimeout,
	}
}
