package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A Target is a ratio that tenantpool is to reach in a scenario.
type Target struct {
	figure  figure
	against string // the contender
	bound   float64
	least   bool // else the ratio is to be at most bound
}

func atLeast(f figure, bound float64) Target { return Target{f, "pgbouncer", bound, true} }
func atMost(f figure, bound float64) Target  { return Target{f, "pgbouncer", bound, false} }

// nearBytes is the physical limit: a proxy that copies bytes.
var nearBytes = Target{cpu, "haproxy", 1.15, false}

func (t Target) String() string {
	word := "at most"
	if t.least {
		word = "at least"
	}
	return fmt.Sprintf("%s %s %.2fx of %s", t.figure.short, word, t.bound, t.against)
}

// judge is the ratio reached, and whether it is good enough; ok is false if it
// was not measured.
func (t Target) judge(r Result) (ratio float64, held, ok bool) {
	ours, theirs := r.find("tenantpool"), r.find(t.against)
	if ours == nil || theirs == nil {
		return 0, false, false
	}
	ratio = t.figure.ratioOf(ours, theirs)
	if math.IsNaN(ratio) {
		return 0, false, false
	}
	held = cmp.Compare(ratio, t.bound) >= 0
	if !t.least {
		held = ratio <= t.bound
	}
	return ratio, held, true
}

// targetTable says of every target that was measured whether it is reached.
func targetTable(results []Result) string {
	rows := [][]string{{"scenario", "target", "reached", "held"}}
	for _, r := range results {
		for _, t := range r.Scenario.Targets {
			if ratio, held, ok := t.judge(r); ok {
				rows = append(rows, []string{r.Scenario.Name, t.String(), fmt.Sprintf("%.2fx", ratio), yesNo(held)})
			}
		}
	}
	rows = append(rows, flatness(results)...)
	if len(rows) == 1 {
		return ""
	}
	return table(rows)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "NO"
}

// flat compares scenarios with each other: how much more tenantpool spends, or
// how much less it does, in the last than in the first.
var flat = []struct {
	from, to string
	figure   figure
	bound    float64
	least    bool
}{
	{"tenants-50", "tenants-60", tps, 0.7, true},
	{"curve-clients-100", "curve-clients-10000", cpu, 1.3, false},
	{"curve-tenants-100", "curve-tenants-1000", cpu, 1.3, false},
}

func flatness(results []Result) (rows [][]string) {
	named := func(name string) *Series {
		i := slices.IndexFunc(results, func(r Result) bool { return r.Scenario.Name == name })
		if i < 0 {
			return nil
		}
		return results[i].find("tenantpool")
	}
	for _, f := range flat {
		from, to := named(f.from), named(f.to)
		if from == nil || to == nil {
			continue
		}
		t := Target{f.figure, f.from, f.bound, f.least}
		ratio := f.figure.ratioOf(to, from)
		if math.IsNaN(ratio) {
			continue
		}
		held := f.least && ratio >= f.bound || !f.least && ratio <= f.bound
		rows = append(rows, []string{f.to, t.String(), fmt.Sprintf("%.2fx", ratio), yesNo(held)})
	}
	return rows
}
