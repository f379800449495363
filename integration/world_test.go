package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/internal/pgtest"
)

// world is one database of tenants on one server.
//
// Every tenant owns a schema of its name with the tables whoami, one row that holds the tenant's
// name, and notes, empty. All belong to app, the login that the pooler uses. Schema shared, which no
// path names, holds shared.run(text), which executes what it is told where no pooler can read it.
type world struct {
	server   *pgtest.Server
	database string
}

// newest says that its server is of the newest version: races of the pooler are looked for there, and
// elsewhere it runs as users have it.
func (w *world) newest() bool {
	return w.server.Binaries.Version == versions[len(versions)-1]
}

// tenants are who lives in a world at first.
var tenants = []string{"acme", "globex", "initech"}

func newWorld(t testing.TB, server *pgtest.Server) *world {
	t.Helper()
	server.MustExec(t, "postgres", `DO $$ BEGIN CREATE ROLE app LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$`)
	w := &world{server: server, database: server.FreshDatabase(t)}
	w.exec(t, fmt.Sprintf("GRANT CREATE, TEMP ON DATABASE %s TO app", w.database))
	w.exec(t, sharedSchema)
	w.addTenants(t, tenants...)
	return w
}

const sharedSchema = `
SET ROLE app;
CREATE SCHEMA shared;
CREATE FUNCTION shared.run(sql text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE sql; END';`

const tenantSchema = `
CREATE SCHEMA {t};
CREATE TABLE {t}.whoami (name text);
INSERT INTO {t}.whoami VALUES ('{t}');
CREATE TABLE {t}.notes (id int, text text);`

func (w *world) addTenants(t testing.TB, names ...string) {
	t.Helper()
	var sql strings.Builder
	sql.WriteString("SET ROLE app;")
	for _, name := range names {
		sql.WriteString(strings.ReplaceAll(tenantSchema, "{t}", name))
	}
	w.exec(t, sql.String())
}

// exec runs sql as the superuser, past the pooler.
func (w *world) exec(t testing.TB, sql string) {
	t.Helper()
	w.server.MustExec(t, w.database, sql)
}

// value is the one value of a query of the superuser's.
func (w *world) value(t testing.TB, sql string) string {
	t.Helper()
	v, err := w.server.Value(context.Background(), w.database, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// eventually asks until sql says true.
func (w *world) eventually(t testing.TB, sql string) {
	t.Helper()
	conn := w.superuser(t)
	defer conn.Close(context.Background())
	eventually(t, sql, func() bool { return firstValue(t, conn, sql) == "t" })
}

// superuser connects to the database past the pooler. The caller closes the connection.
func (w *world) superuser(t testing.TB) *pgconn.PgConn {
	t.Helper()
	conn, err := w.server.Connect(context.Background(), w.database)
	must(t, err)
	return conn
}

func firstValue(t testing.TB, conn *pgconn.PgConn, sql string) string {
	t.Helper()
	results, err := conn.Exec(context.Background(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if rows := results[len(results)-1].Rows; len(rows) > 0 {
		return string(rows[0][0])
	}
	return ""
}

// lent is a condition on pg_stat_activity: the pooler's server connections to this world that it
// lends to clients.
func (w *world) lent() string {
	return fmt.Sprintf("datname = '%s' AND usename = 'app' AND application_name <> 'tenantpool control'", w.database)
}

// patience is how long an event may take that will surely come. It bounds failures only.
const patience = 20 * time.Second

// eventually asks until the answer is yes, and fails the test when patience ends.
func eventually(t testing.TB, what string, yes func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !yes() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		<-poll.C
	}
}
