package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"testing"
)

// pgbenchRun is one tenant's share of the work: how large its tables are, and how much is done to
// them. No two tenants do the same, so that no mix-up adds up.
type pgbenchRun struct {
	tenant               string
	scale, clients, each int
}

var pgbenchRuns = []pgbenchRun{{"acme", 1, 8, 60}, {"globex", 2, 6, 45}}

func TestPgbenchOfTwoTenantsOnFourServersTouchesOnlyItsOwnTables(t *testing.T) {
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 4})
		servers := w.countServers(t)
		for _, r := range pgbenchRuns {
			defer r.expectContents(t, w, 3)
		}
		atOnce(t, func(r pgbenchRun) error { return r.initialise(t, w, p) })
		for _, mode := range []string{"simple", "extended", "prepared"} {
			atOnce(t, func(r pgbenchRun) error { return r.run(t, w, p, mode) })
		}
		if most := servers(); most > 4 && !direct() {
			t.Errorf("pg_stat_activity showed %d server connections, pool_size is 4", most)
		}
	})
}

// atOnce does the same for every tenant at once.
func atOnce(t *testing.T, do func(pgbenchRun) error) {
	t.Helper()
	var wait sync.WaitGroup
	for _, r := range pgbenchRuns {
		wait.Go(func() {
			if err := do(r); err != nil {
				t.Errorf("%s: %v", r.tenant, err)
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

func (r pgbenchRun) pgbench(t testing.TB, w *world, p *pooler, args ...string) ([]byte, error) {
	tool, err := w.server.Binaries.Tool("pgbench")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Env = append(os.Environ(), p.env(r.tenant)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return out, err
}

func (r pgbenchRun) initialise(t testing.TB, w *world, p *pooler) error {
	_, err := r.pgbench(t, w, p, "-i", "-q", "-s", strconv.Itoa(r.scale))
	return err
}

var (
	processed = regexp.MustCompile(`number of transactions actually processed: (\d+)`)
	failed    = regexp.MustCompile(`number of failed transactions: 0 `)
)

func (r pgbenchRun) run(t testing.TB, w *world, p *pooler, mode string) error {
	out, err := r.pgbench(t, w, p, "-n", "-M", mode, "-c", strconv.Itoa(r.clients), "-t", strconv.Itoa(r.each))
	if err != nil {
		return err
	}
	done := processed.FindSubmatch(out)
	if done == nil || string(done[1]) != strconv.Itoa(r.clients*r.each) || !failed.Match(out) {
		return fmt.Errorf("pgbench -M %s did not do all of its work:\n%s", mode, out)
	}
	return nil
}

// expectContents checks that the tenant's tables hold exactly what its own runs wrote.
func (r pgbenchRun) expectContents(t *testing.T, w *world, runs int) {
	if t.Failed() {
		return
	}
	sql := fmt.Sprintf(`SET search_path = %s; SELECT concat_ws(' ', (SELECT count(*) FROM pgbench_accounts),
		(SELECT count(*) FROM pgbench_branches), (SELECT count(*) FROM pgbench_tellers), (SELECT count(*) FROM pgbench_history))`, r.tenant)
	want := fmt.Sprintf("%d %d %d %d", r.scale*100_000, r.scale, r.scale*10, runs*r.clients*r.each)
	if got := w.value(t, sql); got != want {
		t.Errorf("%s holds %s rows of accounts, branches, tellers, history; want %s", r.tenant, got, want)
	}
	sums := fmt.Sprintf(`SET search_path = %s; SELECT count(DISTINCT s) FROM (SELECT sum(delta) FROM pgbench_history
		UNION ALL SELECT sum(abalance) FROM pgbench_accounts UNION ALL SELECT sum(bbalance) FROM pgbench_branches
		UNION ALL SELECT sum(tbalance) FROM pgbench_tellers) AS all_sums(s)`, r.tenant)
	if got := w.value(t, sums); got != "1" {
		t.Errorf("%s: the sums of its four tables differ", r.tenant)
	}
}

// countServers watches pg_stat_activity until the function it returns is called, which returns the
// most server connections that were seen at once.
func (w *world) countServers(t testing.TB) (most func() int) {
	t.Helper()
	return w.countBackends(t, w.lent())
}

// countBackends is countServers for those of pg_stat_activity that a condition picks out.
func (w *world) countBackends(t testing.TB, condition string) (most func() int) {
	t.Helper()
	conn := w.superuser(t)
	stop, done, seen := make(chan struct{}), make(chan error, 1), 0
	go func() {
		defer conn.Close(context.Background())
		done <- watch(stop, func() error {
			r := conn.ExecParams(context.Background(), "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND "+condition, nil, nil, nil, nil).Read()
			if r.Err != nil {
				return r.Err
			}
			n, err := strconv.Atoi(string(r.Rows[0][0]))
			seen = max(seen, n)
			return err
		})
	}()
	return func() int {
		close(stop)
		must(t, <-done)
		return seen
	}
}
