package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// status is how a pooler does, on one screen.
type status struct {
	Version   string   `json:"version"`
	Problems  []string `json:"problems"`  // what makes it degraded; empty if all is well
	State     record   `json:"state"`     // SHOW STATE
	Lists     record   `json:"lists"`     // SHOW LISTS
	Databases []record `json:"databases"` // SHOW DATABASES
	Pools     []record `json:"pools"`     // SHOW POOLS
	Held      []record `json:"held"`      // tenants that do not serve as usual
	Certs     []record `json:"certs"`     // SHOW CERTS
	Reloads   []record `json:"reloads"`   // SHOW RELOADS
}

// runStatus prints how the pooler that runs does. The exit status is 0 if all is well, 1 if something
// is not, 2 if it cannot be asked.
func runStatus(args []string, stdout, stderr io.Writer) int {
	f := newConsoleFlags("status", stderr)
	asJSON := f.Bool("json", false, "print it as JSON")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	o, err := f.connect(ctx)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	defer o.close()
	s, err := o.status(ctx)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	if *asJSON {
		out := json.NewEncoder(stdout)
		out.SetIndent("", "  ")
		_ = out.Encode(s)
	} else {
		s.print(stdout)
	}
	return min(len(s.Problems), 1)
}

// status asks for everything.
func (o *operator) status(ctx context.Context) (*status, error) {
	s := &status{State: record{}, Lists: record{}, Problems: []string{}, Held: []record{}}
	var failed error
	ask := func(command string) []record {
		rows, err := o.ask(ctx, command)
		failed = errors.Join(failed, err)
		return rows
	}
	for _, r := range ask("SHOW VERSION") {
		s.Version = r["version"]
	}
	for _, r := range ask("SHOW STATE") {
		s.State[r["key"]] = r["value"]
	}
	for _, r := range ask("SHOW LISTS") {
		s.Lists[r["list"]] = r["items"]
	}
	for _, r := range ask("SHOW TENANTS") {
		if r["state"] != "active" {
			s.Held = append(s.Held, r)
		}
	}
	s.Databases, s.Pools, s.Certs, s.Reloads = ask("SHOW DATABASES"), ask("SHOW POOLS"), ask("SHOW CERTS"), ask("SHOW RELOADS")
	s.judge()
	return s, failed
}

// judge finds what is not as it should be.
func (s *status) judge() {
	bad := func(format string, args ...any) { s.Problems = append(s.Problems, fmt.Sprintf(format, args...)) }
	for _, key := range []string{"paused", "suspended", "draining"} {
		if s.State[key] == "yes" {
			bad("everything is %s", key)
		}
	}
	for _, r := range s.Databases {
		if r["paused"] == "1" {
			bad("database %s is paused: RESUME %s", r["name"], r["name"])
		}
	}
	for _, r := range s.Pools {
		if r["problem"] != "" {
			bad("database %s: %s", r["database"], r["problem"])
		}
		if r.number("cl_waiting") > 0 && r.number("maxwait") > 0 {
			bad("database %s: %s clients wait, the first for %s s: see tenantpool top", r["database"], r["cl_waiting"], r["maxwait"])
		}
	}
	for _, r := range s.Certs {
		switch {
		case r["problem"] != "":
			bad("%s %s %s", r["used_for"], r["file"], r["problem"])
		case r.number("days_left") < 21:
			bad("%s %s ends in %s days", r["used_for"], r["file"], r["days_left"])
		}
	}
	if n := len(s.Reloads); n > 0 && s.Reloads[n-1]["result"] != "ok" {
		first, _, _ := strings.Cut(s.Reloads[n-1]["problems"], "\n")
		bad("the last reload failed: %s", first)
	}
}

func (s *status) print(out io.Writer) {
	word := "ok"
	if len(s.Problems) > 0 {
		word = "degraded"
	}
	fmt.Fprintf(out, "%s: %s\n", s.Version, word)
	for _, p := range s.Problems {
		fmt.Fprintf(out, "  ! %s\n", p)
	}
	fmt.Fprintf(out, "%s clients, %s waiting, %s tenants, %s server connections\n\n",
		s.Lists["used_clients"], s.Lists["waiting_clients"], s.Lists["tenants"], s.Lists["used_servers"])
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DATABASE\tACTIVE\tIDLE\tLOGIN\tSIZE\tCLIENTS\tWAITING\tMAXWAIT")
	for i, r := range s.Pools {
		size := ""
		if i < len(s.Databases) {
			size = s.Databases[i]["pool_size"]
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%.3f s\n", r["database"], r["sv_active"], r["sv_idle"], r["sv_login"], size,
			r.number("cl_active")+r.number("cl_waiting"), r["cl_waiting"], float64(r.number("maxwait"))+float64(r.number("maxwait_us"))/1e6)
	}
	_ = w.Flush()
	for _, r := range s.Held {
		fmt.Fprintf(out, "tenant %s is %s %s\n", r["name"], r["state"], r["reason"])
	}
}
