package main

import (
	"context"
	"fmt"
	"os/exec"

	"tenantpool/internal/pgtest"
)

// pgpool keeps server connections for the next client, but only one client at
// a time uses one: each client needs a process of its own.
type pgpool struct {
	lab     *Lab
	binary  string
	version string
}

func newPgpool(ctx context.Context, lab *Lab) (*pgpool, error) {
	binary, err := findProgram("pgpool", "/usr/sbin/pgpool")
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, binary, "--version").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w: %s", binary, err, out)
	}
	return &pgpool{lab, binary, string(out[:len(out)-1])}, nil
}

func (p *pgpool) Name() string                  { return "pgpool" }
func (p *pgpool) Version() string               { return p.version }
func (p *pgpool) Protocol(wanted string) string { return wanted }

func (p *pgpool) Start(ctx context.Context, s Scenario) (*Running, error) {
	if s.TLS || s.SCRAM {
		return nil, errPassesOn
	}
	ports := [3]int{}
	for i := range ports {
		var err error
		if ports[i], err = pgtest.FreePort(); err != nil {
			return nil, err
		}
	}
	config := fmt.Sprintf(`backend_clustering_mode = 'raw'
listen_addresses = '127.0.0.1'
port = %d
pcp_listen_addresses = '127.0.0.1'
pcp_port = %d
socket_dir = '%[3]s'
pcp_socket_dir = '%[3]s'
work_dir = '%[3]s'
pid_file_name = '%[3]s/pgpool.pid'
logdir = '%[3]s'
backend_hostname0 = '%[4]s'
backend_port0 = %[5]d
num_init_children = %[6]d
max_pool = 1
enable_pool_hba = off
sr_check_period = 0
health_check_period = 0
`, ports[0], ports[1], p.lab.dir, p.lab.server.Host, p.lab.server.Port, s.Clients+8)
	return p.lab.launch(ctx, &Running{Contender: p.Name(), Port: ports[0], Database: database, Options: pathOption}, p.Name(), "pgpool.conf", config,
		exec.Command(p.binary, "-n", "-f", "", "-F", p.lab.path("pcp.conf"), "-a", p.lab.path("pool_hba.conf")))
}
