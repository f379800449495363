package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// keeper runs "tenantpool tenant" on a configuration, as the superuser of the world.
type keeper struct {
	file string // the configuration
	url  string // of the superuser
	bin  string
}

// newKeeper makes a configuration that takes in files of tenants, with a login that
// has no rights of its own.
func newKeeper(t *testing.T, w *world, s setup) *keeper {
	t.Helper()
	w.exec(t, `DO $$ BEGIN CREATE ROLE clerk LOGIN NOINHERIT; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$`)
	s.login, s.global = "clerk", `include = ["*.tenant.toml"]`
	s.cluster += "\nlogin_secrets_file = \"logins.txt\""
	s.beside = map[string]string{"logins.txt": ""}
	return &keeper{file: s.write(t, w), bin: program(t, false),
		url: fmt.Sprintf("postgres://%s@%s:%d/%s?sslmode=disable", w.server.User, w.server.Host, w.server.Port, w.database)}
}

// do runs a subcommand, and gives what it printed and its exit status.
func (k *keeper) do(t *testing.T, verb string, args ...string) (out string, status int) {
	t.Helper()
	cmd := exec.Command(k.bin, append([]string{"tenant", verb, "-c", k.file}, args...)...)
	cmd.Env = append(os.Environ(), "TENANTPOOL_ADMIN_URL="+k.url)
	b, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// must is do for what has to succeed.
func (k *keeper) must(t *testing.T, verb string, args ...string) string {
	t.Helper()
	out, status := k.do(t, verb, args...)
	if status != 0 {
		t.Fatalf("tenant %s %q: exit status %d\n%s", verb, args, status, out)
	}
	return out
}

const tenantTemplate = `CREATE TABLE notes (id int, text text);
CREATE TABLE whoami AS SELECT current_setting('tenantpool.tenant') AS name;`

// levelOf is the name of a tenant of each level. Its quotes have to stay its own.
func levelOf(level string) string { return `o'k "` + level + `" ü` }

func TestTenantCreateMakesWhatEachLevelNeeds(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		k := newKeeper(t, w, setup{trust: true})
		template := filepath.Join(t.TempDir(), "template.sql")
		must(t, os.WriteFile(template, []byte(tenantTemplate), 0o600))
		levels := []string{"shared", "role", "dedicated"}
		for _, level := range levels {
			out := k.must(t, "create", levelOf(level), "--isolation", level, "--template", template)
			if !strings.Contains(out, "isolation "+level) || !strings.Contains(out, "checked") {
				t.Errorf("create says: %s", out)
			}
		}
		if out := k.must(t, "check", levelOf("shared"), levelOf("role"), levelOf("dedicated")); strings.Count(out, " ok\n") != 3 {
			t.Errorf("check says:\n%s", out)
		}
		if got := w.value(t, "SELECT rolpassword LIKE 'SCRAM-SHA-256$4096:%' FROM pg_authid WHERE rolname = '"+
			strings.ReplaceAll(levelOf("dedicated"), "'", "''")+"'"); got != "t" {
			t.Error("the login of its own has no verifier")
		}
		p := awaitPooler(t, launchPooler(t, setup{}, k.file))
		for _, level := range levels {
			k.tryTenant(t, p, level)
		}
		p.stop(t)
		for _, level := range levels {
			k.dropTenant(t, w, levelOf(level))
		}
	})
}

// tryTenant looks at what a client of a new tenant can do.
func (k *keeper) tryTenant(t *testing.T, p *pooler, level string) {
	t.Helper()
	config, err := pgconn.ParseConfig(p.dsn("acme"))
	must(t, err)
	config.Database = levelOf(level)
	conn, err := pgconn.ConnectConfig(context.Background(), config)
	must(t, err)
	defer conn.Close(context.Background())
	if got := firstValue(t, conn, "INSERT INTO notes VALUES (1, 'x'); SELECT name FROM whoami"); got != levelOf(level) {
		t.Errorf("%s: the template wrote %q", level, got)
	}
	if _, err := conn.Exec(context.Background(), "CREATE TABLE more ()").ReadAll(); err == nil {
		t.Errorf("%s: a tenant without --may-create makes a table", level)
	}
	other := map[string]string{"shared": "role", "role": "dedicated", "dedicated": "role"}[level]
	sql := fmt.Sprintf(`SELECT FROM "%s".notes`, strings.ReplaceAll(levelOf(other), `"`, `""`))
	if _, err := conn.Exec(context.Background(), sql).ReadAll(); err == nil {
		t.Errorf("%s: it reads the tables of %s", level, other)
	}
}

// dropTenant drops a tenant, and sees that it asks before.
func (k *keeper) dropTenant(t *testing.T, w *world, name string) {
	t.Helper()
	if out, status := k.do(t, "drop", name); status != 1 || !strings.Contains(out, "--yes") {
		t.Errorf("drop without --yes: exit status %d\n%s", status, out)
	}
	k.must(t, "drop", name, "--yes")
	left := w.value(t, strings.ReplaceAll(`SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = $)
		+ (SELECT count(*) FROM pg_roles WHERE rolname = $)`, "$", "'"+strings.ReplaceAll(name, "'", "''")+"'"))
	if left != "0" {
		t.Errorf("%s of %q are left", left, name)
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(k.file), "*.tenant.toml")); len(files) > 3 {
		t.Errorf("files are left: %q", files)
	}
}

func TestTenantCreateThatFailsLeavesNothing(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		k := newKeeper(t, w, setup{trust: true})
		template := filepath.Join(t.TempDir(), "template.sql")
		for sql, complaint := range map[string]string{
			"SELECT 1;\nSELECT 1/0": "division by zero", "SELECT 1;\n SELECT x": "line 2: column", "CREATE TABLE x ();\nCREATE TABLE x ()": "already exists", "COMMIT": "leave COMMIT"} {
			must(t, os.WriteFile(template, []byte(sql), 0o600))
			out, status := k.do(t, "create", "unlucky", "--isolation", "dedicated", "--template", template)
			if status != 1 || !strings.Contains(out, complaint) {
				t.Errorf("%q: exit status %d\n%s", sql, status, out)
			}
			if sql == "COMMIT" {
				w.exec(t, "DROP SCHEMA unlucky; DROP ROLE unlucky") // the template has committed what was there
				continue
			}
			if got := w.value(t, "SELECT count(*) FROM pg_roles WHERE rolname = 'unlucky'"); got != "0" {
				t.Errorf("%q: the role is left", sql)
			}
		}
		if secrets, _ := os.ReadFile(filepath.Join(filepath.Dir(k.file), "logins.txt")); len(secrets) > 0 {
			t.Errorf("a secret is left: %d bytes", len(secrets))
		}
		if out, status := k.do(t, "create", "pg_evil"); status != 1 || !strings.Contains(out, "belong to Postgres") {
			t.Errorf("pg_evil: exit status %d\n%s", status, out)
		}
	})
}

func TestTenantCreateListsItInARegistry(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		k := newKeeper(t, w, setup{trust: true})
		w.exec(t, "CREATE SCHEMA registry; CREATE TABLE registry.tenants (name text PRIMARY KEY, schema text, isolation text)")
		k.must(t, "create", "listed", "--registry", "registry.tenants")
		if got := w.value(t, "SELECT name FROM registry.tenants WHERE schema IS NULL"); got != "listed" {
			t.Errorf("the row is %q", got)
		}
		if out, status := k.do(t, "create", "listless", "--registry", "no.such"); status != 1 || !strings.Contains(out, "nothing was made") {
			t.Errorf("without a registry: exit status %d\n%s", status, out)
		}
		k.must(t, "drop", "listed", "--registry", "registry.tenants", "--yes")
		if got := w.value(t, "SELECT count(*) FROM registry.tenants"); got != "0" {
			t.Errorf("%s rows are left", got)
		}
	})
}

func TestTenantVerbsSeeTheRowsOfTheRegistry(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		w.withRegistry(t)
		s := registered("")
		s.trust = true
		k := newKeeper(t, w, s)
		if out, status := k.do(t, "list"); status != 1 || !strings.Contains(out, "cannot be read") {
			t.Errorf("a registry that clerk may not read: exit status %d\n%s", status, out)
		}
		w.exec(t, "GRANT USAGE ON SCHEMA tenantpool TO clerk; GRANT SELECT ON tenantpool.tenants TO clerk")
		w.exec(t, "INSERT INTO tenantpool.tenants (name, cluster, state, reason) VALUES ('lost', 'nowhere', 'active', NULL), ('late', NULL, 'suspended', 'bill')")
		out := k.must(t, "create", "rowed", "--isolation", "dedicated")
		if got := w.value(t, "SELECT isolation FROM tenantpool.tenants WHERE name = 'rowed'"); got != "dedicated" {
			t.Errorf("the row is %q\n%s", got, out)
		}
		list := k.must(t, "list")
		for _, want := range []string{`"lost" is refused: cluster: no cluster is called "nowhere"`} {
			if !strings.Contains(list, want) {
				t.Errorf("no %q in\n%s", want, list)
			}
		}
		for _, want := range []string{`late .* row +suspended: bill`, `rowed .* dedicated +rowed +row +enabled`} {
			if !regexp.MustCompile(want).MatchString(list) {
				t.Errorf("no %q in\n%s", want, list)
			}
		}
		k.must(t, "check", "rowed")
		if out, status := k.do(t, "create", "rowed"); status != 1 || !strings.Contains(out, "is a row of the registry already") {
			t.Errorf("once more: exit status %d\n%s", status, out)
		}
		if out := k.must(t, "each", "--direct", "--tenants", "rowed", "--verbose", "--", "sh", "-c", "echo of $TENANT"); !strings.Contains(out, "of rowed") {
			t.Errorf("each says\n%s", out)
		}
		k.must(t, "drop", "rowed", "--yes")
		if got := w.value(t, "SELECT count(*) FROM tenantpool.tenants WHERE name = 'rowed'"); got != "0" {
			t.Errorf("%s rows are left", got)
		}
	})
}

func TestTenantCheckFindsWhatIsWrong(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		k := newKeeper(t, w, setup{trust: true})
		for name, harm := range map[string]string{
			"sound":      "SELECT 1",
			"no_schema":  "DROP SCHEMA no_schema CASCADE",
			"no_usage":   "REVOKE USAGE ON SCHEMA no_usage FROM no_usage",
			"unreadable": "CREATE TABLE unreadable.t (); REVOKE ALL ON unreadable.t FROM unreadable",
			"opened":     "GRANT USAGE ON SCHEMA opened TO PUBLIC",
			"unbecoming": "REVOKE unbecoming FROM clerk",
			"bypassing":  "ALTER ROLE bypassing BYPASSRLS",
		} {
			k.must(t, "create", name, "--isolation", "role")
			w.exec(t, harm)
		}
		defer w.exec(t, `DROP OWNED BY sound, no_schema, no_usage, unreadable, opened, unbecoming, bypassing;
			DROP ROLE sound, no_schema, no_usage, unreadable, opened, unbecoming, bypassing`)
		out, status := k.do(t, "check")
		if status != 1 {
			t.Errorf("exit status %d", status)
		}
		for _, want := range []string{`schema "no_schema" does not exist`, `GRANT USAGE ON SCHEMA`, `may not read 1 of its tables`,
			`everybody may use the schema`, `may not become "unbecoming"`, `NOBYPASSRLS`, `"sound" may use schema "opened" of another tenant`} {
			if !strings.Contains(out, want) {
				t.Errorf("it does not say %q", want)
			}
		}
		if t.Failed() {
			t.Log(out)
		}
	})
}

func TestTenantEachSaysWhichFailed(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		names := make([]string, 10)
		for i := range names {
			names[i] = fmt.Sprintf("shop_%02d", i+1)
		}
		w.addTenants(t, names...)
		w.exec(t, "SET ROLE app; CREATE TABLE shop_07.orders ()") // somebody was there before
		file := setup{route: `schemas = "shop_*"`}.write(t, w)
		p := awaitPooler(t, launchPooler(t, setup{}, file))
		k := &keeper{file: file, bin: program(t, false), url: fmt.Sprintf("postgres://app@%s:%d/%s?sslmode=disable", w.server.Host, w.server.Port, w.database)}
		migration := filepath.Join(t.TempDir(), "migration.sql")
		must(t, os.WriteFile(migration, []byte("CREATE TABLE orders (id int PRIMARY KEY, tenant text DEFAULT current_schema());\nINSERT INTO orders VALUES (1);\n"), 0o600))
		out, status := k.do(t, "each", "--at", p.address(), "--jobs", "8", "--", "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", migration)
		t.Logf("exit status %d\n%s", status, out)
		if status != 1 || !strings.Contains(out, "9 ok, 1 failed, 0 not run") || !strings.Contains(out, "failed: shop_07\n") ||
			!strings.Contains(out, `relation "orders" already exists`) {
			t.Error("the summary is not what it should be")
		}
		for _, name := range []string{"shop_01", "shop_10"} {
			if got := w.value(t, "SELECT tenant FROM "+name+".orders"); got != name {
				t.Errorf("the migration of %s ran in %s", name, got)
			}
		}
		out, status = k.do(t, "each", "--direct", "--jobs", "1", "--stop-on-error", "--tenants", "shop_0*", "--verbose", "--",
			"sh", "-c", `psql -X -q -c "INSERT INTO orders VALUES (2)" && echo "$TENANT"`)
		if status != 1 || !strings.Contains(out, "| shop_06\n") || !strings.Contains(out, "failed: shop_07\n") || !strings.Contains(out, "6 ok, 1 failed, 2 not run") {
			t.Errorf("straight to the server: exit status %d\n%s", status, out)
		}
	})
}
