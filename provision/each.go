package provision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Job is one tenant's run of a command.
type Job struct {
	Tenant string
	Env    []string // the whole environment
}

// Each runs one command for every job.
type Each struct {
	Command     []string
	Jobs        int  // at once, at least 1
	StopOnError bool // begin no more once one has failed
	Verbose     bool // show the output of those that succeed, too
}

// Outcome sums up.
type Outcome struct {
	OK     int
	Failed []string // the tenants, in the order in which they failed
	NotRun int
}

// shownOutput is how much of a command's output is kept: its end tells the most.
const shownOutput = 8 << 10

// Run runs the jobs, some at once, and writes a line for each as it ends, then the
// sum. When ctx ends, commands that run are asked to end by SIGTERM, and no more
// begin.
func (e Each) Run(ctx context.Context, jobs []Job, w io.Writer) Outcome {
	began := time.Now()
	p := &progress{w: w, of: len(jobs), left: jobs, width: widest(jobs), each: e}
	var running sync.WaitGroup
	for range min(max(e.Jobs, 1), len(jobs)) {
		running.Go(func() {
			for j, ok := p.next(ctx); ok; j, ok = p.next(ctx) {
				p.told(j, e.one(ctx, j))
			}
		})
	}
	running.Wait()
	p.outcome.NotRun = len(p.left)
	p.sum(time.Since(began))
	return p.outcome
}

// result is how one command ended.
type result struct {
	err    error
	output string
	took   time.Duration
}

func (e Each) one(ctx context.Context, j Job) result {
	var out tail
	cmd := exec.CommandContext(ctx, e.Command[0], e.Command[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = j.Env, &out, &out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	began := time.Now()
	err := cmd.Run()
	return result{err, out.String(), time.Since(began)}
}

// tail keeps the end of what is written to it.
type tail struct{ bytes.Buffer }

func (t *tail) Write(b []byte) (int, error) {
	n, err := t.Buffer.Write(b)
	if over := t.Len() - shownOutput; over > 0 {
		t.Next(over)
	}
	return n, err
}

func widest(jobs []Job) int {
	n := 0
	for _, j := range jobs {
		n = max(n, len(j.Tenant))
	}
	return min(n, 40)
}

// progress writes what has happened. Its lock is held while it writes: lines of two
// tenants do not mix.
type progress struct {
	mu      sync.Mutex
	w       io.Writer
	of      int
	left    []Job // not begun
	width   int
	each    Each
	outcome Outcome
}

// next is the job to begin now. ok is false if none is to begin any more.
func (p *progress) next(ctx context.Context) (j Job, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.left) == 0 || ctx.Err() != nil || p.each.StopOnError && len(p.outcome.Failed) > 0 {
		return Job{}, false
	}
	j, p.left = p.left[0], p.left[1:]
	return j, true
}

func (p *progress) told(j Job, r result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	word := "ok"
	if r.err == nil {
		p.outcome.OK++
	} else {
		word = "FAILED: " + ending(r.err)
		p.outcome.Failed = append(p.outcome.Failed, j.Tenant)
	}
	done := p.outcome.OK + len(p.outcome.Failed)
	fmt.Fprintf(p.w, "[%*d/%d] %-*s %6.2fs  %s\n", len(fmt.Sprint(p.of)), done, p.of, p.width, j.Tenant, r.took.Seconds(), word)
	if text := strings.TrimRight(r.output, "\n"); text != "" && (r.err != nil || p.each.Verbose) {
		fmt.Fprintf(p.w, "    | %s\n", strings.ReplaceAll(text, "\n", "\n    | "))
	}
}

// ending says how a command ended that failed.
func ending(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.String()
	}
	return err.Error()
}

func (p *progress) sum(took time.Duration) {
	o := p.outcome
	fmt.Fprintf(p.w, "\n%d tenants in %.1fs: %d ok, %d failed, %d not run\n", p.of, took.Seconds(), o.OK, len(o.Failed), o.NotRun)
	if len(o.Failed) > 0 {
		fmt.Fprintf(p.w, "failed: %s\n", strings.Join(o.Failed, " "))
	}
}
