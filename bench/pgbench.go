package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// warmup is how long each measurement runs before it counts.
const warmup = time.Second

// threads of pgbench, the same for everybody. One is enough to keep two
// CPUs busy with a pooler and a server.
const threads = 1

// measureOnce drives a contender with one scenario, once.
func measureOnce(ctx context.Context, lab *Lab, s Scenario, protocol string, r *Running) (Measurement, error) {
	prefix := lab.path("txn")
	cmd, err := loadCommand(lab, s, protocol, r, prefix)
	if s.ownDriver() {
		cmd, err = driveCommand(lab, s, protocol, r, prefix)
	}
	if err != nil {
		return Measurement{}, err
	}
	load, err := startChild("pgbench", cmd, nil, lab.path("pgbench.out"))
	if err != nil {
		return Measurement{}, err
	}
	samples, err := watch(ctx, load, newSampler(r.PID(), lab.server.PID(), load.PID()))
	txns, logErr := readLogs(prefix)
	if err := errors.Join(err, logErr); err != nil {
		return Measurement{}, err
	}
	if err := checkSummary(tail(load.log, 100)); err != nil {
		return Measurement{}, err
	}
	return measure(txns, samples, warmup)
}

// loadCommand is pgbench for the length of the warm-up, the measurement and
// the samples at its edges.
func loadCommand(lab *Lab, s Scenario, protocol string, r *Running, prefix string) (*exec.Cmd, error) {
	seconds := lab.options.Seconds + int(warmup/time.Second)
	args := []string{"-n", "-M", protocol, "-c", strconv.Itoa(s.clientsOf(r.Contender)), "-j", strconv.Itoa(threads),
		"-T", strconv.Itoa(seconds), "-l", "--log-prefix=" + filepath.Base(prefix),
		"-h", "127.0.0.1", "-p", strconv.Itoa(r.Port), "-U", role}
	switch {
	case s.Load == writes:
		args = append(args, "-b", "tpcb-like")
	case s.Load == connect:
		args = append(args, "-S", "-C")
	case s.Script == "":
		args = append(args, "-S")
	default:
		script, err := lab.write("script.sql", s.Script)
		if err != nil {
			return nil, err
		}
		args = append(args, "-f", script)
	}
	cmd := exec.Command(lab.pgbench, append(args, r.Database)...)
	cmd.Dir = filepath.Dir(prefix)
	cmd.Env = environment("PGSSLMODE="+r.sslmode(), "PGGSSENCMODE=disable")
	if s.SCRAM {
		cmd.Env = append(cmd.Env, "PGPASSWORD="+password)
	}
	if r.Options != "" {
		cmd.Env = append(cmd.Env, "PGOPTIONS="+r.Options)
	}
	return cmd, nil
}

// driveCommand is the same with our own driver.
func driveCommand(lab *Lab, s Scenario, protocol string, r *Running, prefix string) (*exec.Cmd, error) {
	rows := tenantRows
	if s.Tenants == 0 {
		rows = scale * 100000
	}
	text, err := json.Marshal(order{Port: r.Port, TLS: r.TLS, Options: r.Options, Who: s.who(r), Clients: s.clientsOf(r.Contender), Load: s.Load,
		Protocol: protocol, Rows: rows, Seconds: lab.options.Seconds + int(warmup/time.Second), Log: prefix + ".1"})
	if err != nil {
		return nil, err
	}
	file, err := lab.write("order.json", string(text))
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, driveFlag, file)
	cmd.Env = environment()
	return cmd, nil
}

// watch takes samples until the load has ended by itself, or ends it with the
// context.
func watch(ctx context.Context, load *child, s *sampler) ([]Sample, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		<-load.Done()
		cancel(errLoadEnded)
	}()
	samples, err := s.collect(ctx)
	if err == nil && context.Cause(ctx) == errLoadEnded {
		if load.Err() != nil {
			return nil, load.ended()
		}
		return samples, nil
	}
	load.Stop(os.Interrupt, time.Second)
	return nil, errors.Join(err, ctx.Err())
}

var errLoadEnded = errors.New("pgbench has ended")

var failedTxns = regexp.MustCompile(`number of failed transactions: (\d+)`)

// checkSummary is an error if pgbench's summary names failed transactions.
// Versions that cannot count them stop at the first one instead.
func checkSummary(text string) error {
	m := failedTxns.FindStringSubmatch(text)
	if m != nil && m[1] != "0" {
		return fmt.Errorf("pgbench: %s transactions failed", m[1])
	}
	return nil
}
