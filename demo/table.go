package demo

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// maxErrorsShown keeps a tenant with thousands of equal errors from filling the screen.
const maxErrorsShown = 5

// report prints the table and the verdict; it returns whether all is clean: no error, no foreign row,
// and never more server connections than allowed.
func (s *stage) report(w *watch) bool {
	fmt.Fprintln(s.out)
	writeTable(s.out, s.results)
	var clean, rows, foreign, failures = true, 0, 0, 0
	for _, r := range s.results {
		rows, foreign, failures = rows+r.rows, foreign+r.foreign, failures+len(r.errors)
		clean = clean && r.clean()
		writeErrors(s.out, r)
	}
	fmt.Fprintf(s.out, "\n%d clients of %d tenants on at most %d server connections (pool_size = %d)\n",
		s.clients*s.tenants, s.tenants, w.most(), s.poolSize)
	excess := w.excess(s.poolSize)
	for _, connection := range excess {
		fmt.Fprintf(s.out, "  too many: %s\n", connection)
	}
	fmt.Fprintf(s.out, "%s rows checked through the pooler and in the schemas: %d foreign rows, %d errors\n",
		thousands(rows), foreign, failures)
	return clean && len(excess) == 0
}

func writeTable(out io.Writer, results []*result) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")+"\t") }
	row("", "tps", "", "", "latency ms", "", "trans-", "", "rows", "foreign", "")
	row("tenant", "simple", "extended", "prepared", "p50", "p99", "actions", "switches", "checked", "rows", "errors")
	for _, r := range results {
		sorted := r.sortedLatencies()
		row(r.tenant, tps(r, "simple"), tps(r, "extended"), tps(r, "prepared"),
			milliseconds(percentile(sorted, 50)), milliseconds(percentile(sorted, 99)),
			thousands(r.counted), r.switches, thousands(r.rows), thousands(r.foreign), strconv.Itoa(len(r.errors)))
	}
	w.Flush()
}

// writeErrors prints the first few different errors of a tenant.
func writeErrors(out io.Writer, r *result) {
	different := slices.Compact(slices.Sorted(slices.Values(r.errors)))
	for i, text := range different {
		if i == maxErrorsShown {
			fmt.Fprintf(out, "  %s: %d more\n", r.tenant, len(different)-i)
			return
		}
		fmt.Fprintf(out, "  %s: %s\n", r.tenant, text)
	}
}

func tps(r *result, protocol string) string { return thousands(int(r.tps[protocol])) }

func milliseconds(us uint32) string { return fmt.Sprintf("%.2f", float64(us)/1000) }

// thousands writes a number that is not negative with its digits in groups of three.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
