package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"tenantpool/internal/pgtest"
)

// bothTenants are the two whose clients take turns in the tests of drivers.
var bothTenants = []string{"acme", "globex"}

func TestPsycopg2DoesWhatEveryClientDoes(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 4})
		runClient(t, p, exec.Command("/usr/bin/python3", "clients/client.py"), map[string]any{"sslmode": "disable"})
		w.expectNotes(t)
	})
}

func TestNodePostgresDoesWhatEveryClientDoes(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2})
		runClient(t, p, nodeClient(), nil)
		w.expectNotes(t)
	})
}

func nodeClient() *exec.Cmd {
	cmd := exec.Command("node", "clients/client.js")
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(pgtest.DepsDir(), "node", "node_modules"))
	return cmd
}

// runClient runs a program of clients/ with the connection parameters of both tenants, and more.
func runClient(t *testing.T, p *pooler, cmd *exec.Cmd, more map[string]any) {
	t.Helper()
	var targets []map[string]any
	for _, tenant := range bothTenants {
		database, options := p.names(tenant)
		target := map[string]any{"tenant": tenant, "host": p.host, "port": p.port, "user": "app",
			"password": password("app"), "database": database, "options": options}
		maps.Copy(target, more)
		targets = append(targets, target)
	}
	argument, err := json.Marshal(targets)
	must(t, err)
	cmd.Args = append(cmd.Args, string(argument))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd.Args[1], err, out)
	}
}

// expectNotes checks that each tenant's notes hold the 500 lines of its own client's COPY.
func (w *world) expectNotes(t testing.TB) {
	t.Helper()
	for _, tenant := range bothTenants {
		sql := fmt.Sprintf("SELECT count(*) || ' ' || count(DISTINCT id) FROM %s.notes WHERE text = 'line ' || id", tenant)
		if got := w.value(t, sql); got != "500 500" {
			t.Errorf("%s: lines and different lines: %s, want 500 500", tenant, got)
		}
	}
}

func TestPsqlDoesWhatEveryClientDoes(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 4})
		var wait sync.WaitGroup
		for _, tenant := range bothTenants {
			wait.Go(func() {
				out, err := psql(t, w, p, tenant, "-f", "clients/client.sql").CombinedOutput()
				if got := string(out); err != nil || got != psqlOutput(tenant) {
					t.Errorf("psql of %s: %v, printed:\n%s", tenant, err, got)
				}
			})
		}
		wait.Wait()
		w.expectNotes(t)
		cancelPsql(t, w, p)
	})
}

func psql(t testing.TB, w *world, p *pooler, tenant string, args ...string) *exec.Cmd {
	t.Helper()
	tool, err := w.server.Binaries.Tool("psql")
	must(t, err)
	cmd := exec.Command(tool, append([]string{"-X", "-A", "-t"}, args...)...)
	cmd.Env = append(os.Environ(), p.env(tenant)...)
	return cmd
}

// psqlOutput is what clients/client.sql prints for a tenant.
func psqlOutput(tenant string) string {
	var out strings.Builder
	out.WriteString(tenant + "\nBEGIN\nINSERT 0 1\n")
	out.WriteString("psql:clients/client.sql:6: ERROR:  division by zero\n")
	out.WriteString("psql:clients/client.sql:7: ERROR:  current transaction is aborted, commands ignored until end of transaction block\n")
	out.WriteString("ROLLBACK\n0\nPREPARE\n")
	out.WriteString(strings.Repeat(tenant+"\n", 1000))
	out.WriteString("DEALLOCATE\nCOPY 500\n")
	for i := range 500 {
		fmt.Fprintf(&out, "%d,line %d\n", i+1, i+1)
	}
	return out.String()
}

// cancelPsql interrupts a psql whose query sleeps, as Ctrl-C does.
func cancelPsql(t *testing.T, w *world, p *pooler) {
	t.Helper()
	cmd := psql(t, w, p, "acme", "-c", "SELECT pg_sleep(60)")
	out := newLogBuffer()
	cmd.Stdout, cmd.Stderr = out, out
	must(t, cmd.Start())
	w.awaitSleep(t)
	must(t, cmd.Process.Signal(syscall.SIGINT))
	err := cmd.Wait()
	if want := "Cancel request sent\nERROR:  canceling statement due to user request\n"; err == nil || out.String() != want {
		t.Errorf("an interrupted psql: %v, printed %q, want %q", err, out.String(), want)
	}
}

// awaitSleep waits until a client's query sleeps on the server.
func (w *world) awaitSleep(t testing.TB) {
	t.Helper()
	w.eventually(t, "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND "+w.lent())
}
