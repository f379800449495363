package demo

import (
	"slices"
	"time"
)

// result is everything known about one tenant.
type result struct {
	tenant    string
	tps       map[string]float64 // by protocol
	latencies []uint32           // of the same transactions, in microseconds
	counted   int                // transactions through the pooler
	writes    int                // TPC-B transactions, through whatever endpoint
	checks    int                // check transactions, likewise
	switches  string
	rows      int // rows that named their tenant, seen through the pooler
	foreign   int // and of them, those that named another
	errors    []string
}

// addWritten adds what a run of pgbench, through whatever endpoint, left in the tenant's tables.
func (r *result) addWritten(run outcome) {
	r.writes += run.writes
	r.checks += run.checks
}

// addRun adds a run through the pooler.
func (r *result) addRun(run outcome) {
	r.addWritten(run)
	r.counted += run.transactions
	r.rows += run.checks * rowsPerCheck
	r.foreign += run.foreign
	r.errors = append(r.errors, run.errors...)
}

// addFigures adds the speed of one of the runs that the table shows.
func (r *result) addFigures(protocol string, run outcome) {
	r.tps[protocol] = run.tps
	r.latencies = append(r.latencies, run.latencies...)
}

// addProof adds the last reading of the tenant's tables: as seen through the pooler, and as stored.
func (r *result) addProof(seen, stored ledger) {
	r.rows += seen.rows()
	r.foreign += max(seen.foreign(), stored.foreign())
	r.errors = append(r.errors, stored.faults(r.writes, r.checks)...)
	if seen != stored {
		r.errors = append(r.errors, "the pooler shows other tables than the tenant's schema holds")
	}
}

func (r *result) clean() bool { return r.foreign == 0 && len(r.errors) == 0 }

// sortedLatencies sorts the tenant's latencies in place and returns them.
func (r *result) sortedLatencies() []uint32 {
	slices.Sort(r.latencies)
	return r.latencies
}

// percentile returns the p-th percentile (nearest rank, 0 < p <= 100) of sorted values; 0 for none.
func percentile(sorted []uint32, p int) uint32 {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100
	return sorted[rank-1]
}

// together is what the runs of all tenants came to that began at once.
type together struct {
	runs    []outcome // by tenant
	elapsed time.Duration
}

// rate is transactions per second of the whole, however the tenants shared it, and the mean latency
// in ms of a transaction.
func (t together) rate() rate {
	var n int
	var us float64
	for _, run := range t.runs {
		n += len(run.latencies)
		for _, latency := range run.latencies {
			us += float64(latency)
		}
	}
	if n == 0 {
		return rate{}
	}
	return rate{tps: float64(n) / t.elapsed.Seconds(), latency: us / float64(n) / 1000}
}

func (t together) errors() (n int) {
	for _, run := range t.runs {
		n += len(run.errors)
	}
	return n
}
