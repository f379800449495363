package integration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// load is clients of one tenant that do transactions until they are stopped, and log in again when
// they are thrown out.
type load struct {
	stop  context.CancelFunc
	done  sync.WaitGroup
	count atomic.Int64
	mu    sync.Mutex
	saw   map[string]int // errors by SQLSTATE and message
}

func startLoad(t *testing.T, p *pooler, tenant string, clients int) *load {
	ctx, stop := context.WithCancel(t.Context())
	l := &load{stop: stop, saw: map[string]int{}}
	for range clients {
		l.done.Go(func() {
			for ctx.Err() == nil {
				l.note(l.work(ctx, p, tenant))
			}
		})
	}
	t.Cleanup(func() { l.end() })
	eventually(t, tenant+" works", func() bool { return l.count.Load() > int64(clients) })
	return l
}

// work logs in and does transactions until something fails.
func (l *load) work(ctx context.Context, p *pooler, tenant string) error {
	conn, err := pgx.Connect(ctx, p.dsn(tenant))
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	for {
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			var name string
			if err := tx.QueryRow(ctx, "SELECT name FROM whoami").Scan(&name); err != nil {
				return err
			}
			if name != tenant {
				return fmt.Errorf("%s was shown the rows of %s", tenant, name)
			}
			return nil
		})
		if err != nil {
			return err
		}
		l.count.Add(1)
	}
}

func (l *load) note(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	var e *pgconn.PgError
	key := err.Error()
	if errors.As(err, &e) {
		key = e.Severity + " " + e.Code + " " + e.Message
	}
	l.mu.Lock()
	l.saw[key]++
	l.mu.Unlock()
	time.Sleep(time.Millisecond) // so that thousands of refused logins do not starve the rest
}

// end stops the clients and gives what they have seen.
func (l *load) end() map[string]int {
	l.stop()
	l.done.Wait()
	return l.seen()
}

func (l *load) seen() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.saw)
}

// goesOn waits until the clients have done more.
func (l *load) goesOn(t testing.TB, what string) {
	t.Helper()
	before := l.count.Load()
	eventually(t, what, func() bool { return l.count.Load() > before+20 })
}

// expectSeen fails the test unless the clients have seen nothing but these errors, all of them.
func (l *load) expectSeen(t testing.TB, errors ...string) {
	t.Helper()
	seen := l.seen()
	for _, e := range errors {
		if seen[e] == 0 {
			t.Errorf("nobody saw %q, but %v", e, seen)
		}
		delete(seen, e)
	}
	if len(seen) > 0 {
		t.Errorf("clients saw %v besides", seen)
	}
	t.Logf("clients saw %v", l.seen())
}

// sqlstate fails the test unless an error has this SQLSTATE and says this.
func expectError(t testing.TB, err error, code, text string) {
	t.Helper()
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, text) {
		t.Errorf("got %v, want %s %q", err, code, text)
	}
}

const suspendedWords = `FATAL 57P03 tenant "acme" is suspended: the bill is not paid`

// While somebody else works on, undisturbed.
func TestEveryVerbOfTheLifecycleUnderLoad(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		for name, verb := range map[string]func(t *testing.T, w *world, p *pooler, boss *pgx.Conn){
			"pause a tenant": pauseTenant, "pause everybody": pauseEverybody, "pause a database": pauseDatabase,
			"suspend": suspendTenant, "suspend now": suspendNow, "drain": drainTenant, "disable": disableTenant,
			"kill": killTenant, "reconnect": reconnectTenant,
		} {
			t.Run(name, func(t *testing.T) {
				p := startPooler(t, w, withConsole(t))
				boss := operate(t, p, "boss", "default_query_exec_mode=simple_protocol")
				other := startLoad(t, p, "globex", 2)
				verb(t, w, p, boss)
				other.goesOn(t, "globex works on")
				other.end()
				other.expectSeen(t)
			})
		}
	})
}

// holding is how many server connections acme has, by the console's word.
func holding(t testing.TB, boss *pgx.Conn, tenant string) (n int) {
	t.Helper()
	for _, r := range records(t, boss, "SHOW CLIENTS") {
		if r["database"] == tenant && r["link"] != "" {
			n++
		}
	}
	return n
}

// records are the rows of an answer, by column.
func records(t testing.TB, conn *pgx.Conn, words string) []map[string]any {
	t.Helper()
	rows, err := conn.Query(context.Background(), words)
	must(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToMap)
	if err != nil {
		t.Fatalf("%s: %v", words, err)
	}
	return all
}

func pauseTenant(t *testing.T, w *world, p *pooler, boss *pgx.Conn) {
	acme := startLoad(t, p, "acme", 4)
	command(t, boss, "PAUSE TENANT acme")
	if n := holding(t, boss, "acme"); n != 0 {
		t.Errorf("paused, acme holds %d server connections", n)
	}
	eventually(t, "all four wait to be resumed", func() bool {
		n := 0
		for _, r := range records(t, boss, "SHOW WAITERS") {
			if r["tenant"] == "acme" && r["waits_for"] == "resume" {
				n++
			}
		}
		return n == 4
	})
	before := acme.count.Load()
	command(t, boss, "RECONNECT TENANT acme")
	if after := acme.count.Load(); after != before {
		t.Errorf("paused, acme did %d transactions", after-before)
	}
	command(t, boss, "RESUME TENANT acme")
	acme.goesOn(t, "resumed, acme works")
	acme.end()
	acme.expectSeen(t)
}

func pauseEverybody(t *testing.T, w *world, p *pooler, boss *pgx.Conn) {
	pauseAll(t, w, p, boss, "PAUSE", "RESUME")
}

func pauseDatabase(t *testing.T, w *world, p *pooler, boss *pgx.Conn) {
	pauseAll(t, w, p, boss, "PAUSE main", "RESUME main")
}

func pauseAll(t *testing.T, w *world, p *pooler, boss *pgx.Conn, pause, resume string) {
	acme := startLoad(t, p, "acme", 4)
	command(t, boss, pause)
	if n := w.value(t, "SELECT count(*) FROM pg_stat_activity WHERE "+w.lent()); n != "0" {
		t.Errorf("paused, there are %s server connections", n)
	}
	if paused := records(t, boss, "SHOW DATABASES")[0]["paused"]; paused != int64(1) {
		t.Errorf("paused is %v", paused)
	}
	command(t, boss, resume)
	acme.goesOn(t, "resumed, acme works")
	acme.end()
	acme.expectSeen(t)
}

func suspendTenant(t *testing.T, w *world, p *pooler, boss *pgx.Conn) {
	acme := startLoad(t, p, "acme", 4)
	c := login(t, p.endpoint, "acme")
	c.run("BEGIN")
	idle := login(t, p.endpoint, "acme")
	command(t, boss, "SUSPEND TENANT acme 'the bill is not paid'")
	if e := firstError(idle.rest()); e == nil || e.Error() != suspendedWords && !strings.Contains(e.Error(), "the bill is not paid") {
		t.Errorf("an idle client was told %v", e)
	}
	c.expect("SELECT name FROM whoami", "acme")
	c.send(query("COMMIT"))
	replies := c.rest()
	if got := kinds(replies); got != "CZE" {
		t.Errorf("the end of a transaction got %q, want its answer and then the error", got)
	}
	eventually(t, "suspended, acme holds no server connection", func() bool { return holding(t, boss, "acme") == 0 })
	_, err := pgx.Connect(t.Context(), p.dsn("acme"))
	expectError(t, err, "57P03", "the bill is not paid")
	if r := records(t, boss, "SHOW TENANTS")[0]; r["state"] != "suspended" || r["reason"] != "the bill is not paid" {
		t.Errorf("SHOW TENANTS says %v", r)
	}
	command(t, boss, "RESUME TENANT acme")
	acme.goesOn(t, "resumed, acme works")
	acme.end()
	acme.expectSeen(t, suspendedWords)
}

func suspendNow(t *testing.T, w *world, p *pooler, boss *pgx.Conn) {
	c := login(t, p.endpoint, "acme")
	c.run("BEGIN")
	c.send(query("SELECT pg_sleep(60)"))
	w.awaitSleep(t)
	command(t, boss, "SUSPEND TENANT acme 'the bill is not paid' NOW")
	if e := firstError(c.rest()); e == nil || !strings.Contains(e.Error(), "the bill is not paid") {
		t.Errorf("a client at work was told %v", e)
	}
	w.eventually(t, "SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND "+w.lent())
}

func drainTenant(t *testing.T, w *world, p *pooler, boss *pgx.Conn) {
	acme := startLoad(t, p, "acme", 4)
	command(t, boss, "DRAIN TENANT acme")
	if n := records(t, boss, "SHOW TENANTS")[0]["clients"]; n != int64(0) {
		t.Errorf("drained, acme has %v clients", n)
	}
	eventually(t, "a login is refused", func() bool { return len(acme.seen()) >= 2 })
	command(t, boss, "RESUME TENANT acme")
	acme.goesOn(t, "resumed, acme works")
	acme.end()
	acme.expectSeen(t, "FATAL 57P01 terminating connection due to administrator command",
		`FATAL 57P03 tenant "acme" is not accepting connections now`)
}

func disableTenant(t *testing.T, w *world, p *pooler, boss *pgx.Conn) {
	acme := startLoad(t, p, "acme", 2)
	command(t, boss, "DISABLE TENANT acme")
	_, err := pgx.Connect(t.Context(), p.dsn("acme"))
	expectError(t, err, "28000", "not accepting connections")
	acme.goesOn(t, "who is there works on")
	command(t, boss, "ENABLE TENANT acme")
	acme.end()
	acme.expectSeen(t)
	login(t, p.endpoint, "acme").expect("SELECT name FROM whoami", "acme")
}

func killTenant(t *testing.T, w *world, p *pooler, boss *pgx.Conn) {
	acme := startLoad(t, p, "acme", 2)
	c := login(t, p.endpoint, "acme")
	c.send(query("SELECT pg_sleep(60)"))
	w.awaitSleep(t)
	command(t, boss, "KILL TENANT acme")
	if e := firstError(c.rest()); e == nil || !strings.Contains(e.Error(), "57P01") {
		t.Errorf("a client at work was told %v", e)
	}
	w.eventually(t, "SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND "+w.lent())
	acme.goesOn(t, "acme is back")
	acme.end()
	acme.expectSeen(t, "FATAL 57P01 terminating connection due to administrator command")
}

func reconnectTenant(t *testing.T, w *world, p *pooler, boss *pgx.Conn) {
	acme := startLoad(t, p, "acme", 2)
	c := login(t, p.endpoint, "acme")
	c.run("BEGIN")
	pid := c.value("SELECT pg_backend_pid()")
	command(t, boss, "RECONNECT TENANT acme")
	c.expect("SELECT pg_backend_pid()", pid)
	c.run("COMMIT")
	command(t, boss, "WAIT_CLOSE TENANT acme")
	w.eventually(t, "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = "+pid)
	acme.goesOn(t, "acme works on")
	acme.end()
	acme.expectSeen(t)
}

// Who is paused for longer than query_wait_timeout hears why, and stays.
func TestAPausedClientWaitsAsLongAsForAServer(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		s := withConsole(t)
		s.global = `query_wait_timeout = "300ms"`
		p := startPooler(t, w, s)
		boss := operate(t, p, "boss")
		c := login(t, p.endpoint, "acme")
		command(t, boss, "PAUSE TENANT acme")
		if _, err := c.try("SELECT 1"); err == nil || !strings.Contains(err.Error(), `tenant "acme" is paused`) {
			t.Errorf("a paused client was told %v", err)
		}
		c.send(query("SELECT name FROM whoami"))
		eventually(t, "it waits", func() bool { return len(records(t, boss, "SHOW WAITERS")) == 1 })
		c.cancel()
		if _, err := result(c.until('Z')); err == nil || !strings.Contains(err.Error(), "57014") {
			t.Errorf("a paused client that cancels was told %v", err)
		}
		command(t, boss, "RESUME TENANT acme")
		c.expect("SELECT name FROM whoami", "acme")
	})
}
