package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tenantpool/internal/pgtest"
)

var protocols = []string{"simple", "extended", "prepared"}

// Run runs the demo with the arguments that follow "tenantpool demo". program is the file to start
// as "program run -c FILE". It returns the exit status: 0, 1 if anything failed or a foreign row was
// seen, 2 for wrong arguments.
func Run(program string, args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	s := &stage{options: o, program: program, out: stdout}
	defer s.close()
	clean, err := s.play(ctx)
	if ctx.Err() != nil && !(clean && s.keep) {
		fmt.Fprintln(stderr, "\ntenantpool demo: interrupted")
		return 1
	}
	if err != nil {
		fmt.Fprintf(stderr, "tenantpool demo: %v\n", err)
		return 1
	}
	if !clean {
		return 1
	}
	return 0
}

// stage holds what one demo has started. Its owner closes it.
type stage struct {
	options
	program string // tenantpool itself
	out     io.Writer

	dir     string // for scripts and logs
	pgbench string
	server  *pgtest.Server
	results []*result // by tenant
	serial  atomic.Int32
	closers []func()
}

func (s *stage) later(f func()) { s.closers = append(s.closers, f) }

// close stops everything in the reverse order of its start.
func (s *stage) close() {
	for len(s.closers) > 0 {
		last := len(s.closers) - 1
		s.closers[last]()
		s.closers = s.closers[:last]
	}
}

// play runs the whole demo. clean says that no error and no foreign row was seen.
func (s *stage) play(ctx context.Context) (clean bool, err error) {
	if err := s.setUp(ctx); err != nil {
		return false, err
	}
	pooler, err := s.startPooler(ctx)
	if err != nil {
		return false, err
	}
	watch, err := s.watchConnections(ctx)
	if err != nil {
		return false, err
	}
	if err := s.perform(ctx, pooler.endpoint, watch); err != nil {
		return false, err
	}
	comparison, err := s.compareWithPgBouncer(ctx, pooler.endpoint, watch)
	if err != nil {
		return false, err
	}
	if err := s.proveAll(ctx, pooler.endpoint); err != nil {
		return false, err
	}
	pooler.collectSwitches(ctx, s.results)
	clean = s.report(watch)
	fmt.Fprint(s.out, comparison)
	if s.keep {
		s.stayUp(ctx, pooler.endpoint)
	}
	return clean, nil
}

// perform initialises the tenants and runs pgbench in each protocol, for all of them at once.
func (s *stage) perform(ctx context.Context, e endpoint, w *watch) error {
	if err := s.initialiseAll(ctx, e); err != nil {
		return err
	}
	for _, protocol := range protocols {
		all, err := s.benchAll(ctx, e, load{protocol, s.seconds, s.clients}, w)
		if err != nil {
			return err
		}
		for i, r := range s.results {
			r.addRun(all.runs[i])
			r.addFigures(protocol, all.runs[i])
		}
	}
	return nil
}

// initialiseAll runs pgbench -i for all tenants at once.
func (s *stage) initialiseAll(ctx context.Context, e endpoint) error {
	fmt.Fprintf(s.out, "pgbench -i for %d tenants at once ... ", len(s.results))
	err := s.forEach(func(i int) error { return s.initialise(ctx, e, s.results[i].tenant) })
	if err == nil {
		fmt.Fprintln(s.out, "done")
	}
	return err
}

// benchAll runs the load for all tenants at once, under one line of progress.
func (s *stage) benchAll(ctx context.Context, e endpoint, l load, w *watch) (together, error) {
	m := newMeter(s.out, e.name, l, w)
	runs := make([]outcome, len(s.results))
	start := time.Now()
	err := m.during(func() error {
		return s.forEach(func(i int) (err error) {
			runs[i], err = s.bench(ctx, e, s.results[i].tenant, l, m)
			return err
		})
	})
	if err != nil {
		return together{}, err
	}
	all := together{runs, time.Since(start)}
	m.final(all.rate())
	return all, nil
}

func (s *stage) proveAll(ctx context.Context, e endpoint) error {
	for _, r := range s.results {
		if err := s.prove(ctx, e, r); err != nil {
			return err
		}
	}
	return nil
}

// forEach calls f for each tenant at once, waits for all, and returns their errors.
func (s *stage) forEach(f func(i int) error) error {
	errs := make([]error, len(s.results))
	var all sync.WaitGroup
	for i := range s.results {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}
