package soak

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Kind is what a finding is about.
type Kind string

// The kinds of findings.
const (
	Foreign    Kind = "foreign row"
	Leftover   Kind = "leftover"
	Unexpected Kind = "unexpected error"
)

// Finding is one thing that must not be, with the evidence.
type Finding struct {
	Kind    Kind     `json:"kind"`
	Tenant  string   `json:"tenant"`
	Client  int      `json:"client"` // its dice follow from the seed and this number
	Server  string   `json:"server"` // the server process of its last row
	Text    string   `json:"text"`
	Actions []string `json:"actions"` // its last ones, oldest first
}

// Pooler is what the pooler itself counted, for one that runs in the same process.
type Pooler struct {
	Switches uint64            `json:"switches"`
	Logins   uint64            `json:"logins"` // of server connections
	Waits    uint64            `json:"waits"`
	Pins     uint64            `json:"pins"`
	Discards map[string]uint64 `json:"discards"` // of server connections, by reason
}

// Report is the outcome of a soak.
type Report struct {
	Server       string         `json:"server"` // Postgres' version
	Isolation    string         `json:"isolation"`
	Route        int            `json:"route"` // the first is 1
	Tenants      int            `json:"tenants"`
	Clients      int            `json:"clients"`
	Seed         uint64         `json:"seed"`
	Seconds      float64        `json:"seconds"`
	Transactions int            `json:"transactions"`
	Rows         int            `json:"rows"`
	Looks        int            `json:"looks"`
	Departures   int            `json:"departures"`
	Ledger       int            `json:"ledger"`   // rows committed, and found again
	Tricks       map[string]int `json:"tricks"`   // how often each was done
	Refusals     map[string]int `json:"refusals"` // that were due, by SQLSTATE
	Pooler       *Pooler        `json:"pooler,omitempty"`
	Foreign      int            `json:"foreign"`
	Leftovers    int            `json:"leftovers"`
	Unexpected   int            `json:"unexpected"`
	Findings     []Finding      `json:"findings"` // the first ones of each kind
}

// OK says that nothing was found.
func (r *Report) OK() bool { return r.Foreign+r.Leftovers+r.Unexpected == 0 }

// Write prints the report for people.
func (r *Report) Write(out io.Writer) {
	fmt.Fprintf(out, "\nPostgres %s, isolation %q by route %d: %d clients of %d tenants, %.1f s, seed %d\n\n",
		r.Server, r.Isolation, r.Route, r.Clients, r.Tenants, r.Seconds, r.Seed)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(what string, n int) { fmt.Fprintf(w, "%s\t%s\n", what, thousands(n)) }
	line("transactions checked", r.Transactions)
	line("rows checked", r.Rows)
	line("looks at a session", r.Looks)
	line("departures", r.Departures)
	line("rows written and found again", r.Ledger)
	if p := r.Pooler; p != nil {
		line("switches of server connections", int(p.Switches))
		line("server connections opened", int(p.Logins))
		line("waits for a server connection", int(p.Waits))
		line("sessions pinned", int(p.Pins))
		section(w, "server connections discarded", p.Discards)
	}
	section(w, "tricks", r.Tricks)
	section(w, "refusals that were due", r.Refusals)
	fmt.Fprintln(w, "\t")
	line("foreign rows seen", r.Foreign)
	line("leftovers seen", r.Leftovers)
	line("unexpected errors", r.Unexpected)
	w.Flush() //nolint:errcheck // standard output
	for _, f := range r.Findings {
		f.write(out)
	}
}

// section lists counts under a heading, the greatest first.
func section[N int | uint64](w io.Writer, heading string, counts map[string]N) {
	fmt.Fprintf(w, "%s:\t\n", heading)
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return int(counts[b]) - int(counts[a])
		}
		return strings.Compare(a, b)
	})
	for _, k := range keys {
		if counts[k] > 0 {
			fmt.Fprintf(w, "  %s\t%s\n", k, thousands(int(counts[k])))
		}
	}
}

func (f *Finding) write(out io.Writer) {
	fmt.Fprintf(out, "\n%s: client %d of tenant %q, server process %s: %s\n",
		strings.ToUpper(string(f.Kind)), f.Client, f.Tenant, f.Server, f.Text)
	if f.Kind != Unexpected {
		fmt.Fprintf(out, "  what it did last:\n")
	}
	actions := f.Actions
	if f.Kind == Unexpected {
		actions = actions[max(0, len(actions)-8):]
	}
	for _, a := range actions {
		fmt.Fprintf(out, "    %s\n", a)
	}
}

// thousands writes a number that is not negative with its digits in groups of three.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
