package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"tenantpool/internal/pgtest"
)

// haProxy copies bytes and understands nothing: the limit of what a process
// between client and server can do. Every client has a server connection.
type haProxy struct {
	lab     *Lab
	binary  string
	version string
}

func newHAProxy(ctx context.Context, lab *Lab) (*haProxy, error) {
	binary, err := findProgram("haproxy", "/usr/sbin/haproxy")
	if err != nil {
		return nil, err
	}
	return &haProxy{lab, binary, firstOutput(ctx, binary, "-v")}, nil
}

// findProgram looks in PATH, and where Debian puts what is not in everybody's.
func findProgram(name, at string) (string, error) {
	for _, n := range []string{name, at} {
		if found, err := exec.LookPath(n); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("no %[1]s: apt-get install %[1]s, or leave it out of CONTENDERS", name)
}

func (h *haProxy) Name() string                  { return "haproxy" }
func (h *haProxy) Version() string               { return h.version }
func (h *haProxy) Protocol(wanted string) string { return wanted }

// errPassesOn says what a scenario asks that only a pooler does.
var errPassesOn = errors.New("it only passes bytes on: the server asks for no password here and speaks no TLS")

func (h *haProxy) Start(ctx context.Context, s Scenario) (*Running, error) {
	if s.TLS || s.SCRAM {
		return nil, errPassesOn
	}
	port, err := pgtest.FreePort()
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`global
    maxconn 2000
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen postgres
    bind 127.0.0.1:%d
    server one %s:%d
`, port, h.lab.server.Host, h.lab.server.Port)
	return h.lab.launch(ctx, &Running{Contender: h.Name(), Port: port, Database: database, Options: pathOption}, h.Name(), "haproxy.cfg", config,
		exec.Command(h.binary, "-db", "-f", ""))
}
