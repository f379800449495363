package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Options say how long and how hard to soak.
type Options struct {
	Address  string // of the pooler, host:port
	Password string // of the clients
	Clients  int
	Seed     uint64
	Duration time.Duration
	Progress func(p Progress) // called now and then, if not nil
	// Switched says that the pooler switches between any two sessions, so that
	// not even what a trigger hides is left to clients of the same tenant.
	Switched bool
}

// Progress is how far a soak is.
type Progress struct {
	Elapsed      time.Duration
	Transactions int64
	Rows         int64
	Findings     int64
}

// Field is a ground with its probe tenants on it. Close removes them.
type Field struct {
	ground *Ground
	admin  *admin
}

// Open makes the probe tenants, by way of a login past the pooler, and clears away first what an
// earlier soak has left. The caller closes the field.
func Open(ctx context.Context, g *Ground, login *Login) (*Field, error) {
	a, err := connect(ctx, g, login)
	if err != nil {
		return nil, err
	}
	f := &Field{g, a}
	if err := a.build(ctx, g); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close drops what Open has made.
func (f *Field) Close() error {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	defer f.admin.close()
	return f.admin.sweep(ctx)
}

// atOnce is how many clients log in at once. All of them together would be a test of patience.
const atOnce = 16

// soak is one run.
type soak struct {
	Options
	ground   *Ground
	login    *pgconn.Config // of every client
	address  string
	temp     bool // temporary tables may be made
	traps    bool // a trigger may move the path for good
	looks    []string
	baseline map[string]string // the tracked settings where nobody has set them
	clients  []*client
	door     chan struct{} // holds as many tokens as clients may log in at once
	stop     chan struct{}
	halt     func() // closes stop

	transactions, rows, findings atomic.Int64

	mu     sync.Mutex
	counts map[Kind]int
	alike  map[string]int // findings by how they begin
	kept   []Finding
}

// Run lets the clients loose until the time is up, ctx ends, a foreign row is seen or far too many
// errors, and judges what they wrote. The error is about what kept it from running; what it found is in the report.
func (f *Field) Run(ctx context.Context, o Options) (*Report, error) {
	login, err := loginConfig(o.Address, o.Password)
	if err != nil {
		return nil, err
	}
	s := &soak{Options: o, ground: f.ground, login: login, address: o.Address, temp: f.admin.temp,
		traps: o.Switched || f.admin.pg.ParameterStatus("search_path") != "",
		door:  make(chan struct{}, atOnce),
		stop:  make(chan struct{}), counts: map[Kind]int{}, alike: map[string]int{}, kept: []Finding{}}
	s.halt = sync.OnceFunc(func() { close(s.stop) })
	for _, p := range f.ground.Probes {
		s.looks = append(s.looks, s.lookSQL(p))
	}
	if err := s.learn(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	s.work(ctx)
	r := s.report(time.Since(began))
	r.Server = f.admin.version
	if r.Ledger, err = s.judgeLedgers(context.WithoutCancel(ctx), f.admin); err != nil {
		return r, err
	}
	s.conclude(r)
	return r, nil
}

// work runs all clients to their end.
func (s *soak) work(ctx context.Context) {
	timer := time.AfterFunc(s.Duration, s.halt)
	defer timer.Stop()
	defer context.AfterFunc(ctx, s.halt)()
	var wait sync.WaitGroup
	for i := range s.Clients {
		c := &client{soak: s, number: i, probe: s.ground.Probes[i%len(s.ground.Probes)],
			dice: rand.New(rand.NewPCG(s.Seed, uint64(i))), tally: newTally()}
		s.clients = append(s.clients, c)
	}
	done := make(chan struct{})
	for _, c := range s.clients {
		wait.Go(func() { c.work(context.WithoutCancel(ctx)) })
	}
	go func() { wait.Wait(); close(done) }()
	s.show(done)
}

// show tells the progress until the clients are done.
func (s *soak) show(done <-chan struct{}) {
	began := time.Now()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if s.Progress != nil {
				s.Progress(Progress{time.Since(began), s.transactions.Load(), s.rows.Load(), s.findings.Load()})
			}
		}
	}
}

func (s *soak) over() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// maxKept is how many findings that begin alike are kept with their evidence; behind maxFound of them
// there is nothing more to learn, and the soak ends.
const (
	maxKept  = 2
	maxFound = 1000
)

func (s *soak) found(f Finding) {
	if s.findings.Add(1) == maxFound {
		s.halt()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[f.Kind]++
	begin, _, _ := strings.Cut(f.Text, ":")
	if s.alike[begin]++; s.alike[begin] <= maxKept {
		s.kept = append(s.kept, f)
	}
}

// judgeLedgers compares the rows that are there with those that the clients know of, and counts them.
func (s *soak) judgeLedgers(ctx context.Context, a *admin) (int, error) {
	sums := make(map[*Probe]*tally)
	for _, c := range s.clients {
		if sums[c.probe] == nil {
			t := newTally()
			sums[c.probe] = &t
		}
		sums[c.probe].add(&c.tally)
	}
	total := 0
	for p, t := range sums {
		name := p.route.Tenant
		row, err := a.row(ctx, fmt.Sprintf("SELECT count(*) FILTER (WHERE tenant = '%s'), count(*) FROM %s.soak_ledger",
			name, ident(p.home)))
		if err != nil {
			return total, fmt.Errorf("count what tenant %q has written: %w", name, err)
		}
		var own, all int
		if _, err := fmt.Sscan(row[0]+" "+row[1], &own, &all); err != nil {
			return total, err
		}
		total += all
		if own != all {
			s.found(Finding{Kind: Foreign, Tenant: name, Client: -1, Text: fmt.Sprintf("its ledger holds %d rows of others", all-own)})
		}
		if own < t.committed || own > t.committed+t.unsure {
			s.found(Finding{Kind: Unexpected, Tenant: name, Client: -1,
				Text: fmt.Sprintf("its ledger holds %d rows, its clients committed %d to %d", own, t.committed, t.committed+t.unsure)})
		}
	}
	return total, nil
}

// report adds up what the clients have seen.
func (s *soak) report(elapsed time.Duration) *Report {
	sum := newTally()
	for _, c := range s.clients {
		sum.add(&c.tally)
	}
	r := &Report{Isolation: s.ground.level().String(), Route: s.ground.Rule + 1, Tenants: len(s.ground.Probes), Clients: s.Clients,
		Seed: s.Seed, Seconds: elapsed.Seconds(), Transactions: sum.transactions, Rows: sum.rows, Looks: sum.looks,
		Departures: sum.departures, Tricks: map[string]int{}, Refusals: sum.refusals}
	for i, n := range sum.tricks {
		r.Tricks[tricks[i].name] = n
	}
	return r
}

// conclude puts the findings into the report.
func (s *soak) conclude(r *Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Foreign, r.Leftovers, r.Unexpected, r.Findings = s.counts[Foreign], s.counts[Leftover], s.counts[Unexpected], s.kept
}
