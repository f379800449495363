package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"tenantpool/internal/pgtest"
	"tenantpool/soak"
)

// The soak that everybody can run: clients without number on hardly any servers, who do everything
// that clients do and should not do.
//
// TENANTPOOL_SOAK says how long each lasts; an hour is as good as five seconds.
const (
	soakClients = 300
	soakServers = 8
	soakTime    = 5 * time.Second
)

func TestSoakFindsNothing(t *testing.T) {
	needsPooler(t)
	duration := soakTime
	if wish := os.Getenv("TENANTPOOL_SOAK"); wish != "" {
		var err error
		duration, err = time.ParseDuration(wish)
		must(t, err)
	}
	onEachInTurn(t, func(t *testing.T, w *world) {
		for _, level := range []string{"shared", "role"} {
			t.Run(level, func(t *testing.T) {
				s := setup{size: soakServers, global: `query_wait_timeout = "60s"`, route: fmt.Sprintf("isolation = %q", level)}
				r := w.soak(t, s, 0, "--duration", duration.String(), "--clients", fmt.Sprint(soakClients))
				t.Logf("%s: %d transactions checked, %d rows, %d looks, %d departures, %d switches",
					level, r.Transactions, r.Rows, r.Looks, r.Departures, r.Pooler.Switches)
				if r.Transactions == 0 || r.Isolation != level {
					t.Errorf("it has shown nothing: %+v", r)
				}
				if duration >= time.Minute {
					expectThorough(t, r)
				}
				w.expectNoSoak(t)
			})
		}
	})
}

// expectThorough asks for what a short soak cannot promise: that everything was tried.
func expectThorough(t *testing.T, r *soak.Report) {
	t.Helper()
	for trick, n := range r.Tricks {
		if n == 0 {
			t.Errorf("no client ever did: %s", trick)
		}
	}
}

// soak runs the program and returns its report; it must end with this exit status.
func (w *world) soak(t *testing.T, s setup, status int, args ...string) *soak.Report {
	t.Helper()
	cmd, out, log := w.soakCommand(t, s, args...)
	p, err := pgtest.StartProcess(cmd, nil)
	must(t, err)
	return soakEnd(t, p, status, out, log)
}

func (w *world) soakCommand(t *testing.T, s setup, args ...string) (cmd *exec.Cmd, out, log *bytes.Buffer) {
	t.Helper()
	args = append([]string{"soak", "--config", s.write(t, w), "--admin", w.server.DSN("postgres", w.database), "--json"}, args...)
	cmd, out, log = exec.Command(program(t, raceWanted()), args...), new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, log
	return cmd, out, log
}

// soakEnd waits for the program and reads its report.
func soakEnd(t *testing.T, p *pgtest.Process, status int, out, log *bytes.Buffer) *soak.Report {
	t.Helper()
	got := 0
	if err, ok := p.Err().(*exec.ExitError); ok {
		got = err.ExitCode()
	}
	if got != status || log.Len() > 0 {
		t.Fatalf("exit status %d, want %d\n%s%s", got, status, log, out)
	}
	r := new(soak.Report)
	if err := json.Unmarshal(out.Bytes(), r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}

// soakLeft says in SQL whether schemas or roles of a soak are in the world.
const soakLeft = `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname LIKE 'tenantpool%soak%')
 OR EXISTS (SELECT FROM pg_roles WHERE rolname LIKE 'tenantpool%soak%')`

func (w *world) expectNoSoak(t *testing.T) {
	t.Helper()
	if w.value(t, soakLeft) != "f" {
		t.Error("the soak has left schemas or roles behind")
	}
}

func TestAnInterruptedSoakReportsAndCleansUp(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		cmd, out, log := w.soakCommand(t, setup{}, "--duration", "1h", "--clients", "10", "--tenants", "3")
		p, err := pgtest.StartProcess(cmd, nil)
		must(t, err)
		w.eventually(t, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%soak_items%' AND "+w.lent()+")")
		must(t, p.Signal(syscall.SIGINT))
		r := soakEnd(t, p, 0, out, log)
		if r.Transactions == 0 {
			t.Error("the report has no transactions")
		}
		w.expectNoSoak(t)
	})
}

func TestTheNextSoakCleansUpBehindACrashedOne(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		cmd, _, _ := w.soakCommand(t, setup{}, "--duration", "1h", "--clients", "10", "--tenants", "5")
		p, err := pgtest.StartProcess(cmd, nil)
		must(t, err)
		w.eventually(t, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%soak_items%' AND "+w.lent()+")")
		p.Stop(syscall.SIGKILL, patience)
		if w.value(t, soakLeft) != "t" {
			t.Fatal("a killed soak has left nothing: this shows nothing")
		}
		w.eventually(t, "SELECT NOT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE l.locktype = 'advisory' AND d.datname = current_database())")
		w.soak(t, setup{}, 0, "--duration", "100ms", "--clients", "4", "--tenants", "2")
		w.expectNoSoak(t)
	})
}

// A soak that cannot fail proves nothing: here every client reaches the same tenant.
func TestSoakSeesForeignRows(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		m := startMiddleman(t, w, func(string) string { return "tenantpool_soak_0001" }, "")
		r := w.soak(t, setup{trust: true}, 1, "--at", m.address(), "--clients", "12", "--tenants", "4", "--duration", "1m", "--seed", "7")
		if r.Foreign == 0 {
			t.Fatalf("no foreign row was seen: %+v", r)
		}
		f := r.Findings[0]
		if f.Kind != soak.Foreign || f.Tenant == "tenantpool_soak_0001" || !strings.Contains(f.Text, "tenantpool_soak_0001") ||
			f.Server == "" || len(f.Actions) == 0 {
			t.Errorf("the evidence is %+v", f)
		}
		if r.Seconds > 30 {
			t.Errorf("it went on for %.0f s", r.Seconds)
		}
		w.expectNoSoak(t)
	})
}

// soakLeftovers are what a server connection still has of another tenant, and what a report has to say.
var soakLeftovers = []struct{ what, leave, text string }{
	{"a setting that a function made", "SET soak.hidden = '0099'", "soak.hidden"},
	{"a setting", "SET work_mem = '7777kB'", "work_mem"},
	{"a read-only default", "SET default_transaction_read_only = on", "default_transaction_read_only"},
	{"a temporary table", "CREATE TEMP TABLE h_0099_x (n int)", "h_0099_x"},
	{"a cursor", "DECLARE h_0099_x CURSOR WITH HOLD FOR SELECT 1", "h_0099_x"},
	{"an SQL statement", "PREPARE h_0099_x AS SELECT 1", "h_0099_x"},
	{"an ear", "LISTEN h_0099_bell", "h_0099_bell"},
	{"a lock", "SELECT pg_advisory_lock_shared(7000099, 9000001)", "lock_7000099_9000001"},
	{"a sequence", "CREATE TEMP SEQUENCE s START 42; SELECT nextval('s'); ", "another's sequence gave 42"},
	{"a table in the place of the tenant's", "CREATE TEMP TABLE soak_items AS SELECT 'tenantpool_soak_0099'::text AS tenant, n AS id FROM generate_series(1, 20) AS n",
		"tenantpool_soak_0099"},
}

func TestSoakSeesLeftovers(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		for _, l := range soakLeftovers {
			m := startMiddleman(t, w, func(tenant string) string { return tenant }, l.leave)
			r := w.soak(t, setup{trust: true}, 1, "--at", m.address(), "--clients", "8", "--tenants", "2", "--duration", "700ms")
			seen := false
			for _, f := range r.Findings {
				seen = seen || f.Kind != soak.Unexpected && strings.Contains(f.Text, l.text)
			}
			if !seen {
				t.Errorf("%s was not seen: %+v", l.what, r.Findings)
			}
		}
	})
}
