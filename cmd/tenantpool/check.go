package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"tenantpool/config"
)

// finding is one fault or warning of a check, as --json shows it.
type finding struct {
	Severity string `json:"severity"` // "error" or "warning"
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Text     string `json:"text"`
}

// checked is all that a check has found.
type checked struct {
	File      string    `json:"file"`
	OK        bool      `json:"ok"`
	Problems  []finding `json:"problems"`
	Listeners int       `json:"listeners"`
	Clusters  int       `json:"clusters"`
	Routes    int       `json:"routes"`
	Tenants   int       `json:"tenants"`
	Connected []string  `json:"connected,omitempty"` // what --connect has seen, one line a cluster
}

// runCheck implements tenantpool check: it reads a configuration the way run
// does, prints every fault and warning to stderr, and one line that sums up a
// good one to stdout. The exit status is 0 for a good one, 1 for a faulty one.
func runCheck(args []string, stdout, stderr io.Writer) int {
	flags := newFlags("check")
	file := fileFlag(flags)
	connect := flags.Bool("connect", false, "log in to every cluster, and look for what the tenants need there")
	timeout := flags.Duration("timeout", 10*time.Second, "how long --connect may take for one cluster")
	asJSON := flags.Bool("json", false, "print all that was found as JSON on standard output")
	if _, err := parseArgs(flags, args, stderr); err != nil {
		return misuse(err)
	}
	debug.SetGCPercent(400) // a short life: collecting takes longer than it frees
	r := checked{File: *file, Problems: []finding{}}
	c := r.read(*file)
	if c != nil && *connect {
		clearEnvironment()
		r.connect(context.Background(), c, *timeout)
	}
	if *asJSON {
		printJSON(stdout, r)
	} else {
		r.print(stdout, stderr)
	}
	if !r.OK {
		return 1
	}
	return 0
}

// read loads the configuration; nil if it is faulty.
func (r *checked) read(file string) *config.Inspection {
	c, err := config.Inspect(file)
	var faults config.Problems
	switch {
	case errors.As(err, &faults):
		r.add("error", faults)
		return nil
	case err != nil:
		r.add("error", config.Problems{{File: file, Text: err.Error()}})
		return nil
	}
	r.OK = true
	r.add("warning", c.Warnings)
	r.Listeners, r.Clusters, r.Routes, r.Tenants = len(c.Listen), len(c.Clusters), len(c.Rules), len(c.Tenants)
	return c
}

func (r *checked) add(severity string, list config.Problems) {
	for _, p := range list {
		r.Problems = append(r.Problems, finding{severity, p.File, p.Line, p.Col, p.Text})
	}
}

func (r *checked) print(stdout, stderr io.Writer) {
	for _, f := range r.Problems {
		at := config.Problem{File: f.File, Line: f.Line, Col: f.Column}.Position()
		if f.Severity == "warning" {
			at += ": warning"
		}
		fmt.Fprintf(stderr, "%s: %s\n", at, f.Text)
	}
	for _, line := range r.Connected {
		fmt.Fprintln(stdout, line)
	}
	if r.OK {
		fmt.Fprintf(stdout, "%s: ok: %s, %s, %s, %s\n", r.File, count(r.Listeners, "listener"),
			count(r.Clusters, "cluster"), count(r.Routes, "route"), count(r.Tenants, "listed tenant"))
	}
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
