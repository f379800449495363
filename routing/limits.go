package routing

import "time"

// MaxWeight is the greatest weight that a tenant may have.
const MaxWeight = 1000

// Limits bound what the clients of one tenant may do. Each is of one pooler; 0
// is off, save where it says otherwise.
type Limits struct {
	MaxClients  int // connected at once
	MaxServers  int // server connections held at once
	MaxWaiting  int // clients that wait for one
	MaxPrepared int // prepared statements of one client
	Weight      int // share of a busy pool; 0 counts as 1

	MaxQPS, MaxQPSBurst int // queries a second, of all its clients; how many may come at once, 0: those of a second
	MaxBPS, MaxBPSBurst int // bytes a second in both directions; likewise

	QueryWaitTimeout       time.Duration // waiting for a server connection, or for its turn under MaxQPS and MaxBPS
	QueryTimeout           time.Duration // one query
	TransactionTimeout     time.Duration
	IdleTransactionTimeout time.Duration
	ClientIdleTimeout      time.Duration
}

// LimitChanges are what one tenant's entry says about its limits. Nil leaves it
// to the rule.
type LimitChanges struct {
	MaxClients, MaxServers, MaxWaiting, MaxPrepared, Weight *int
	MaxQPS, MaxQPSBurst, MaxBPS, MaxBPSBurst                *int

	QueryWaitTimeout, QueryTimeout, TransactionTimeout *time.Duration
	IdleTransactionTimeout, ClientIdleTimeout          *time.Duration
}

// with gives the limits of a tenant under a rule.
func (l Limits) with(c *LimitChanges) Limits {
	if c == nil {
		c = &LimitChanges{}
	}
	return Limits{
		MaxClients:             valueOr(c.MaxClients, l.MaxClients),
		MaxServers:             valueOr(c.MaxServers, l.MaxServers),
		MaxWaiting:             valueOr(c.MaxWaiting, l.MaxWaiting),
		MaxPrepared:            valueOr(c.MaxPrepared, l.MaxPrepared),
		Weight:                 max(1, valueOr(c.Weight, l.Weight)),
		MaxQPS:                 valueOr(c.MaxQPS, l.MaxQPS),
		MaxQPSBurst:            valueOr(c.MaxQPSBurst, l.MaxQPSBurst),
		MaxBPS:                 valueOr(c.MaxBPS, l.MaxBPS),
		MaxBPSBurst:            valueOr(c.MaxBPSBurst, l.MaxBPSBurst),
		QueryWaitTimeout:       valueOr(c.QueryWaitTimeout, l.QueryWaitTimeout),
		QueryTimeout:           valueOr(c.QueryTimeout, l.QueryTimeout),
		TransactionTimeout:     valueOr(c.TransactionTimeout, l.TransactionTimeout),
		IdleTransactionTimeout: valueOr(c.IdleTransactionTimeout, l.IdleTransactionTimeout),
		ClientIdleTimeout:      valueOr(c.ClientIdleTimeout, l.ClientIdleTimeout),
	}
}
