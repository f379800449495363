package admin

import (
	"slices"
	"time"

	"tenantpool/proxy"
)

// The counts of PgBouncer's statistics, in its order. A database is a tenant here.
var (
	counted = []string{"server_assignment_count", "xact_count", "query_count", "bytes_received", "bytes_sent",
		"xact_time", "query_time", "wait_time", "client_parse_count", "server_parse_count", "bind_count"}
	totalNames = []string{"total_server_assignment_count", "total_xact_count", "total_query_count", "total_received", "total_sent",
		"total_xact_time", "total_query_time", "total_wait_time", "total_client_parse_count", "total_server_parse_count", "total_bind_count"}
	averageNames = []string{"avg_server_assignment_count", "avg_xact_count", "avg_query_count", "avg_recv", "avg_sent",
		"avg_xact_time", "avg_query_time", "avg_wait_time", "avg_client_parse_count", "avg_server_parse_count", "avg_bind_count"}
)

// totals are a tenant's counts, in that order; times are in microseconds.
func totals(t proxy.TenantStats) []int64 {
	return []int64{t.Assignments, t.Transactions, t.Queries, t.BytesReceived, t.BytesSent,
		t.TransactionTime.Microseconds(), t.QueryTime.Microseconds(), t.WaitTime.Microseconds(), t.ClientParses, t.ServerParses, t.Binds}
}

// averages are what the counts have grown by in a second; times are per transaction, query and
// assignment.
func averages(now, before []int64, took time.Duration) []int64 {
	avg := make([]int64, len(now))
	for i := range now {
		avg[i] = int64(float64(now[i]-before[i]) / took.Seconds())
	}
	for at, of := range map[int]int{5: 1, 6: 2, 7: 0} {
		avg[at] = (now[at] - before[at]) / max(1, now[of]-before[of])
	}
	return avg
}

// statRow is a row of a tenant's numbers.
func statRow(name string, lists ...[]int64) row {
	r := row{name}
	for _, list := range lists {
		for _, n := range list {
			r = append(r, n)
		}
	}
	return r
}

// measured are the counts and averages of every tenant.
func (c *Console) measured() (names []string, total, average [][]int64) {
	for _, t := range c.proxy.Snapshot().Tenants {
		before, took := c.rates.before(t.Tenant)
		now := totals(t)
		names = append(names, t.Tenant)
		total = append(total, now)
		average = append(average, averages(now, totals(before), took))
	}
	return names, total, average
}

func stats(c *call) (rows []row, err error) {
	names, total, average := c.s.console.measured()
	for i, name := range names {
		rows = append(rows, statRow(name, total[i], average[i], total[i][2:3]))
	}
	return rows, nil
}

func statsTotals(c *call) (rows []row, err error) {
	names, total, _ := c.s.console.measured()
	for i, name := range names {
		rows = append(rows, statRow(name, total[i]))
	}
	return rows, nil
}

func statsAverages(c *call) (rows []row, err error) {
	names, _, average := c.s.console.measured()
	for i, name := range names {
		rows = append(rows, statRow(name, average[i]))
	}
	return rows, nil
}

func sums(c *call) (rows []row, err error) {
	_, total, _ := c.s.console.measured()
	now, before := make([]int64, len(counted)), make([]int64, len(counted))
	took := time.Second
	for _, t := range c.s.console.proxy.Snapshot().Tenants {
		var past proxy.TenantStats
		past, took = c.s.console.rates.before(t.Tenant)
		for i, n := range totals(past) {
			before[i] += n
		}
	}
	for _, list := range total {
		for i, n := range list {
			now[i] += n
		}
	}
	all := slices.Concat(now, averages(now, before, took))
	for i, name := range slices.Concat(totalNames, averageNames) {
		rows = append(rows, row{name, all[i]})
	}
	return rows, nil
}
