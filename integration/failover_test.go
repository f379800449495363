package integration

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/internal/pgtest"
)

// pair is a world on a primary, and the standby that follows it.
func pair(t *testing.T) (w *world, standby *pgtest.Server) {
	t.Helper()
	o := pgtest.Options{Version: versions[len(versions)-1], Settings: map[string]string{"synchronous_commit": "on"}}
	w = newWorld(t, pgtest.StartOwn(t, o))
	return w, w.server.StartStandby(t)
}

// replicated makes commits wait for the standby, so that none that was acknowledged is lost with
// the primary.
func (w *world) replicated(t *testing.T) {
	t.Helper()
	w.exec(t, "ALTER SYSTEM SET synchronous_standby_names = '*'")
	w.exec(t, "SELECT pg_reload_conf()")
	w.eventually(t, "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')")
}

// writer inserts one number after the other, until it is told to stop, and connects again when it
// has to. It knows of each number whether it was acknowledged.
type writer struct {
	tenant       string
	first        int
	acknowledged []int
	unknown      map[int]bool // failed: it may be there or not
	errors       map[string]int
	worked       atomic.Int64
	longest      time.Duration // between two that were acknowledged
}

func (k *writer) run(dsn string, stop <-chan struct{}) {
	k.unknown, k.errors = map[int]bool{}, map[string]int{}
	ctx := context.Background()
	var conn *pgx.Conn
	last := time.Now()
	for n := k.first; ; n++ {
		select {
		case <-stop:
			if conn != nil {
				conn.Close(ctx)
			}
			return
		default:
		}
		if conn == nil || conn.IsClosed() {
			var err error
			if conn, err = pgx.Connect(ctx, dsn); err != nil {
				k.errors["login "+sqlstate(err)]++
				continue
			}
		}
		if _, err := conn.Exec(ctx, "INSERT INTO notes (id, text) VALUES ($1, 'x')", n); err != nil {
			k.errors[sqlstate(err)]++
			k.unknown[n] = true
			continue
		}
		k.acknowledged = append(k.acknowledged, n)
		k.longest = max(k.longest, time.Since(last))
		last = time.Now()
		k.worked.Add(1)
	}
}

// sqlstate is the code of a server's or the pooler's error; a connection that was lost without one has
// none.
func sqlstate(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return "lost"
}

// startWriters has one write for each tenant until stop is called, which waits for them.
func startWriters(t *testing.T, p *pooler, names ...string) (all []*writer, stop func()) {
	t.Helper()
	var group sync.WaitGroup
	done := make(chan struct{})
	for i, tenant := range names {
		k := &writer{tenant: tenant, first: (i + 1) * 1_000_000}
		all = append(all, k)
		dsn := p.dsn(tenant, "default_query_exec_mode=exec")
		group.Go(func() { k.run(dsn, done) })
	}
	stop = sync.OnceFunc(func() {
		close(done)
		group.Wait()
	})
	t.Cleanup(stop)
	return all, stop
}

// progress waits until every writer has had n more acknowledged.
func progress(t *testing.T, all []*writer, n int64) {
	t.Helper()
	for _, k := range all {
		goal := k.worked.Load() + n
		eventually(t, "a writer of "+k.tenant+" goes on", func() bool { return k.worked.Load() >= goal })
	}
}

// judge compares what the writers know with what is there: everything acknowledged once, and nothing
// that was not sent.
func judge(t *testing.T, all []*writer, notes func(tenant string) map[int]int) {
	t.Helper()
	for _, k := range all {
		there := notes(k.tenant)
		for _, n := range k.acknowledged {
			if there[n] != 1 {
				t.Errorf("%s: %d was acknowledged and is there %d times", k.tenant, n, there[n])
			}
			delete(there, n)
		}
		for n := range k.unknown {
			if there[n] > 1 {
				t.Errorf("%s: %d is there %d times", k.tenant, n, there[n])
			}
			delete(there, n)
		}
		for n := range there {
			if n/1_000_000 == k.first/1_000_000 {
				t.Errorf("%s: nobody wrote %d", k.tenant, n)
			}
		}
		t.Logf("%s: %d acknowledged, %d unknown, longest gap %v, errors %v", k.tenant, len(k.acknowledged), len(k.unknown), k.longest.Round(time.Millisecond), k.errors)
	}
}

// notesOn reads a tenant's notes past the pooler: how often each number is there.
func notesOn(t *testing.T, w *world, tenant string) map[int]int {
	t.Helper()
	conn := w.superuser(t)
	defer conn.Close(context.Background())
	results, err := conn.Exec(context.Background(), "SELECT id, count(*) FROM "+tenant+".notes GROUP BY id").ReadAll()
	must(t, err)
	there := map[int]int{}
	for _, row := range results[0].Rows {
		var n, count int
		_, err := fmt.Sscan(string(row[0])+" "+string(row[1]), &n, &count)
		must(t, err)
		there[n] = count
	}
	return there
}

// When the primary dies and its standby is promoted, clients go on there, and nothing that was
// acknowledged is lost. A primary of before that comes back gets nobody.
func TestClientsFollowAPromotionUnderLoad(t *testing.T) {
	needsPooler(t)
	w, standby := pair(t)
	w.replicated(t)
	p := startPooler(t, w, setup{size: 3, hosts: []string{w.server.Address(), standby.Address()}, global: `server_connect_timeout = "2s"`})
	writers, stop := startWriters(t, p, "acme", "globex", "initech")
	progress(t, writers, 20)

	w.server.Down(true)
	standby.Promote(t)
	progress(t, writers, 20)
	after := &world{server: standby, database: w.database}

	must(t, w.server.Up(t.Context()))
	w.exec(t, "ALTER SYSTEM RESET synchronous_standby_names")
	w.exec(t, "SELECT pg_reload_conf()")
	progress(t, writers, 20)
	if n := w.value(t, "SELECT count(*) FROM pg_stat_activity WHERE "+w.lent()); n != "0" {
		t.Errorf("%s connections lead to the primary of before", n)
	}
	stop()
	judge(t, writers, func(tenant string) map[int]int { return notesOn(t, after, tenant) })
	p.log.await(t, regexp.MustCompile("moved to another server"))
}

// A primary that is fenced takes no writes any more: the pooler finds out by a client's error, leaves
// it, and comes back when it takes them again.
func TestAPrimaryThatTakesNoWritesIsLeft(t *testing.T) {
	needsPooler(t)
	w, standby := pair(t)
	p := startPooler(t, w, setup{size: 2, hosts: []string{standby.Address(), w.server.Address()}, global: `query_wait_timeout = "1s"`})
	c := login(t, p.endpoint, "acme")
	c.run("INSERT INTO notes VALUES (1, 'x')")
	c.run("BEGIN READ ONLY")
	if _, e := c.try("INSERT INTO notes VALUES (2, 'x')"); e == nil || e.code != "25006" {
		t.Fatalf("got %v, want 25006", e)
	}
	c.run("ROLLBACK")
	pid := c.value("SELECT pg_backend_pid()")
	c.run("SELECT 1") // an error of the client's own making moves nobody

	w.exec(t, "ALTER SYSTEM SET default_transaction_read_only = on")
	w.exec(t, "SELECT pg_reload_conf()")
	eventually(t, "the fenced server is left", func() bool {
		_, e := c.try("INSERT INTO notes VALUES (3, 'x')")
		return e != nil && e.code == "08006"
	})
	w.eventually(t, "SELECT count(*) = 0 FROM pg_stat_activity WHERE "+w.lent())
	w.exec(t, "ALTER SYSTEM RESET default_transaction_read_only")
	w.exec(t, "SELECT pg_reload_conf()")
	eventually(t, "it is found again", func() bool {
		_, e := c.try("INSERT INTO notes VALUES (4, 'x')")
		return e == nil
	})
	if now := c.value("SELECT pg_backend_pid()"); now == pid {
		t.Error("the connection of before is still in use")
	}
}
