package integration

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	_ "github.com/lib/pq" // the driver "postgres"
)

// lib/pq has no COPY TO at all, and lets COPY FROM run in a transaction only.
func TestLibPqDoesWhatEveryClientDoes(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		libpqClients(t, w, startPooler(t, w, setup{size: 2}))
	})
}

func libpqClients(t *testing.T, w *world, p *pooler) {
	dbs := map[string]*sql.DB{}
	for _, tenant := range bothTenants {
		db, err := sql.Open("postgres", p.dsn(tenant))
		must(t, err)
		defer db.Close()
		db.SetMaxOpenConns(1)
		dbs[tenant] = db
		pqExpectName(t, db.QueryRow(whoSQL, 1), tenant)
		pqFailedTransaction(t, db)
	}
	pqPrepared(t, dbs)
	for _, db := range dbs {
		pqCopy(t, db)
	}
	w.expectNotes(t)
	pqCancel(t, w, dbs["acme"])
	for tenant, db := range dbs {
		pqExpectName(t, db.QueryRow(whoSQL, 1), tenant)
	}
}

func pqExpectName(t *testing.T, row *sql.Row, tenant string) {
	t.Helper()
	var name string
	if err := row.Scan(&name); err != nil || name != tenant {
		t.Fatalf("got %q, %v; want %q", name, err, tenant)
	}
}

func pqFailedTransaction(t *testing.T, db *sql.DB) {
	t.Helper()
	tx, err := db.Begin()
	must(t, err)
	_, err = tx.Exec("INSERT INTO notes VALUES ($1, $2)", 1, "lost")
	must(t, err)
	_, err = tx.Exec("SELECT 1 / $1::int", 0)
	expectCode(t, err, "22012")
	_, err = tx.Exec("SELECT 1")
	expectCode(t, err, "25P02")
	must(t, tx.Rollback())
	var count int
	must(t, db.QueryRow("SELECT count(*) FROM notes").Scan(&count))
	if count != 0 {
		t.Errorf("%d rows after the rollback", count)
	}
}

// pqPrepared uses a prepared statement 1,000 times, the tenants in turn.
func pqPrepared(t *testing.T, dbs map[string]*sql.DB) {
	t.Helper()
	statements := map[string]*sql.Stmt{}
	for tenant, db := range dbs {
		s, err := db.Prepare(whoSQL)
		must(t, err)
		defer s.Close()
		statements[tenant] = s
	}
	for i := range 1000 {
		tenant := bothTenants[i%2]
		pqExpectName(t, statements[tenant].QueryRow(i+1), tenant)
	}
}

func pqCopy(t *testing.T, db *sql.DB) {
	t.Helper()
	tx, err := db.Begin()
	must(t, err)
	rows, err := tx.Prepare(`COPY notes (id, text) FROM STDIN`)
	must(t, err)
	for i := range noteCount {
		_, err := rows.Exec(i+1, fmt.Sprintf("line %d", i+1))
		must(t, err)
	}
	_, err = rows.Exec()
	must(t, err)
	must(t, rows.Close())
	must(t, tx.Commit())
}

// pqCancel ends the context of a sleeping query, which makes lib/pq send a cancel request.
func pqCancel(t *testing.T, w *world, db *sql.DB) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := db.ExecContext(ctx, "SELECT pg_sleep(60)")
		ended <- err
	}()
	w.awaitSleep(t)
	cancel()
	err := <-ended
	expectCode(t, err, "57014")
}

// noteCount is how many lines every client copies into its tenant's notes.
const noteCount = 500

// noteLines are they, as COPY has them.
func noteLines() string {
	var text strings.Builder
	for i := range noteCount {
		fmt.Fprintf(&text, "%d\tline %d\n", i+1, i+1)
	}
	return text.String()
}
