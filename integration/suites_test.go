package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tenantpool/internal/pgtest"
)

// suite is the test suite of a driver, as its authors wrote it. It runs against the server itself
// and then through the pooler: what passes there must pass here.
type suite struct {
	name     string
	module   string // module@version
	packages []string
	setup    []string // SQL in the suite's database
	env      func(e endpoint) []string
}

var suites = []suite{
	{name: "pq", module: "github.com/lib/pq@v1.12.3", packages: []string{"./..."}, setup: pqSetup, env: pqEnv},
	{name: "pq", module: "github.com/lib/pq@v1.10.9", packages: []string{"./..."}, setup: pqSetup, env: pqEnv},
	{name: "pgx", module: "github.com/jackc/pgx/v5@v5.12.0", packages: []string{".", "./pgconn", "./stdlib", "./pgxpool"},
		setup: pgxSetup, env: pgxEnv},
}

var (
	pqSetup  = []string{"CREATE EXTENSION IF NOT EXISTS hstore"}
	pgxSetup = []string{
		"CREATE EXTENSION IF NOT EXISTS hstore", "CREATE EXTENSION IF NOT EXISTS ltree",
		"DROP DOMAIN IF EXISTS uint64", "CREATE DOMAIN uint64 AS numeric(20,0)",
		`DROP USER IF EXISTS " tricky, ' } "" \\ test user "`,
		`CREATE USER " tricky, ' } "" \\ test user " SUPERUSER`,
	}
)

// suiteName is the user and the database of the suites; through the pooler, the tenant too.
const suiteName = "suite"

func pqEnv(e endpoint) []string {
	return []string{"PGHOST=" + e.host, fmt.Sprintf("PGPORT=%d", e.port), "PGUSER=" + suiteName,
		"PGDATABASE=" + suiteName, "PGPASSWORD=" + password(suiteName), "PGSSLMODE=disable"}
}

func pgxEnv(e endpoint) []string {
	return []string{fmt.Sprintf("PGX_TEST_DATABASE=host=%s port=%d user=%s password='%s' dbname=%s",
		e.host, e.port, suiteName, password(suiteName), suiteName)}
}

const suiteConfig = `
listen     = ["127.0.0.1:0"]
pool_mode  = "%s"
max_pinned = 20

[auth]
method     = "scram-sha-256"
users_file = "users.txt"

[cluster.main]
host      = "127.0.0.1"
port      = %d
database  = "suite"
user      = "suite"
password  = "%s"
pool_size = 40

[[route]]
database        = "{tenant}"
users           = ["suite"]
cluster         = "main"
search_path     = ["{schema}"]
tenants         = "listed"
tenant_settings = "follow"

[tenant.suite]
schema = "public"
`

// TestDriversOwnSuites takes minutes and fetches the suites' own dependencies: it runs if
// TENANTPOOL_SUITES says so.
func TestDriversOwnSuites(t *testing.T) {
	if os.Getenv("TENANTPOOL_SUITES") == "" {
		t.Skip("TENANTPOOL_SUITES=1 runs the test suites of lib/pq and pgx")
	}
	for _, version := range versions {
		server := pgtest.StartOwn(t, pgtest.Options{Version: version, MaxConnections: 200,
			HBA:      []string{"host all all 127.0.0.1/32 scram-sha-256"}, // as the pooler asks of its clients
			Settings: map[string]string{"max_prepared_transactions": "10"}})
		server.MustExec(t, "postgres", "CREATE ROLE suite LOGIN SUPERUSER PASSWORD '"+password(suiteName)+"'")
		server.MustExec(t, "postgres", "CREATE DATABASE suite OWNER suite")
		for _, s := range suites {
			_, release, _ := strings.Cut(s.module, "@")
			t.Run(s.name+" "+release+" on "+version, func(t *testing.T) { s.compare(t, server) })
		}
	}
}

func (s suite) compare(t *testing.T, server *pgtest.Server) {
	dir := s.copy(t)
	for _, sql := range s.setup {
		server.MustExec(t, suiteName, sql)
	}
	itself := endpoint{host: server.Host, port: server.Port}
	direct := s.run(t, dir, itself)
	s.again(t, dir, itself, direct, s.tests(dir, itself), func(test string) bool {
		return direct.outcome[test] != "pass" && direct.outcome[test] != "skip"
	})
	t.Logf("direct: %d pass, %d fail", direct.count("pass"), direct.count("fail"))
	for _, mode := range []string{"session", "transaction"} {
		t.Run(mode, func(t *testing.T) {
			p := startSuitePooler(t, server, mode)
			known := s.differences(t, mode)
			through := s.runBoth(t, dir, p.endpoint, known)
			s.again(t, dir, p.endpoint, through, direct.outcome, func(test string) bool {
				return direct.outcome[test] == "pass" && through.outcome[test] != "pass" && known[top(test)] == ""
			})
			s.judge(t, known, direct, through)
		})
	}
}

func startSuitePooler(t *testing.T, server *pgtest.Server, mode string) *pooler {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "config.toml")
	must(t, os.WriteFile(file, fmt.Appendf(nil, suiteConfig, mode, server.Port, password(suiteName)), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "users.txt"), fmt.Appendf(nil, "%q %q\n", suiteName, password(suiteName)), 0o600))
	return awaitPooler(t, launchPooler(t, setup{plain: true}, file))
}

// copy puts the module's source where its tests may write. The module cache may not.
func (s suite) copy(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "mod", "download", "-json", s.module).Output()
	if err != nil {
		t.Fatalf("go mod download %s: %v\n%s", s.module, err, out)
	}
	var module struct{ Dir string }
	must(t, json.Unmarshal(out, &module))
	dir := filepath.Join(t.TempDir(), s.name)
	must(t, os.CopyFS(dir, os.DirFS(module.Dir)))
	must(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, 0o755)
	}))
	return dir
}

// verdicts are the outcomes of tests by name, and what they printed.
type verdicts struct {
	outcome map[string]string
	output  map[string]string
}

func (v verdicts) count(outcome string) (n int) {
	for _, o := range v.outcome {
		if o == outcome {
			n++
		}
	}
	return n
}

// runBoth runs the tests that must pass, and then those that need not: one of them may end the
// process.
func (s suite) runBoth(t *testing.T, dir string, e endpoint, known map[string]string) verdicts {
	t.Helper()
	if len(known) == 0 {
		return s.run(t, dir, e)
	}
	names := "^(" + strings.Join(slices.Sorted(maps.Keys(known)), "|") + ")$"
	all, others := s.run(t, dir, e, "-skip", names), s.run(t, dir, e, "-run", names)
	maps.Copy(all.outcome, others.outcome)
	return all
}

// ownNumber is part of a directory's name that is in a test's: every run has another.
var ownNumber = regexp.MustCompile(`\d{6,}`)

// again runs those of the tests that are asked for by themselves, one after another, and once more: many are
// about a hundredth of a second, and one that panics takes all behind it along. What then passes has
// passed.
func (s suite) again(t *testing.T, dir string, e endpoint, v verdicts, tests map[string]string, asked func(test string) bool) {
	t.Helper()
	for range 2 {
		tops := map[string]bool{}
		for test := range tests {
			if asked(test) {
				tops[top(test)] = true
			}
		}
		if len(tops) == 0 {
			return
		}
		names := slices.Sorted(maps.Keys(tops))
		t.Logf("%d tests run again: %.300s", len(names), strings.Join(names, " "))
		once := s.run(t, dir, e, "-parallel=1", "-run", "^("+strings.Join(names, "|")+")$")
		maps.Copy(v.outcome, once.outcome)
		maps.Copy(v.output, once.output)
	}
}

// tests are the names of all of the suite's: a process that ends early leaves some out.
func (s suite) tests(dir string, e endpoint) map[string]string {
	cmd := exec.Command("go", append([]string{"test", "-list=^(Test|Example|Fuzz)"}, s.packages...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append(s.env(e), "GOFLAGS=-mod=mod")...)
	out, _ := cmd.Output()
	all := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name := strings.TrimSpace(line); !strings.Contains(name, " ") && !strings.Contains(name, "\t") && name != "" {
			all[name] = ""
		}
	}
	return all
}

// top is the test that a subtest belongs to.
func top(test string) string {
	name, _, _ := strings.Cut(test, "/")
	return name
}

func (s suite) run(t *testing.T, dir string, e endpoint, which ...string) verdicts {
	t.Helper()
	cmd := exec.Command("go", slices.Concat([]string{"test", "-count=1", "-json", "-p=1", "-timeout=240s"}, which, s.packages)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append(s.env(e), "GOFLAGS=-mod=mod")...)
	out, _ := cmd.Output() // its status says no more than its lines
	v := verdicts{map[string]string{}, map[string]string{}}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var event struct{ Action, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &event) != nil || event.Test == "" {
			continue
		}
		event.Test = ownNumber.ReplaceAllString(event.Test, "N")
		switch event.Action {
		case "pass", "fail", "skip":
			v.outcome[event.Test] = event.Action
		case "output":
			v.output[event.Test] += event.Output
		}
	}
	if len(v.outcome) == 0 {
		t.Fatalf("no test of %s ran:\n%.2000s", s.module, out)
	}
	return v
}

// judge fails for what passes directly and not through the pooler, unless the list of differences of
// the mode names it.
func (s suite) judge(t *testing.T, known map[string]string, direct, through verdicts) {
	t.Helper()
	met := map[string]bool{}
	kinds := map[string]int{}
	for _, test := range slices.Sorted(maps.Keys(direct.outcome)) {
		if direct.outcome[test] != "pass" || through.outcome[test] == "pass" || hasFailedPart(test, through) {
			continue
		}
		if kind := known[top(test)]; kind != "" {
			met[top(test)] = true
			kinds[kind]++
			continue
		}
		t.Errorf("%s passes directly, here it says %q:\n%.1500s", test, through.outcome[test], through.output[test])
	}
	t.Logf("through the pooler: %d pass, %d fail; known differences: %v", through.count("pass"), through.count("fail"), kinds)
	for test := range known {
		if _, here := direct.outcome[test]; here && !met[test] && through.outcome[test] == "pass" {
			t.Logf("%s is listed as a difference and passes", test)
		}
	}
}

// hasFailedPart says that a failure is that of a subtest, which is judged by itself.
func hasFailedPart(test string, v verdicts) bool {
	for other, outcome := range v.outcome {
		if outcome == "fail" && strings.HasPrefix(other, test+"/") {
			return true
		}
	}
	return false
}

// differences reads suites/NAME-MODE.txt: a test's name, then the kind of difference.
func (s suite) differences(t *testing.T, mode string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("suites", s.name+"-"+mode+".txt"))
	must(t, err)
	known := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		name, kind, _ := strings.Cut(line, " ")
		known[name] = strings.TrimSpace(kind)
	}
	return known
}
