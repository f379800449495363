package integration

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// pgxModes are all of pgx's ways to run a query, by their names in a connection string.
var pgxModes = []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"}

func TestPgxDoesWhatEveryClientDoesInEveryExecMode(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2})
		for _, mode := range pgxModes {
			t.Run(mode, func(t *testing.T) { pgxClients(t, w, p, mode) })
		}
	})
}

func pgxClients(t *testing.T, w *world, p *pooler, mode string) {
	conns := map[string]*pgx.Conn{}
	for _, tenant := range bothTenants {
		conn, err := pgx.Connect(t.Context(), p.dsn(tenant, "default_query_exec_mode="+mode))
		must(t, err)
		defer conn.Close(context.Background())
		conns[tenant] = conn
		w.exec(t, "TRUNCATE "+tenant+".notes")
		pgxFailedTransaction(t, conn)
	}
	pgxPrepared(t, conns)
	for _, conn := range conns {
		pgxCopy(t, conn)
	}
	w.expectNotes(t)
	pgxCancel(t, w, conns["acme"])
	for tenant, conn := range conns {
		expectName(t, conn, whoSQL, tenant)
	}
}

const whoSQL = "SELECT name FROM whoami WHERE $1::int > 0"

func expectName(t *testing.T, conn *pgx.Conn, sql, tenant string) {
	t.Helper()
	var name string
	if err := conn.QueryRow(t.Context(), sql, 1).Scan(&name); err != nil || name != tenant {
		t.Fatalf("%s: got %q, %v; want %q", sql, name, err, tenant)
	}
}

func pgxFailedTransaction(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "INSERT INTO notes VALUES ($1, $2)", 1, "lost")
	must(t, err)
	_, err = tx.Exec(t.Context(), "SELECT 1 / $1::int", 0)
	expectCode(t, err, "22012")
	_, err = tx.Exec(t.Context(), "SELECT 1")
	expectCode(t, err, "25P02")
	must(t, tx.Rollback(t.Context()))
	var count int
	must(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM notes").Scan(&count))
	if count != 0 {
		t.Errorf("%d rows after the rollback", count)
	}
}

// expectCode fails the test unless err carries the SQLSTATE.
func expectCode(t testing.TB, err error, code string) {
	t.Helper()
	var e interface{ SQLState() string }
	if !errors.As(err, &e) || e.SQLState() != code {
		t.Fatalf("got error %v, want SQLSTATE %s", err, code)
	}
}

// pgxPrepared uses a prepared statement 1,000 times and the mode's own way 200 times, the tenants in
// turn.
func pgxPrepared(t *testing.T, conns map[string]*pgx.Conn) {
	t.Helper()
	for _, conn := range conns {
		_, err := conn.Prepare(t.Context(), "who", whoSQL)
		must(t, err)
	}
	for i := range 1000 {
		tenant := bothTenants[i%2]
		expectName(t, conns[tenant], "who", tenant)
		if i%5 == 0 {
			expectName(t, conns[tenant], whoSQL+" AND true", tenant)
		}
	}
	for _, conn := range conns {
		must(t, conn.Deallocate(t.Context(), "who"))
	}
}

func pgxCopy(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	in := noteLines()
	_, err := conn.PgConn().CopyFrom(t.Context(), strings.NewReader(in), "COPY notes FROM STDIN")
	must(t, err)
	var out bytes.Buffer
	_, err = conn.PgConn().CopyTo(t.Context(), &out, "COPY (SELECT * FROM notes ORDER BY id) TO STDOUT")
	must(t, err)
	if out.String() != in {
		t.Errorf("COPY gave back %d bytes that differ from the %d given", out.Len(), len(in))
	}
}

// pgxCancel cancels a sleeping query with a cancel request; the connection goes on.
func pgxCancel(t *testing.T, w *world, conn *pgx.Conn) {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.Background(), "SELECT pg_sleep(60)")
		ended <- err
	}()
	w.awaitSleep(t)
	must(t, conn.PgConn().CancelRequest(t.Context()))
	err := <-ended
	expectCode(t, err, "57014")
}
