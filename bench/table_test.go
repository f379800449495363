package main

import (
	"strings"
	"testing"
	"time"
)

// rounds is a series of rounds with these tps, and a p99 of 1 s / tps; 0 is a
// round that failed.
func rounds(contender, protocol string, all ...float64) *Series {
	s := &Series{Contender: contender, Protocol: protocol}
	for _, v := range all {
		m := Measurement{TPS: v, Txns: int(v)}
		if v > 0 {
			m.P99 = time.Duration(float64(time.Second) / v)
			m.AllCPU = m.P99
		}
		s.Rounds = append(s.Rounds, m)
	}
	return s
}

func TestARatioComparesEachRoundWithItsOwn(t *testing.T) {
	ours := rounds("tenantpool", simple, 100, 300, 900)
	theirs := rounds("pgbouncer", simple, 50, 100, 900)
	if got := tps.ratio(ours, theirs); got != "2.00x" {
		t.Errorf("tps: %s", got)
	}
	if got := p99.ratio(ours, theirs); got != "0.50x" {
		t.Errorf("p99: %s", got)
	}
}

func TestAFailedRoundCountsForNobody(t *testing.T) {
	ours := rounds("tenantpool", simple, 100, 0, 100)
	theirs := rounds("pgbouncer", simple, 0, 900, 50)
	if got := tps.ratio(ours, theirs); got != "2.00x" {
		t.Errorf("ratio: %s", got)
	}
	if got := tps.median(ours); got != "100" {
		t.Errorf("median: %s", got)
	}
	if got := tps.ratio(ours, rounds("direct", simple, 0, 0, 0)); got != "-" {
		t.Errorf("ratio to nothing: %s", got)
	}
}

func TestWhatWasNotMeasuredIsADash(t *testing.T) {
	direct := rounds("direct", simple, 100)
	for _, f := range []figure{cpu, rss, anon} {
		if got := f.median(direct); got != "-" {
			t.Errorf("%s without a pooler: %s", f.title, got)
		}
	}
	if got := noise.median(direct); got != "0%" {
		t.Errorf("noise: %s", got)
	}
	if got := spreadOf(direct); got != "-" {
		t.Errorf("spread of one round: %s", got)
	}
}

func TestATableIsMarkdownInStraightColumns(t *testing.T) {
	got := table([][]string{{"a", "who", "µs"}, {"long name", "x", "1234.5"}})
	want := "" +
		"| a         | who |     µs |\n" +
		"|-----------|-----|-------:|\n" +
		"| long name | x   | 1234.5 |\n"
	if got != want {
		t.Errorf("\n%swant\n%s", got, want)
	}
}

func TestAnotherProtocolIsNamedInTheRowAndInANote(t *testing.T) {
	results := []Result{{Scenario{Name: "prepared-32", Protocol: prepared}, []*Series{
		rounds("tenantpool", prepared, 300, 330), rounds("pgbouncer", extended, 100, 110)}}}
	got := report(results)
	for _, want := range []string{"| pgbouncer (extended) |", "3.00x", "prepared-32, pgbouncer: n/a for this version"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "tenantpool (") {
		t.Errorf("a protocol that was asked for is named:\n%s", got)
	}
}

func TestARowNamesWhatFailed(t *testing.T) {
	s := rounds("pgbouncer", simple, 0)
	s.Faults = []string{"pgbench ended by itself (exit status 1):\nmore"}
	results := []Result{{Scenario{Name: "simple-32", Protocol: simple}, []*Series{s}}}
	want := "* simple-32, pgbouncer: FAILED: pgbench ended by itself (exit status 1):\n"
	if got := report(results); !strings.HasSuffix(got, want) {
		t.Errorf("the report ends without the fault:\n%s", got)
	}
	if err := failures(results); err == nil {
		t.Error("and the program would not fail")
	}
}

func TestWithoutTenantpoolThereAreNoRatios(t *testing.T) {
	results := []Result{{Scenario{Name: "simple-32", Protocol: simple}, []*Series{
		rounds("pgbouncer", simple, 1), rounds("direct", simple, 2)}}}
	if got := ratioTable(results); got != "" {
		t.Error(got)
	}
}
