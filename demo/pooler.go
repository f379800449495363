package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tenantpool/internal/pgtest"
)

const (
	startTimeout = 20 * time.Second
	pollInterval = 20 * time.Millisecond
)

// pooler is tenantpool, running as a child.
type pooler struct {
	endpoint endpoint
	process  *pgtest.Process
	logFile  string
}

// startPooler runs tenantpool with a copy of the configuration file and waits until it serves.
func (s *stage) startPooler(ctx context.Context) (*pooler, error) {
	port, err := pgtest.FreePort()
	if err != nil {
		return nil, err
	}
	p := &pooler{
		endpoint: endpoint{name: "tenantpool", host: "127.0.0.1", port: port, password: rand.Text()},
		logFile:  filepath.Join(s.dir, "tenantpool.log"),
	}
	config, err := s.writeConfig(p.endpoint)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(p.logFile)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(s.program, "run", "-c", config)
	cmd.Stdout, cmd.Stderr = log, log
	if p.process, err = pgtest.StartProcess(cmd, nil); err != nil {
		return nil, err
	}
	s.later(func() { p.process.Stop(syscall.SIGINT, stopGrace) })
	if err := awaitEndpoint(ctx, p.endpoint, s.results[0].tenant, p.process); err != nil {
		text, _ := os.ReadFile(p.logFile) // without it the message is shorter
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	fmt.Fprintf(s.out, "tenantpool      on 127.0.0.1:%d, with %s and pool_size = %d\n", port, s.config, s.poolSize)
	return p, nil
}

// writeConfig makes the copy of the configuration that runs, and the users file that goes with it.
func (s *stage) writeConfig(e endpoint) (string, error) {
	text, err := os.ReadFile(s.config)
	if err != nil {
		return "", fmt.Errorf("%w (--config FILE names the configuration to run)", err)
	}
	edited, err := rewrite(string(text), s.edits(e))
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.config, err)
	}
	users := fmt.Sprintf("%q %q\n", login, e.password)
	config := filepath.Join(s.dir, "config.toml")
	return config, errors.Join(
		os.WriteFile(filepath.Join(s.dir, "users.txt"), []byte(users), 0o600),
		os.WriteFile(config, []byte(edited), 0o600))
}

func (s *stage) edits(e endpoint) []edit {
	return []edit{
		{key: "listen", value: fmt.Sprintf(`["%s:%d"]`, e.host, e.port)},
		{key: "http", value: `""`, optional: true},
		{section: "auth", key: "users_file", value: `"users.txt"`},
		{section: "cluster.main", key: "host", value: strconv.Quote(s.server.Host)},
		{section: "cluster.main", key: "port", value: strconv.Itoa(s.server.Port)},
		{section: "cluster.main", key: "database", value: strconv.Quote(database)},
		{section: "cluster.main", key: "user", value: strconv.Quote(login)},
		{section: "cluster.main", key: "pool_size", value: strconv.Itoa(s.poolSize)},
	}
}

// awaitEndpoint asks until the tenant gets an answer, the process has ended, or the time is up.
func awaitEndpoint(ctx context.Context, e endpoint, tenant string, p *pgtest.Process) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		_, err := e.query(ctx, tenant, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
			return fmt.Errorf("%s ended at once: %v", e.name, p.Err())
		case <-ctx.Done():
			return fmt.Errorf("%s does not serve: %w", e.name, err)
		case <-poll.C:
		}
	}
}

var switchesLine = regexp.MustCompile(`\bstats\b.*\btenant=(\S+).*\bswitches=(\d+)`)

// collectSwitches asks the pooler for its figures and takes them from its log. A tenant that it says
// nothing about keeps "-".
func (p *pooler) collectSwitches(ctx context.Context, results []*result) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if p.process.Signal(syscall.SIGUSR1) != nil {
		return
	}
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		text, err := os.ReadFile(p.logFile)
		if err != nil {
			return
		}
		if addSwitches(string(text), results) == len(results) {
			return
		}
		select {
		case <-p.process.Done():
			return
		case <-ctx.Done():
			return
		case <-poll.C:
		}
	}
}

// addSwitches takes the figures of all tenants from a log, and returns for how many it had any.
func addSwitches(log string, results []*result) (found int) {
	switches := map[string]string{}
	for line := range strings.Lines(log) {
		if m := switchesLine.FindStringSubmatch(line); m != nil {
			switches[m[1]] = m[2]
		}
	}
	for _, r := range results {
		if n, ok := switches[r.tenant]; ok {
			r.switches = n
			found++
		}
	}
	return found
}
