package main

import (
	"context"
	"fmt"
	"os/exec"

	"tenantpool/internal/pgtest"
)

// noisyContender is how a contender is started for two tenants that share
// poolSize server connections, with the best that its configuration offers.
func noisyContender(ctx context.Context, lab *Lab, name string) (func(context.Context) (*Running, error), error) {
	switch name {
	case "tenantpool":
		t, err := newTenantPool(ctx, lab)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) (*Running, error) {
			return lab.startNoisy(ctx, "tenantpool", "noisy.toml", t.noisyConfig, t.run())
		}, nil
	case "pgbouncer":
		p, err := newPgBouncer(ctx, lab)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) (*Running, error) {
			return lab.startNoisy(ctx, "pgbouncer", "noisy.ini", p.noisyConfig, exec.Command(p.binary, ""))
		}, nil
	}
	return nil, fmt.Errorf("%s takes no part in this scenario: CONTENDERS=tenantpool,pgbouncer", name)
}

// startNoisy starts a pooler with the configuration that config makes for a port,
// and waits until the quiet tenant is served.
func (l *Lab) startNoisy(ctx context.Context, name, file string, config func(port int) string, command *exec.Cmd) (*Running, error) {
	port, err := pgtest.FreePort()
	if err != nil {
		return nil, err
	}
	r := &Running{Port: port, Database: database, User: "quiet", Probe: "SELECT FROM items LIMIT 1"}
	return l.launch(ctx, r, name, file, config(port), command)
}

// noisyConfig has both tenants share all of the pool.
func (t *tenantPool) noisyConfig(port int) string {
	return fmt.Sprintf(`listen = ["127.0.0.1:%d"]
query_wait_timeout = "2m"

[auth]
method = "trust"

[cluster.main]
host = %q
port = %d
database = %q
user = %q
pool_size = %d

[[route]]
user = "{tenant}"
cluster = "main"
tenants = "schema"
`, port, t.lab.server.Host, t.lab.server.Port, database, role, poolSize)
}

// noisyConfig gives each tenant a login and half of the server connections: what
// one does not use the other cannot have.
func (p *pgBouncer) noisyConfig(port int) string {
	users := p.lab.path("noisyusers.txt")
	_, _ = p.lab.write("noisyusers.txt", "\"quiet\" \"\"\n\"noisy\" \"\"\n")
	return fmt.Sprintf(`[databases]
%s = host=%s port=%d dbname=%s

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s
pool_mode = transaction
default_pool_size = %d
max_db_connections = %d
max_client_conn = 2000
log_connections = 0
log_disconnections = 0
log_stats = 0
`, database, p.lab.server.Host, p.lab.server.Port, database, port, users, poolSize/2, poolSize)
}
