package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"tenantpool/internal/pgtest"
)

// profiles is where CPU profiles go, one for each scenario.
const profiles = "bench/profiles"

type tenantPool struct {
	lab     *Lab
	binary  string
	version string
}

// newTenantPool copies the binary of the options into the lab, or builds one
// there: its account must be able to reach it.
func newTenantPool(ctx context.Context, lab *Lab) (*tenantPool, error) {
	t := &tenantPool{lab: lab, binary: lab.path("tenantpool")}
	if given := lab.options.TenantPool; given != "" {
		if err := copyFile(t.binary, given, 0o755); err != nil {
			return nil, err
		}
	} else if err := build(ctx, t.binary); err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, t.binary, "version").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("tenantpool version: %w: %s", err, out)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	t.version = first
	return t, nil
}

func build(ctx context.Context, binary string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "tenantpool/cmd/tenantpool")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build tenantpool: %w\n%s", err, bytes.TrimSpace(out))
	}
	return nil
}

func (t *tenantPool) Name() string                  { return "tenantpool" }
func (t *tenantPool) Version() string               { return t.version }
func (t *tenantPool) Protocol(wanted string) string { return wanted }

func (t *tenantPool) Start(ctx context.Context, s Scenario) (*Running, error) {
	port, err := pgtest.FreePort()
	if err != nil {
		return nil, err
	}
	r := &Running{Contender: t.Name(), Port: port, Database: tenant, TLS: s.TLS, tenant: func(name string) identity { return identity{role, name} }}
	if s.Tenants > 0 {
		r.Database = ""
	}
	cmd := t.run()
	if t.lab.options.Profile {
		profile := t.lab.path(s.Name + ".pprof")
		cmd.Env = []string{"TENANTPOOL_CPUPROFILE=" + profile}
		r.stopped = func() error { return keepProfile(profile) }
	}
	return t.lab.launch(ctx, r, t.Name(), "config.toml", t.config(port, s), cmd)
}

// run is the program with a configuration that launch puts in.
func (t *tenantPool) run() *exec.Cmd { return exec.Command(t.binary, "run", "-c", "") }

func (t *tenantPool) config(port int, s Scenario) string {
	tls := ""
	if s.TLS {
		tls = fmt.Sprintf("tls = \"require\"\ntls_cert = %q\ntls_key = %q\n", t.lab.cert, t.lab.key)
	}
	method := `method = "trust"`
	if s.SCRAM {
		method = "method = \"scram-sha-256\"\nusers_file = \"userlist.txt\""
	}
	return fmt.Sprintf(`listen    = ["127.0.0.1:%d"]
max_clients = 20000
pool_mode = "transaction"
%s

[auth]
%s

[cluster.main]
host      = %q
port      = %d
database  = %q
user      = %q
pool_size = %d

[[route]]
database    = "{tenant}"
users       = [%q]
cluster     = "main"
search_path = ["{schema}"]
tenants     = "schema"
`, port, tls, method, t.lab.server.Host, t.lab.server.Port, database, role, s.servers(), role)
}

// keepProfile takes a profile out of the lab before it is removed.
func keepProfile(path string) error {
	if err := os.MkdirAll(profiles, 0o755); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(profiles, filepath.Base(path)), path, 0o644); err != nil {
		return fmt.Errorf("no CPU profile from tenantpool: %w", err)
	}
	return nil
}

func copyFile(to, from string, mode os.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
