package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	stopGrace  = 10 * time.Second // what a child gets to end in after a signal
	initLimit  = 3 * time.Minute  // what pgbench -i may take
	benchGrace = time.Minute      // what pgbench may take beyond its time
)

// load is one run of pgbench for one tenant.
type load struct {
	protocol string // simple, extended, prepared
	seconds  int
	clients  int
}

// outcome is what one run of pgbench came to.
type outcome struct {
	transactions int
	tps          float64
	writes       int // of the transactions, those of the TPC-B script
	checks       int // and those of the check script
	latencies    []uint32
	foreign      int
	errors       []string
}

// initialise runs pgbench -i as the tenant, then makes each row name it.
func (s *stage) initialise(ctx context.Context, e endpoint, tenant string) error {
	ctx, cancel := context.WithTimeout(ctx, initLimit)
	defer cancel()
	options, db := e.arguments(tenant)
	cmd := exec.Command(s.pgbench, append(options, "-i", "-s", "1", "-q", db)...)
	cmd.Env = e.environment()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := runChild(ctx, cmd); err != nil {
		return fmt.Errorf("pgbench -i for %s: %w\n%s", tenant, err, out.String())
	}
	if _, err := e.query(ctx, tenant, stampSQL(tenant)); err != nil {
		return fmt.Errorf("stamping the rows of %s: %w", tenant, err)
	}
	return nil
}

// bench runs the load as the tenant. It is an error only if ctx ends first: whatever goes wrong in
// the run itself is part of the outcome.
func (s *stage) bench(ctx context.Context, e endpoint, tenant string, l load, m *meter) (outcome, error) {
	prefix := filepath.Join(s.dir, fmt.Sprintf("%s-%s-%d", tenant, l.protocol, s.serial.Add(1)))
	options, db := e.arguments(tenant)
	cmd := exec.Command(s.pgbench, append(options, "-n", "-M", l.protocol,
		// A thread for each client: pgbench prepares statements with a call that blocks the thread, and
		// the client that has the server connection could be another one of the same thread.
		"-c", strconv.Itoa(l.clients), "-j", strconv.Itoa(l.clients), "-T", strconv.Itoa(l.seconds), "-P", "1", "-l", "--log-prefix", prefix,
		"-b", fmt.Sprintf("tpcb-like@%d", writeWeight), "-f", fmt.Sprintf("%s@%d", s.scriptFile(tenant), checkWeight), db)...)
	cmd.Env = e.environment()
	var report bytes.Buffer
	messages := &messages{tenant: tenant, meter: m}
	cmd.Stdout, cmd.Stderr = &report, messages
	limited, cancel := context.WithTimeout(ctx, time.Duration(l.seconds)*time.Second+benchGrace)
	defer cancel()
	err := runChild(limited, cmd)
	if ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	run := outcome{errors: messages.errors, foreign: messages.foreign}
	if err != nil && len(run.errors) == 0 {
		run.errors = append(run.errors, fmt.Sprintf("pgbench: %v", err))
	}
	run.addReport(report.String())
	run.addLogs(prefix)
	return run, nil
}

var (
	processedLine = regexp.MustCompile(`number of transactions actually processed: (\d+)`)
	tpsLine       = regexp.MustCompile(`tps = ([\d.]+)`)
	failedLine    = regexp.MustCompile(`number of failed transactions: ([1-9]\d*)`)
)

// addReport takes the totals from what pgbench prints at its end.
func (o *outcome) addReport(report string) {
	processed, tps := processedLine.FindStringSubmatch(report), tpsLine.FindStringSubmatch(report)
	if processed == nil || tps == nil {
		o.errors = append(o.errors, "pgbench gave no report")
		return
	}
	o.transactions, _ = strconv.Atoi(processed[1]) // digits by the pattern
	o.tps, _ = strconv.ParseFloat(tps[1], 64)
	if failed := failedLine.FindString(report); failed != "" {
		o.errors = append(o.errors, failed)
	}
}

var (
	progressLine = regexp.MustCompile(`^progress: [\d.]+ s, ([\d.]+) tps, lat ([\d.]+) ms`)
	foreignText  = regexp.MustCompile(`foreign rows: (\d+)`)
)

// messages takes pgbench's standard error apart: progress goes to the meter, errors are kept.
type messages struct {
	tenant  string
	meter   *meter
	partial []byte
	errors  []string
	foreign int
}

func (m *messages) Write(p []byte) (int, error) {
	m.partial = append(m.partial, p...)
	for {
		line, rest, ok := bytes.Cut(m.partial, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		m.line(string(line))
		m.partial = rest
	}
}

func (m *messages) line(line string) {
	if p := progressLine.FindStringSubmatch(line); p != nil {
		tps, _ := strconv.ParseFloat(p[1], 64)
		latency, _ := strconv.ParseFloat(p[2], 64)
		m.meter.progress(m.tenant, tps, latency)
		return
	}
	if !strings.Contains(line, "error:") && !strings.Contains(line, "ERROR:") && !strings.Contains(line, "FATAL:") {
		return
	}
	m.errors = append(m.errors, strings.TrimPrefix(line, "pgbench: error: "))
	m.meter.failure()
	if f := foreignText.FindStringSubmatch(line); f != nil {
		n, _ := strconv.Atoi(f[1])
		m.foreign += n
	}
}

// runChild runs a program to its end, or interrupts it when ctx ends.
func runChild(ctx context.Context, cmd *exec.Cmd) error {
	p, err := pgtest.StartProcess(cmd, nil)
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
		return p.Err()
	case <-ctx.Done():
		p.Stop(syscall.SIGINT, stopGrace)
		return errors.Join(ctx.Err(), p.Err())
	}
}
