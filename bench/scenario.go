package main

import (
	"fmt"
	"slices"
	"strings"
)

// The protocol modes of pgbench -M.
const (
	simple   = "simple"
	extended = "extended"
	prepared = "prepared"
)

// poolSize is the number of server connections each pooler may have where a
// scenario does not say otherwise.
const poolSize = 20

// A Scenario is one kind of load.
type Scenario struct {
	Name     string
	About    string
	Protocol string
	Clients  int
	Servers  int // server connections of a pooler; 0 is poolSize

	// Tenants, if not 0, is over how many tenants the clients are spread. Our own
	// driver then is the load, because all clients of a pgbench are one tenant's.
	Tenants int
	Load    Load
	Script  string // SQL of one transaction for pgbench instead of its built-in select

	TLS   bool // between the clients and the pooler
	SCRAM bool // clients log in with a password

	Targets []Target
	Without []string // contenders that cannot do this
}

// Load is what a client does.
type Load string

const (
	selects Load = ""         // reads one row by key
	writes  Load = "tpcb"     // the transaction of TPC-B that pgbench has built in
	connect Load = "connect"  // connects, reads one row, disconnects
	idle    Load = "idle"     // reads one row and stays
	copyOut Load = "copy-out" // COPY of copySize from the server
	copyIn  Load = "copy-in"  // COPY of copySize to the server
)

// servers is how many server connections a pooler may have.
func (s Scenario) servers() int {
	if s.Servers > 0 {
		return s.Servers
	}
	return poolSize
}

// ownDriver says that pgbench cannot make this load.
func (s Scenario) ownDriver() bool {
	return s.Tenants > 0 || s.Load == copyOut || s.Load == copyIn
}

// without says that the contender cannot do this: one that only passes bytes on
// can neither speak TLS nor ask for a password.
func (s Scenario) without(contender string) bool {
	return slices.Contains(s.Without, contender) || (s.TLS || s.SCRAM) && slices.Contains(bytesOnly, contender)
}

// clientsOf is how many clients drive the contender: without a pooler there are
// no more than server connections.
func (s Scenario) clientsOf(contender string) int {
	if contender == "direct" {
		return min(s.Clients, max(s.servers(), maxDirect))
	}
	return s.Clients
}

// maxDirect is how many clients the server itself is asked to bear where a
// pooler would have fewer connections.
const maxDirect = 50

// bigResult returns 1 MiB in 16 rows. They are stored uncompressed and out of
// line, so that making the result costs the server little.
const bigResult = "SELECT body FROM blobs;\n"

// bytesOnly are contenders that know nothing of sessions: every client has a
// server connection of its own.
var bytesOnly = []string{"haproxy", "pgpool"}

var scenarios = slices.Concat(oneTenant, bigOnes, manyTenants, loggingIn, writing, withTLS, curve)

var fasterSelects = []Target{atLeast(tps, 1.3), atMost(cpu, 0.8), atMost(p99, 1), nearBytes}

var oneTenant = []Scenario{
	{Name: "simple-32", About: "one row by key, simple protocol", Protocol: simple, Clients: 32, Targets: fasterSelects},
	{Name: "extended-32", About: "one row by key, extended protocol", Protocol: extended, Clients: 32, Targets: fasterSelects},
	{Name: "prepared-32", About: "one row by key, prepared", Protocol: prepared, Clients: 32, Targets: fasterSelects},
	{Name: "simple-200", About: "one row by key, simple protocol", Protocol: simple, Clients: 200, Targets: fasterSelects},
	{Name: "extended-200", About: "one row by key, extended protocol", Protocol: extended, Clients: 200, Targets: fasterSelects},
	{Name: "prepared-200", About: "one row by key, prepared", Protocol: prepared, Clients: 200, Targets: fasterSelects},
}

var bigTargets = []Target{atLeast(tps, 2), atMost(cpu, 0.35)}

var bigOnes = []Scenario{
	{Name: "result-1MB", About: "16 rows of 64 KiB, simple protocol", Protocol: simple, Clients: 8, Script: bigResult, Targets: bigTargets},
	{Name: "copy-out-100MB", About: "COPY of 100 MB to the client", Protocol: simple, Clients: 2, Load: copyOut, Targets: bigTargets},
	{Name: "copy-in-100MB", About: "COPY of 100 MB from the client", Protocol: simple, Clients: 2, Load: copyIn, Targets: bigTargets},
}

var manyTenants = []Scenario{
	{Name: "tenants-1000", About: "1,000 tenants with one client each on 50 servers", Protocol: simple, Clients: 1000, Servers: 50, Tenants: 1000,
		Targets: []Target{atLeast(tps, 20), {tps, "direct", 0.45, true}}, Without: bytesOnly},
	{Name: "tenants-50", About: "50 tenants with one client each on 50 servers", Protocol: simple, Clients: 50, Servers: 50, Tenants: 50, Without: bytesOnly},
	{Name: "tenants-60", About: "60 tenants with one client each on 50 servers", Protocol: simple, Clients: 60, Servers: 50, Tenants: 60, Without: bytesOnly},
}

var fasterLogins = []Target{atLeast(tps, 1.2)}

var loggingIn = []Scenario{
	{Name: "connect", About: "connect, one query, disconnect", Protocol: simple, Clients: 8, Load: connect, Targets: fasterLogins},
	{Name: "connect-scram", About: "the same with a password", Protocol: simple, Clients: 8, Load: connect, SCRAM: true, Targets: fasterLogins},
	{Name: "connect-tls", About: "the same over TLS", Protocol: simple, Clients: 8, Load: connect, TLS: true, Targets: fasterLogins},
	{Name: "connect-scram-tls", About: "the same with a password over TLS", Protocol: simple, Clients: 8, Load: connect, SCRAM: true, TLS: true,
		Targets: fasterLogins},
}

var writing = []Scenario{
	{Name: "tpcb-1", About: "TPC-B-like transactions of one tenant", Protocol: simple, Clients: 32, Load: writes, Targets: []Target{atLeast(tps, 1.1)}},
	{Name: "tpcb-50", About: "TPC-B-like transactions of 50 tenants", Protocol: simple, Clients: 50, Load: writes, Tenants: 50,
		Targets: []Target{atLeast(tps, 10)}, Without: bytesOnly},
}

var withTLS = []Scenario{
	{Name: "simple-tls-32", About: "one row by key, simple protocol, TLS with the clients", Protocol: simple, Clients: 32, TLS: true,
		Targets: fasterLogins},
	{Name: "prepared-tls-32", About: "one row by key, prepared, TLS with the clients", Protocol: prepared, Clients: 32, TLS: true,
		Targets: fasterLogins},
	{Name: "result-1MB-tls", About: "16 rows of 64 KiB, simple protocol, TLS with the clients", Protocol: simple, Clients: 8, Script: bigResult, TLS: true},
}

// curve is how the cost of a transaction grows with clients, and with tenants.
var curve = []Scenario{
	curvePoint("curve-clients", 1, 1), curvePoint("curve-clients", 10, 1), curvePoint("curve-clients", 100, 1),
	curvePoint("curve-clients", 1000, 1), curvePoint("curve-clients", 10000, 1),
	curvePoint("curve-tenants", 1000, 10), curvePoint("curve-tenants", 1000, 100), curvePoint("curve-tenants", 1000, 1000),
}

func curvePoint(name string, clients, tenants int) Scenario {
	n := clients
	about := fmt.Sprintf("%d clients of one tenant", clients)
	if name == "curve-tenants" {
		n = tenants
		about = fmt.Sprintf("%d clients of %d tenants", clients, tenants)
	}
	return Scenario{Name: fmt.Sprintf("%s-%d", name, n), About: about, Protocol: simple, Clients: clients, Tenants: tenants, Without: bytesOnly}
}

// selectScenarios finds the scenarios whose name holds the text. Those with
// tables of their own are not among them.
func selectScenarios(text string) ([]Scenario, error) {
	var found []Scenario
	var names []string
	for _, s := range scenarios {
		names = append(names, s.Name)
		if strings.Contains(s.Name, text) {
			found = append(found, s)
		}
	}
	for _, p := range parts {
		names = append(names, p.name)
	}
	if len(found) == 0 && !slices.ContainsFunc(parts, func(p part) bool { return strings.Contains(p.name, text) }) {
		return nil, fmt.Errorf("no scenario's name holds %q: there are %s", text, strings.Join(names, ", "))
	}
	return found, nil
}
