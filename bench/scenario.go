package main

import (
	"fmt"
	"strings"
)

// The protocol modes of pgbench -M.
const (
	simple   = "simple"
	extended = "extended"
	prepared = "prepared"
)

// poolSize is the number of server connections each pooler may have.
const poolSize = 20

// A Scenario is one kind of load.
type Scenario struct {
	Name     string
	About    string
	Protocol string
	Clients  int
	Script   string // SQL of one transaction; "" is pgbench's built-in select
	TLS      bool   // between the clients and the pooler
}

// bigResult returns 1 MiB in 16 rows. They are stored uncompressed and out of
// line, so that making the result costs the server little.
const bigResult = "SELECT body FROM blobs;\n"

var scenarios = []Scenario{
	{"simple-32", "one row by key, simple protocol", simple, 32, "", false},
	{"extended-32", "one row by key, extended protocol", extended, 32, "", false},
	{"prepared-32", "one row by key, prepared", prepared, 32, "", false},
	{"simple-200", "one row by key, simple protocol", simple, 200, "", false},
	{"extended-200", "one row by key, extended protocol", extended, 200, "", false},
	{"prepared-200", "one row by key, prepared", prepared, 200, "", false},
	{"result-1MB", "16 rows of 64 KiB, simple protocol", simple, 8, bigResult, false},
	{"simple-tls-32", "one row by key, simple protocol, TLS with the clients", simple, 32, "", true},
	{"prepared-tls-32", "one row by key, prepared, TLS with the clients", prepared, 32, "", true},
	{"result-1MB-tls", "16 rows of 64 KiB, simple protocol, TLS with the clients", simple, 8, bigResult, true},
}

// selectScenarios finds the scenarios whose name holds the text. That of
// switching is not among them.
func selectScenarios(text string) ([]Scenario, error) {
	var found []Scenario
	var names []string
	for _, s := range scenarios {
		names = append(names, s.Name)
		if strings.Contains(s.Name, text) {
			found = append(found, s)
		}
	}
	if len(found) == 0 && !strings.Contains(switching, text) {
		return nil, fmt.Errorf("no scenario's name holds %q: there are %s", text, strings.Join(append(names, switching), ", "))
	}
	return found, nil
}
