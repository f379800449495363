package integration

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tenantpool/internal/pgtest"
)

// withConsole is a setup with an operator of each role, and a Unix socket.
func withConsole(t testing.TB) setup {
	return setup{users: []string{"boss", "oper", "watch"}, socket: t.TempDir(),
		more: "[admin]\nusers = [\"boss\"]\noperators = [\"oper\"]\nstats_users = [\"watch\"]\n"}
}

// consoleDSN is a connection string for an operator.
func (p *pooler) consoleDSN(user string, more ...string) string {
	return fmt.Sprintf("host=%s port=%d user=%s password='%s' dbname=tenantpool sslmode=disable %s",
		p.host, p.port, user, password(user), strings.Join(more, " "))
}

// operate connects to the console.
func operate(t testing.TB, p *pooler, user string, more ...string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), p.consoleDSN(user, more...))
	must(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// command runs one command of the console.
func command(t testing.TB, conn *pgx.Conn, words string) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), words); err != nil {
		t.Fatalf("%s: %v", words, err)
	}
}

// shows are all SHOW commands but the one that is refused, by the console's own word.
func shows(t testing.TB, p *pooler) (all []string) {
	t.Helper()
	rows, err := operate(t, p, "boss").Query(context.Background(), "SHOW HELP")
	must(t, err)
	help, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Command, Role, What string }])
	must(t, err)
	for _, line := range help {
		if c := line.Command; strings.HasPrefix(c, "SHOW ") && c != "SHOW FDS" && !strings.Contains(c, "name") {
			all = append(all, c)
		}
	}
	if len(all) < 29 {
		t.Fatalf("SHOW HELP names %d SHOW commands", len(all))
	}
	return append(all, "SHOW WHY app acme", "SHOW TENANT acme")
}

// busy makes a client that has done something, and one in a transaction.
func busy(t *testing.T, p *pooler) {
	t.Helper()
	c := login(t, p.endpoint, "acme")
	c.run("SELECT name FROM whoami")
	d := login(t, p.endpoint, "globex")
	d.run("BEGIN")
}

func TestPgxReadsEveryShowInEveryExecMode(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, withConsole(t))
		busy(t, p)
		for _, mode := range pgxModes {
			conn := operate(t, p, "boss", "default_query_exec_mode="+mode)
			for _, command := range shows(t, p) {
				rows, err := conn.Query(t.Context(), command)
				must(t, err)
				for rows.Next() {
					if _, err := rows.Values(); err != nil {
						t.Errorf("%s: %s: %v", mode, command, err)
					}
				}
				if err := rows.Err(); err != nil {
					t.Errorf("%s: %s: %v", mode, command, err)
				}
			}
		}
	})
}

func TestTheDriversReadEveryShow(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, withConsole(t))
		busy(t, p)
		commands := shows(t, p)
		list := filepath.Join(t.TempDir(), "shows")
		must(t, os.WriteFile(list, []byte(strings.Join(commands, "\n")), 0o600))
		for name, command := range map[string][]string{
			"psycopg2":  {"/usr/bin/python3", "clients/console.py", "psycopg2"},
			"psycopg 3": {"/usr/bin/python3", "clients/console.py", "psycopg"},
			"asyncpg":   {"/usr/bin/python3", "clients/console.py", "asyncpg"},
			"pgjdbc":    {"java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", jdbc, "clients/Console.java"},
		} {
			t.Run(name, func(t *testing.T) {
				cmd := exec.Command(command[0], append(command[1:], p.host, strconv.Itoa(p.port), "boss", password("boss"), list)...)
				if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), fmt.Sprintf("%d shows", len(commands))) {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	})
}

func TestPsqlReadsEveryShowAndCompletesWithoutHanging(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, withConsole(t))
		busy(t, p)
		var script strings.Builder
		for _, command := range shows(t, p) {
			script.WriteString(command + ";\n")
		}
		script.WriteString("\\d\n\\dt public.*\nSHOW VERSION; SHOW STATE;\n")
		cmd := consolePsql(t, w, p, "boss")
		cmd.Stdin = strings.NewReader(script.String())
		out, _ := cmd.CombinedOutput()
		if n := strings.Count(string(out), "ERROR:"); n != 2 || strings.Count(string(out), "this is the console of tenantpool") != 2 {
			t.Errorf("%d errors, but \\d has two\n%s", n, out)
		}
		if !strings.Contains(string(out), "tenantpool 0.") || !strings.Contains(string(out), "active|yes") {
			t.Errorf("the last two commands gave no answer\n%s", out)
		}
	})
}

func consolePsql(t testing.TB, w *world, p *pooler, user string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := psql(t, w, p, "acme", args...)
	cmd.Env = append(cmd.Env, "PGUSER="+user, "PGPASSWORD="+password(user), "PGDATABASE=pgbouncer", "PGOPTIONS=")
	return cmd
}

// Debian's exporter, unmodified, which knows PgBouncer as it was in 2015, by a socket and the name
// that it uses by itself.
func TestDebiansExporterReadsTheConsole(t *testing.T) {
	needsPooler(t)
	if _, err := exec.LookPath("prometheus-pgbouncer-exporter"); err != nil {
		t.Fatal("scripts/install-deps.sh test installs prometheus-pgbouncer-exporter: ", err)
	}
	onNewest(t, func(t *testing.T, w *world) {
		s := withConsole(t)
		p := startPooler(t, w, s)
		busy(t, p)
		port := freePort(t)
		log := newLogBuffer()
		cmd := exec.Command("prometheus-pgbouncer-exporter", "--host", "127.0.0.1", "--port", strconv.Itoa(port),
			"--pgbouncer-host", s.socket, "--pgbouncer-port", socketPort(t, s.socket))
		cmd.Stdout, cmd.Stderr = log, log
		process, err := pgtest.StartProcess(cmd, nil)
		must(t, err)
		t.Cleanup(func() { process.Stop(os.Kill, patience) })
		for range 3 {
			text := fetch(t, fmt.Sprintf("http://127.0.0.1:%d/metrics", port), log)
			for _, line := range []string{`pgbouncer_requests_total{database="acme"} 1.0`, `pgbouncer_pool_size{database="` + w.database + `"} 4.0`,
				`pgbouncer_active_clients{database="main",user="app"} 2.0`, `pgbouncer_used_clients 2.0`, `pgbouncer_reserve_pool{database="` + w.database + `"} 0.0`} {
				if !strings.Contains(text, line+"\n") {
					t.Errorf("the exporter does not say %s", line)
				}
			}
		}
		for _, bad := range []string{"Traceback", "Error", "error"} {
			if strings.Contains(log.String(), bad) {
				t.Errorf("the exporter complains:\n%s", log.String())
				break
			}
		}
	})
}

// freePort is a port that nobody listened on just now.
func freePort(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// fetch is what a page says, once somebody serves it.
func fetch(t testing.TB, url string, log *logBuffer) string {
	t.Helper()
	var text []byte
	eventually(t, url+" answers", func() bool {
		r, err := http.Get(url)
		if err != nil {
			return false
		}
		defer r.Body.Close()
		if text, err = io.ReadAll(r.Body); err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v\n%s\n%s", url, r.Status, err, text, log.String())
		}
		return true
	})
	return string(text)
}

// socketPort is the port in the name of the only socket in a directory.
func socketPort(t testing.TB, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, ".s.PGSQL.*"))
	must(t, err)
	if len(names) != 1 {
		t.Fatalf("sockets in %s: %q", dir, names)
	}
	return strings.TrimPrefix(filepath.Ext(names[0]), ".")
}
