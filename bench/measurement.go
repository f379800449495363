package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// A Measurement is what one contender did in one round, within a window that
// leaves out connecting and warming up. Every figure is of the same window.
type Measurement struct {
	Window    time.Duration
	Txns      int
	TPS       float64       // transactions per second
	P50       time.Duration // latency, from all transactions of the window
	P99       time.Duration
	CPU       time.Duration // of the pooler, per transaction
	ServerCPU time.Duration // of Postgres, per transaction
	AllCPU    time.Duration // of pgbench, pooler and Postgres, per transaction
	Noise     float64       // part of the machine's CPUs that others used
	Memory    memory        // of the pooler, the highest seen
}

// measure cuts the window: from the first sample that is at least warmup after
// the first transaction, to the last sample before the last transaction.
func measure(txns []Txn, samples []Sample, warmup time.Duration) (Measurement, error) {
	if len(txns) == 0 {
		return Measurement{}, fmt.Errorf("pgbench ran no transaction")
	}
	byEnd := func(a, b Txn) int { return a.End.Compare(b.End) }
	from := slices.MinFunc(txns, byEnd).End.Add(warmup)
	to := slices.MaxFunc(txns, byEnd).End
	inside := within(samples, from, to)
	if len(inside) < 2 {
		return Measurement{}, fmt.Errorf("pgbench stopped too early to measure")
	}
	first, last := inside[0], inside[len(inside)-1]
	latencies := latenciesWithin(txns, first.At, last.At)
	if len(latencies) == 0 {
		return Measurement{}, fmt.Errorf("no transaction ended in %s", last.At.Sub(first.At))
	}
	m := summarize(first, last, latencies)
	for _, s := range inside {
		m.Memory.RSS = max(m.Memory.RSS, s.Memory.RSS)
		m.Memory.Anon = max(m.Memory.Anon, s.Memory.Anon)
	}
	return m, nil
}

func within(samples []Sample, from, to time.Time) []Sample {
	var inside []Sample
	for _, s := range samples {
		if !s.At.Before(from) && !s.At.After(to) {
			inside = append(inside, s)
		}
	}
	return inside
}

// latenciesWithin are those of the transactions that ended after from, up to
// and at to; sorted.
func latenciesWithin(txns []Txn, from, to time.Time) []time.Duration {
	var latencies []time.Duration
	for _, t := range txns {
		if t.End.After(from) && !t.End.After(to) {
			latencies = append(latencies, t.Latency)
		}
	}
	slices.Sort(latencies)
	return latencies
}

// summarize needs at least one latency; they are sorted.
func summarize(first, last Sample, latencies []time.Duration) Measurement {
	window := last.At.Sub(first.At)
	n := time.Duration(len(latencies))
	pooler, server := last.Pooler-first.Pooler, last.Server-first.Server
	all := pooler + server + last.Load - first.Load
	others := last.Busy - first.Busy - all
	return Measurement{
		Window:    window,
		Txns:      len(latencies),
		TPS:       float64(len(latencies)) / window.Seconds(),
		P50:       percentile(latencies, 0.50),
		P99:       percentile(latencies, 0.99),
		CPU:       pooler / n,
		ServerCPU: server / n,
		AllCPU:    all / n,
		Noise:     max(0, others.Seconds()/window.Seconds()/float64(runtime.NumCPU())),
	}
}
