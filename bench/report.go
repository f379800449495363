package main

import (
	"fmt"
	"strings"
)

// publish prints the tables, and writes them to the file with what they were
// measured on.
func publish(path, about string, results []Result) error {
	tables := report(results)
	fmt.Println(tables)
	if path == "" {
		return nil
	}
	old, err := readIfThere(path)
	if err != nil {
		return err
	}
	text := "# Results of `make bench`\n\n" + about + "\n" + tables
	if err := writeSections(path, append([]string{text}, ofParts(old)...)); err != nil || path != resultsFile {
		return err
	}
	return drawPlots(plots, results)
}

// report is the two tables, what their columns mean, and what went wrong.
func report(results []Result) string {
	var text strings.Builder
	text.WriteString("## Medians\n\n" + figureTable(results) + "\n")
	if ratios := ratioTable(results); ratios != "" {
		text.WriteString("## Ratios\n\n" + ratios + "\n")
	}
	if targets := targetTable(results); targets != "" {
		text.WriteString("## Targets\n\n" + targets + "\n")
	}
	text.WriteString("## Reading the tables\n\n" + legend)
	for _, note := range notes(results) {
		text.WriteString("* " + note + "\n")
	}
	return text.String()
}

const legend = `* A figure is the median over the rounds. A ratio is the median over the rounds of tenantpool's figure divided by the other's
  in the same round, so it may differ a little from the quotient of two medians. For tps more is better, for the rest less.
* spread: (highest - lowest) / median of tps over the rounds.
* p50, p99: latency as pgbench sees it, from every single transaction of the window.
* pooler CPU: user and system time of all its threads (/proc/PID/task/*/schedstat, nanoseconds), per transaction of the window.
* RSS, own: the pooler's VmRSS and RssAnon, the highest seen in the window. Each scenario starts a fresh pooler.
* server CPU: the same for all processes of Postgres. all CPU: of pgbench, pooler and Postgres together. Where these three keep
  the machine busy, tps is the number of CPUs divided by it; it suffers less than tps from what else the machine does.
* noise: the part of all CPUs used by neither pgbench, pooler nor Postgres. Above some 5 % the row is worth repeating.
`

// notes are what a reader must know about these results in particular.
func notes(results []Result) []string {
	var notes []string
	for _, r := range results {
		for _, s := range r.Series {
			if s.Protocol != r.Scenario.Protocol {
				notes = append(notes, fmt.Sprintf("%s, %s: n/a for this version, which keeps no prepared statements in transaction mode. "+
					"Its row is the %s protocol instead, which plans each query again.", r.Scenario.Name, s.Contender, s.Protocol))
			}
			for _, fault := range s.Faults {
				line, _, _ := strings.Cut(fault, "\n")
				notes = append(notes, fmt.Sprintf("%s, %s: FAILED: %s", r.Scenario.Name, s.Contender, line))
			}
		}
	}
	return notes
}
