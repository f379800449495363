package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tenantpool/internal/pgtest"
)

// moveSetup is a pooler on cluster main with a cluster two beside it. Tenant acme is placed by
// [tenant.acme], globex by its row of the registry; initech is in the registry, too, and stays.
func moveSetup(t *testing.T, w, second *world) setup {
	s := withConsole(t)
	s.size = 3
	s.more += fmt.Sprintf(`
[registry]
cluster  = "main"
interval = "1h"

[cluster.two]
host      = %q
port      = %d
database  = %q
user      = "app"
pool_size = 3

[tenant.acme]
cluster = "main"
`, second.server.Host, second.server.Port, second.database)
	return s
}

// verb runs the program's own command on the configuration of a pooler that runs, and gives what it
// printed. The pooler's console is found by its socket.
func (r *reloadable) verb(t *testing.T, s setup, status int, args ...string) string {
	t.Helper()
	cmd := exec.Command(program(t, false), append(args, "-c", r.file, "-at", socketFile(t, s.socket))...)
	cmd.Env = append(os.Environ(), "PGUSER=", "PGPASSWORD=")
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Fatalf("%v: exit status %d, want %d\n%s", args, got, status, out)
	}
	return string(out)
}

// copyAsDocumented runs the command of docs/moving-a-tenant.md, word for word but for the tenant and
// where the servers are.
func copyAsDocumented(t *testing.T, tenant string, from, to *world) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "moving-a-tenant.md"))
	must(t, err)
	script := regexp.MustCompile("(?s)```sh\n(.*?)```").FindSubmatch(text)
	if script == nil {
		t.Fatal("the document has no command that copies")
	}
	command := strings.NewReplacer("acme", tenant,
		"host=db1 dbname=app user=app", from.server.DSN("app", from.database),
		"host=db2 dbname=app user=app", to.server.DSN("app", to.database)).Replace(regexp.MustCompile(`(?m)^ +`).ReplaceAllString(string(script[1]), ""))
	tool, err := from.server.Binaries.Tool("pg_dump")
	must(t, err)
	cmd := exec.Command("bash", "-c", command)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(tool)+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s\n%v\n%s", command, err, out)
	}
}

// moved moves one tenant with the document's steps, and says how many rows there were before, in the
// copy, and how long the tenant was paused.
func moved(t *testing.T, tenant string, from, to *world, pause, flip, resume func()) {
	t.Helper()
	rows := "SELECT count(*) FROM " + tenant + ".notes"
	began := time.Now()
	pause()
	before := from.value(t, rows)
	copyAsDocumented(t, tenant, from, to)
	if copied := to.value(t, rows); copied != before {
		t.Errorf("%s: %s rows were copied of %s", tenant, copied, before)
	}
	flip()
	if left := from.value(t, rows); left != before {
		t.Errorf("%s, paused: there were %s rows, and now %s", tenant, before, left)
	}
	resume()
	t.Logf("%s: %s rows when paused, paused for %v", tenant, before, time.Since(began).Round(time.Millisecond))
}

// Two tenants move from the oldest Postgres to the newest while clients write, by the steps of docs/moving-a-tenant.md: one
// is placed by the configuration, the other by the registry. Nobody sees an error, and every row is
// there once.
func TestTenantsMoveUnderLoad(t *testing.T) {
	needsPooler(t)
	w, second := newWorld(t, pgtest.Start(t, versions[0])), newWorld(t, pgtest.Start(t, versions[len(versions)-1]))
	w.withRegistry(t)
	w.exec(t, "INSERT INTO tenantpool.tenants (name) VALUES ('globex'), ('initech')")
	w.exec(t, `SET ROLE app; CREATE SEQUENCE acme.numbers; SELECT setval('acme.numbers', 41);
		INSERT INTO acme.notes SELECT n, repeat('x', 100) FROM generate_series(100000001, 100020000) n`)
	second.exec(t, "DROP SCHEMA acme, globex CASCADE")
	s := moveSetup(t, w, second)
	r := startReloadable(t, w, s)
	boss := operate(t, r.pooler, "boss")
	c := login(t, r.endpoint, "acme")
	c.send(parse("mine", "SELECT current_database()::text"), syncNow)
	c.until('Z')
	writers, stop := startWriters(t, r.pooler, "acme", "acme", "globex", "globex", "initech")
	progress(t, writers, 20)

	moved(t, "acme", w, second,
		func() { command(t, boss, "PAUSE TENANT acme") },
		func() {
			r.rewrite(t, "[tenant.acme]\ncluster = \"main\"", "[tenant.acme]\ncluster = \"two\"")
			if out := r.verb(t, s, 0, "reload"); !strings.Contains(out, "tenant acme: changed") {
				t.Errorf("the reload says %q", out)
			}
		},
		func() { command(t, boss, "RESUME TENANT acme") })
	progress(t, writers, 20)
	moved(t, "globex", w, second,
		func() { r.verb(t, s, 0, "tenant", "pause", "globex") },
		func() {
			w.exec(t, "UPDATE tenantpool.tenants SET cluster = 'two' WHERE name = 'globex'")
			eventually(t, "the row is in force", func() bool { return placed(t, boss, "globex", "two") })
		},
		func() { r.verb(t, s, 0, "tenant", "resume", "globex") })
	progress(t, writers, 20)

	c.send(bind("", "mine"), execute("", 0), syncNow)
	if rows, e := result(c.until('Z')); e != nil || rows[0][0] != second.database {
		t.Errorf("a statement of before gave %v, %v", rows, e)
	}
	c.expect("SELECT nextval('numbers')", "42")
	w.exec(t, "ALTER SCHEMA acme RENAME TO acme_moved; ALTER SCHEMA globex RENAME TO globex_moved")
	progress(t, writers, 20)
	stop()
	judgeMove(t, writers, w, second)
}

// placed says that new work of a tenant goes to a cluster, by the console's word.
func placed(t *testing.T, boss *pgx.Conn, tenant, cluster string) bool {
	t.Helper()
	for _, row := range records(t, boss, "SHOW WHY app "+tenant) {
		if strings.Contains(row["what"].(string), fmt.Sprintf("tenant %q on cluster %q", tenant, cluster)) {
			return true
		}
	}
	return false
}

// judgeMove fails the test if a writer saw an error, or a row is not where it belongs.
func judgeMove(t *testing.T, writers []*writer, w, second *world) {
	t.Helper()
	judge(t, writers, func(tenant string) map[int]int {
		if tenant == "initech" {
			return notesOn(t, w, tenant)
		}
		t.Logf("%s: %s rows after", tenant, second.value(t, "SELECT count(*) FROM "+tenant+".notes"))
		return notesOn(t, second, tenant)
	})
	for _, k := range writers {
		if len(k.errors) > 0 {
			t.Errorf("a writer of %s saw %v", k.tenant, k.errors)
		}
	}
	if n := second.value(t, "SELECT count(*) FROM acme.notes WHERE id > 100000000"); n != "20000" {
		t.Errorf("%s of the 20000 rows of before are there", n)
	}
}
