package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What import makes of a PgBouncer's files is good and runs: a database whose clients are one login on
// the server, and one where each is itself.
func TestAnImportedPgBouncerConfigurationRuns(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		w.exec(t, `DO $$ BEGIN CREATE ROLE import_me LOGIN PASSWORD 'me'; EXCEPTION WHEN duplicate_object THEN END $$; GRANT CREATE, USAGE ON SCHEMA public TO import_me, app`)
		dir := t.TempDir()
		list := filepath.Join(dir, "userlist.txt")
		must(t, os.WriteFile(list, []byte("\"app\" \"ap\"\n\"import_me\" \"me\"\n"), 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "pgbouncer.ini"), []byte(fmt.Sprintf(`[databases]
forced = host=%[1]s port=%[2]d dbname=%[3]s user=app pool_size=2
each   = host=%[1]s port=%[2]d dbname=%[3]s
[users]
import_me = max_user_connections=1
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = 0
auth_type = scram-sha-256
auth_file = %[4]s
pool_mode = transaction
ignore_startup_parameters = extra_float_digits
`, w.server.Host, w.server.Port, w.database, list)), 0o600))
		text, told, status := tenantpool(t, "", "import", filepath.Join(dir, "pgbouncer.ini"))
		if status != 0 || !strings.Contains(told, "0 not mapped") {
			t.Fatalf("import: %d\n%s", status, told)
		}
		file := filepath.Join(dir, "config.toml")
		must(t, os.WriteFile(file, []byte(text), 0o600))
		if out, errs, status := tenantpool(t, "", "check", "-c", file, "--connect"); status != 0 {
			t.Fatalf("check: %d\n%s%s\n%s", status, out, errs, text)
		}
		p := awaitPooler(t, launchPooler(t, setup{}, file))
		for _, c := range []struct{ database, user, secret, is string }{
			{"forced", "app", "ap", "app public"}, {"forced", "import_me", "me", "app public"}, {"each", "import_me", "me", "import_me public"},
		} {
			conn, failed := tryLogin(t, p.endpoint, c.user, c.secret, c.database)
			if failed != nil {
				t.Errorf("%s on %s: %v", c.user, c.database, failed)
				continue
			}
			if got := conn.value("SELECT current_user || ' ' || current_schema"); got != c.is {
				t.Errorf("%s on %s is %q, want %q", c.user, c.database, got, c.is)
			}
		}
	})
}
