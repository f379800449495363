package demo

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"tenantpool/internal/pgtest"
)

// compareSeconds is the length of each of the two runs that are compared.
const compareSeconds = 4

// compareWithPgBouncer runs the same load through PgBouncer and then through the pooler, and returns
// the lines to print about it. PgBouncer cannot give a tenant a search path, so there each tenant has
// a login of its own whose default path is the tenant's.
func (s *stage) compareWithPgBouncer(ctx context.Context, own endpoint, w *watch) (string, error) {
	if !s.compare {
		return "", nil
	}
	program, err := findPgBouncer()
	if err != nil {
		return "PgBouncer is not installed, so there is no comparison\n", nil
	}
	other, stop, err := s.startPgBouncer(ctx, program)
	if err != nil {
		return "", err
	}
	l := load{"simple", min(compareSeconds, s.seconds), s.clients}
	theirs, err := s.benchTidied(ctx, other, l, nil)
	stop()
	if err != nil {
		return "", err
	}
	ours, err := s.benchTidied(ctx, own, l, w)
	if err != nil {
		return "", err
	}
	for i, r := range s.results {
		r.addWritten(theirs.runs[i])
		r.addRun(ours.runs[i])
	}
	return comparison(theirs, ours), nil
}

// benchTidied runs the load on tables without the dead rows of the runs before, which would slow
// down whoever comes later.
func (s *stage) benchTidied(ctx context.Context, e endpoint, l load, w *watch) (together, error) {
	if err := s.server.Exec(ctx, database, "VACUUM"); err != nil {
		return together{}, err
	}
	return s.benchAll(ctx, e, l, w)
}

func comparison(theirs, ours together) string {
	line := func(name string, t together) string {
		return fmt.Sprintf("  %-36s %7s tps   the last client done after %4.1f s   %d errors\n",
			name, thousands(int(t.rate().tps)), t.elapsed.Seconds(), t.errors())
	}
	return "the same load on as many server connections:\n" +
		line("PgBouncer, with a login per tenant", theirs) + line("tenantpool, with one for all", ours)
}

func findPgBouncer() (string, error) {
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/pgbouncer") // not in everybody's PATH
}

// startPgBouncer starts PgBouncer as an unprivileged user and waits until it serves. The caller
// stops it; the stage does at the latest.
func (s *stage) startPgBouncer(ctx context.Context, program string) (e endpoint, stop func(), err error) {
	account, err := pgtest.Unprivileged()
	if err != nil {
		return e, nil, err
	}
	dir, err := s.directory(account)
	if err != nil {
		return e, nil, err
	}
	port, err := pgtest.FreePort()
	if err != nil {
		return e, nil, err
	}
	e = endpoint{name: "PgBouncer", host: "127.0.0.1", port: port, byLogin: true}
	ini, err := s.writePgBouncerFiles(dir, port, account)
	if err != nil {
		return e, nil, err
	}
	p, err := pgtest.StartProcess(exec.Command(program, "-q", ini), account)
	if err != nil {
		return e, nil, err
	}
	stop = func() { p.Stop(syscall.SIGTERM, stopGrace) }
	s.later(stop)
	return e, stop, awaitEndpoint(ctx, e, s.results[0].tenant, p)
}

func (s *stage) writePgBouncerFiles(dir string, port int, account *pgtest.Account) (ini string, err error) {
	var users strings.Builder
	for _, r := range s.results {
		fmt.Fprintf(&users, "%q \"\"\n", r.tenant)
	}
	ini = filepath.Join(dir, "pgbouncer.ini")
	userlist := filepath.Join(dir, "userlist.txt")
	settings := fmt.Sprintf(`[databases]
%s = host=%s port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s
logfile = %s
pool_mode = transaction
default_pool_size = %d
max_db_connections = %d
max_client_conn = %d
`, database, s.server.Host, s.server.Port, port, userlist, filepath.Join(dir, "log"),
		max(1, s.poolSize/s.tenants), s.poolSize, s.tenants*s.clients+20)
	for file, text := range map[string]string{ini: settings, userlist: users.String()} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", err
		}
		if err := account.Own(file); err != nil {
			return "", err
		}
	}
	return ini, nil
}
