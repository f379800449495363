package integration

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tenantpool/internal/pgtest"
)

// pooler is a running tenantpool, or in its place the server itself.
type pooler struct {
	endpoint
	process *pgtest.Process
	log     *logBuffer
}

// startPooler runs the pooler before the world until the end of the test.
func startPooler(t *testing.T, w *world, s setup) *pooler {
	t.Helper()
	if direct() {
		return &pooler{endpoint: endpoint{host: w.server.Host, port: w.server.Port, database: w.database}}
	}
	s.plain = s.plain || !w.newest() && !everywhere()
	return awaitPooler(t, launchPooler(t, s, s.write(t, w)))
}

// awaitPooler waits until a pooler listens, and stops it at the end of the test.
func awaitPooler(t *testing.T, p *pooler) *pooler {
	t.Helper()
	t.Cleanup(func() { p.stop(t) })
	line := p.log.await(t, listening)
	p.host = "127.0.0.1"
	p.port, _ = strconv.Atoi(listening.FindStringSubmatch(line)[1]) // the expression holds digits only
	return p
}

var listening = regexp.MustCompile(`msg=listening.* address=127\.0\.0\.1:(\d+)`)

// launchPooler runs the program on a configuration file, whether it will come up or not.
func launchPooler(t *testing.T, s setup, file string) *pooler {
	t.Helper()
	cmd := exec.Command(program(t, raceWanted() && !s.plain), "run", "-c", file)
	if s.files > 0 {
		limit := fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, s.files)
		cmd = exec.Command("/bin/sh", append([]string{"-c", limit}, cmd.Args...)...)
	}
	p := &pooler{log: newLogBuffer()}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.Env = append(os.Environ(), "GORACE=halt_on_error=0")
	var err error
	p.process, err = pgtest.StartProcess(cmd, nil)
	must(t, err)
	return p
}

// stop ends the pooler by SIGINT and judges what it logged. It may be called twice.
func (p *pooler) stop(t *testing.T) {
	t.Helper()
	if p.process == nil {
		return
	}
	if !p.process.Stop(syscall.SIGINT, 20*time.Second) {
		t.Error("the pooler did not end on SIGINT")
	} else if err := p.process.Err(); err != nil {
		t.Errorf("the pooler ended with %v", err)
	}
	text := p.log.String()
	for _, bad := range []string{"panic", "DATA RACE", "BUG:", "fatal error"} {
		if strings.Contains(text, bad) {
			t.Errorf("the pooler's log contains %q", bad)
		}
	}
	if t.Failed() {
		t.Logf("the pooler's log:\n%s", p.log.tail())
	}
	p.process = nil
}
