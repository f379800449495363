package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"

	"tenantpool/internal/pgtest"
)

type pgBouncer struct {
	lab          *Lab
	binary       string
	version      string
	major, minor int
}

func newPgBouncer(ctx context.Context, lab *Lab) (*pgBouncer, error) {
	binary, err := findPgBouncer(lab.options.PgBouncer)
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, binary, "--version").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w: %s", binary, err, out)
	}
	p := &pgBouncer{lab: lab, binary: binary}
	p.version, p.major, p.minor, err = parsePgBouncerVersion(string(out))
	return p, err
}

// findPgBouncer is the path asked for, or where Debian puts it, which is not
// in everybody's PATH.
func findPgBouncer(path string) (string, error) {
	names := []string{path}
	if path == "" {
		names = []string{"pgbouncer", "/usr/sbin/pgbouncer"}
	}
	for _, name := range names {
		if found, err := exec.LookPath(name); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("no PgBouncer at %q: apt-get install pgbouncer, or PGBOUNCER=path", names[0])
}

var pgBouncerVersion = regexp.MustCompile(`PgBouncer (\d+)\.(\d+)[\w.]*`)

func parsePgBouncerVersion(text string) (version string, major, minor int, err error) {
	m := pgBouncerVersion.FindStringSubmatch(text)
	if m == nil {
		return "", 0, 0, fmt.Errorf("not a PgBouncer: its version is %q", text)
	}
	major, _ = strconv.Atoi(m[1]) // digits, by the pattern
	minor, _ = strconv.Atoi(m[2])
	return m[0], major, minor, nil
}

// prepares tells whether this version keeps prepared statements in transaction
// mode: 1.21 was the first.
func (p *pgBouncer) prepares() bool { return p.major > 1 || p.major == 1 && p.minor >= 21 }

func (p *pgBouncer) Name() string    { return "pgbouncer" }
func (p *pgBouncer) Version() string { return p.version }

func (p *pgBouncer) Protocol(wanted string) string {
	if wanted == prepared && !p.prepares() {
		return extended
	}
	return wanted
}

func (p *pgBouncer) Start(ctx context.Context, s Scenario) (*Running, error) {
	port, err := pgtest.FreePort()
	if err != nil {
		return nil, err
	}
	users, err := p.lab.write("userlist.txt", userlist())
	if err != nil {
		return nil, err
	}
	r := &Running{Contender: p.Name(), Port: port, Database: tenant, TLS: s.TLS, tenant: byLogin}
	if s.Tenants > 0 {
		r.Database = ""
	}
	return p.lab.launch(ctx, r, p.Name(), "pgbouncer.ini", p.config(port, users, s), exec.Command(p.binary, ""))
}

// config is Debian's defaults but for what the comparison asks for, and no
// line in the log for each connection.
func (p *pgBouncer) config(port int, users string, s Scenario) string {
	text := fmt.Sprintf(`[databases]
%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = %s
auth_file = %s
pool_mode = transaction
default_pool_size = %d
max_client_conn = 20000
log_connections = 0
log_disconnections = 0
log_stats = 0
`, p.databases(s), port, p.method(s), users, s.servers())
	if s.Tenants > 0 {
		text += fmt.Sprintf("max_db_connections = %d\n", s.servers())
	}
	if p.prepares() {
		text += "max_prepared_statements = 200\n"
	}
	if s.TLS {
		text += fmt.Sprintf("client_tls_sslmode = require\nclient_tls_cert_file = %s\nclient_tls_key_file = %s\n", p.lab.cert, p.lab.key)
	}
	return text
}

// databases is the one tenant, whose path is set once for each connection; of
// many tenants each has its own login, and the server knows the path of that.
func (p *pgBouncer) databases(s Scenario) string {
	if s.Tenants > 0 {
		return fmt.Sprintf("%s = host=%s port=%d", database, p.lab.server.Host, p.lab.server.Port)
	}
	return fmt.Sprintf("%s = host=%s port=%d dbname=%s user=%s connect_query='SET search_path TO %s'",
		tenant, p.lab.server.Host, p.lab.server.Port, database, role, tenant)
}

func (p *pgBouncer) method(s Scenario) string {
	if s.SCRAM {
		return "scram-sha-256"
	}
	return "trust"
}

// userlist lists every login.
func userlist() string {
	text := fmt.Sprintf("%q %q\n", role, password)
	for i := range tenantsMost {
		text += fmt.Sprintf("%q %q\n", tenantName(i), password)
	}
	return text
}
