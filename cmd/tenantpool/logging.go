package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"tenantpool/config"
	"tenantpool/logs"
	"tenantpool/proxy"
)

// The log's lines about what has been counted.
const (
	statsMessage  = "stats"
	totalsMessage = "last minute"
)

// newLog logs as the configuration says.
func newLog(c config.Log, w io.Writer) *logs.Log {
	return logs.New(logs.Options{Level: c.Level, Format: c.Format, Plain: []string{statsMessage, totalsMessage}}, w)
}

// logTotals logs once a minute what all tenants together have done in it, until
// ctx ends. A minute in which nothing happened is not told.
func logTotals(ctx context.Context, p *proxy.Proxy, log *slog.Logger) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	before := totals(p)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := totals(p)
		if now.Queries > before.Queries || now.Errors > before.Errors {
			log.Info(totalsMessage, difference(&before, &now)...)
		}
		before = now
	}
}

func totals(p *proxy.Proxy) (sum proxy.TenantStats) {
	all := p.TenantStats()
	for i := range all {
		sum.Merge(&all[i])
	}
	sum.PinsBy = nil
	return sum
}

// difference says what a minute has added.
func difference(before, now *proxy.TenantStats) []any {
	queries, transactions := now.Queries-before.Queries, now.Transactions-before.Transactions
	assigned := now.Assignments - before.Assignments
	return []any{"clients", now.Clients, "waiting", now.Waiting, "transactions", transactions, "queries", queries,
		"received", now.BytesReceived - before.BytesReceived, "sent", now.BytesSent - before.BytesSent,
		"mean_transaction", mean(now.TransactionTime-before.TransactionTime, transactions),
		"mean_query", mean(now.QueryTime-before.QueryTime, queries), "mean_wait", mean(now.WaitTime-before.WaitTime, assigned),
		"errors", now.Errors - before.Errors}
}

func mean(sum time.Duration, n int64) time.Duration {
	return (sum / time.Duration(max(n, 1))).Round(time.Microsecond)
}
