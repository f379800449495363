package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tenantpool/internal/pgtest"
)

// driver is a client library of another language and the program of clients/ that puts it to use.
type driver struct {
	name    string
	command []string // the targets are its last argument, as JSON
	flat    bool     // the targets are arguments one by one
}

// jdbc is where Debian keeps pgjdbc.
const jdbc = "/usr/share/java/postgresql.jar"

var drivers = []driver{
	{name: "psycopg 3", command: []string{"/usr/bin/python3", "clients/psycopg3.py"}},
	{name: "asyncpg", command: []string{"/usr/bin/python3", "clients/asyncpg_client.py"}},
	{name: "postgres.js", command: []string{"node", "clients/postgres.mjs"}},
	{name: "pgjdbc", command: []string{"java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", jdbc, "clients/Client.java"}, flat: true},
	{name: "ruby-pg", command: []string{"ruby", "clients/client.rb"}},
	{name: "DBD::Pg", command: []string{"perl", "clients/client.pl"}},
	{name: "PHP PDO", command: []string{"php", "clients/client.php"}},
}

// target is one tenant's connection parameters as the programs of clients/ read them.
type target struct {
	Tenant   string `json:"tenant"`
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Database string `json:"database"`
	User     string `json:"user"`
	Password string `json:"password"`
	Options  string `json:"options"`
	CA       string `json:"ca"` // verify-full against it; "" is no TLS
}

func TestEveryDriverDoesWhatEveryClientDoes(t *testing.T) {
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2})
		runDrivers(t, w, p)
	})
}

// Each checks the pooler's certificate and its name: verify-full.
func TestEveryDriverLogsInOverTLS(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p, _ := startTLSPooler(t, w, setup{size: 2})
		runDrivers(t, w, p)
		w.exec(t, "TRUNCATE acme.notes, globex.notes")
		t.Run("lib/pq", func(t *testing.T) { libpqClients(t, w, p) })
	})
}

func runDrivers(t *testing.T, w *world, p *pooler) {
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			w.exec(t, "TRUNCATE acme.notes, globex.notes")
			d.run(t, p)
			w.expectNotes(t)
		})
	}
}

// run runs the driver's program as clients of both tenants; it must end well.
func (d driver) run(t *testing.T, e *pooler) {
	t.Helper()
	cmd := exec.Command(d.command[0], append(d.command[1:], d.arguments(t, e)...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(pgtest.DepsDir(), "node", "node_modules"))
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("%v\n%s%s", err, out, complaints.String())
	}
	t.Logf("%s: %s", d.name, strings.TrimSpace(string(out)))
}

func (d driver) arguments(t *testing.T, e *pooler) []string {
	t.Helper()
	var targets []target
	var flat []string
	for _, tenant := range bothTenants {
		database, options := e.names(tenant)
		x := target{tenant, e.host, e.port, database, "app", password("app"), options, e.ca}
		targets = append(targets, x)
		flat = append(flat, x.Tenant, x.Host, strconv.Itoa(e.port), x.Database, x.User, x.Password, x.Options, x.CA)
	}
	if d.flat {
		return flat
	}
	argument, err := json.Marshal(targets)
	must(t, err)
	return []string{string(argument)}
}
