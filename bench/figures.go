package main

import (
	"fmt"
	"math"
	"time"
)

// A figure is one column: how to read it from a measurement (NaN if it is not
// there) and how to write it down.
type figure struct {
	title string // in the table of medians
	short string // in the table of ratios
	value func(Measurement) float64
	write func(float64) string
}

var (
	tps    = figure{"tps", "tps", func(m Measurement) float64 { return m.TPS }, decimals(0)}
	p50    = figure{"p50 ms", "p50", func(m Measurement) float64 { return inMillis(m.P50) }, decimals(2)}
	p99    = figure{"p99 ms", "p99", func(m Measurement) float64 { return inMillis(m.P99) }, decimals(2)}
	cpu    = figure{"pooler CPU µs/txn", "CPU", func(m Measurement) float64 { return known(inMicros(m.CPU)) }, decimals(1)}
	rss    = figure{"RSS MiB", "RSS", func(m Measurement) float64 { return known(inMiB(m.Memory.RSS)) }, decimals(1)}
	anon   = figure{"own MiB", "own", func(m Measurement) float64 { return known(inMiB(m.Memory.Anon)) }, decimals(1)}
	server = figure{"server CPU µs/txn", "server CPU", func(m Measurement) float64 { return inMicros(m.ServerCPU) }, decimals(0)}
	all    = figure{"all CPU µs/txn", "all CPU", func(m Measurement) float64 { return inMicros(m.AllCPU) }, decimals(0)}
	noise  = figure{"noise", "noise", func(m Measurement) float64 { return m.Noise }, percent}
)

// of is the figure of one round, NaN if that failed.
func (f figure) of(m Measurement) float64 {
	if m.Txns == 0 {
		return math.NaN()
	}
	return f.value(m)
}

// values are the figure in every round that has it.
func (f figure) values(s *Series) []float64 {
	var values []float64
	for _, m := range s.Rounds {
		if v := f.of(m); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	return values
}

// median is the figure's median, written; "-" where there is none.
func (f figure) median(s *Series) string {
	values := f.values(s)
	if len(values) == 0 {
		return "-"
	}
	return f.write(median(values))
}

// ratio is the median over the rounds of subject's figure divided by
// reference's of the same round; "-" where there is none.
func (f figure) ratio(subject, reference *Series) string {
	r := f.ratioOf(subject, reference)
	if math.IsNaN(r) {
		return "-"
	}
	return fmt.Sprintf("%.2fx", r)
}

// ratioOf is ratio as a number, NaN where there is none.
func (f figure) ratioOf(subject, reference *Series) float64 {
	var ratios []float64
	for i := range min(len(subject.Rounds), len(reference.Rounds)) {
		if r := f.of(subject.Rounds[i]) / f.of(reference.Rounds[i]); !math.IsNaN(r) {
			ratios = append(ratios, r)
		}
	}
	return median(ratios)
}

// known is v, or NaN if v is 0: what there is no process for was not measured.
func known(v float64) float64 {
	if v == 0 {
		return math.NaN()
	}
	return v
}

func inMillis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func inMicros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func inMiB(bytes int64) float64        { return float64(bytes) / (1 << 20) }

func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", inMillis(d)) }
func micros(d time.Duration) string { return fmt.Sprintf("%.1f µs", inMicros(d)) }

func decimals(n int) func(float64) string {
	return func(v float64) string { return fmt.Sprintf("%.*f", n, v) }
}

func percent(v float64) string { return fmt.Sprintf("%.0f%%", 100*v) }
