package pool

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tenantpool/wire"
)

// kernel is a pool whose servers are imaginary.
type kernel struct {
	*Pool
	t      *testing.T
	states *States

	mu       sync.Mutex
	attempts []time.Time   // of logins
	fail     error         // what a login fails with
	failing  string        // the tenant whose own logins fail; "" is everybody
	takes    time.Duration // how long a login takes
	gates    chan struct{}
	linger   bool // closed connections do not go by themselves
	closing  []func()
	pids     uint32
	events   []Event
}

type imaginary struct{ k *kernel }

func (f *imaginary) Close(done func()) {
	f.k.mu.Lock()
	defer f.k.mu.Unlock()
	if f.k.linger {
		f.k.closing = append(f.k.closing, done)
		return
	}
	go done()
}

func (k *kernel) login(_ context.Context, a *Account) (*Conn, error) {
	if k.gates != nil {
		<-k.gates
	}
	time.Sleep(k.takes)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.attempts = append(k.attempts, time.Now())
	if k.fail != nil && (k.failing == "" || k.failing == a.tenant()) {
		return nil, k.fail
	}
	k.pids++
	c := &Conn{Transport: &imaginary{k}, PID: k.pids, Reported: NewParams(), pool: k.Pool,
		Statements: newStatements(10, 1<<20), Created: time.Now()}
	c.anchor = &anchor{c}
	c.Exchange.Idle()
	return c, a.bear(c, "")
}

// imagine runs a test on a pool in a bubble of its own, and ends the pool.
func imagine(t *testing.T, o Options, test func(*testing.T, *kernel)) {
	synctest.Test(t, func(t *testing.T) {
		k := &kernel{t: t, states: NewStates()}
		o.Event = func(e Event) {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.events = append(k.events, e)
		}
		k.Pool = newPool(o, k.login)
		k.start()
		test(t, k)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := k.Close(ctx); err != nil {
			t.Errorf("close: %v: %+v", err, k.Stats())
		}
	})
}

func (k *kernel) tried() []time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.attempts)
}

func (k *kernel) setFail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fail = err
}

// session is a customer that remembers its answers.
type session struct {
	Waiter
	k       *kernel
	conn    *Conn
	refused *wire.Error
	answers int
}

var holders HolderID

func (k *kernel) session(tenant string) *session {
	holders++
	s := &session{k: k}
	s.Waiter = Waiter{Customer: s, Holder: holders, Want: stateOf(k.t, k.states, tenant)}
	return s
}

func (s *session) Granted(c *Conn)       { s.conn = c; s.answers++ }
func (s *session) Refused(e *wire.Error) { s.refused = e; s.answers++ }

// ask checks out and returns the connection, nil if it waits.
func (s *session) ask() *Conn {
	s.k.t.Helper()
	s.conn, s.refused, s.answers = nil, nil, 0
	c, err := s.k.Checkout(&s.Waiter)
	if c != nil {
		s.conn = c
	}
	if err != nil {
		s.refused = err
	}
	return c
}

// take checks out, waits as long as it takes, and makes the connection its own.
func (s *session) take() *Conn {
	s.k.t.Helper()
	if s.ask() == nil {
		synctest.Wait()
	}
	if s.conn == nil {
		s.k.t.Fatalf("no connection: %v", s.refused)
	}
	s.work()
	return s.conn
}

// work makes the connection the session's own.
func (s *session) work() {
	if err := makeReady(s.conn, s.Holder, s.Want); err != nil {
		s.k.t.Error(err)
	}
	s.conn.Ran(s.Holder, 0)
}

// makeReady does what the plan says on a connection to an imaginary server.
func makeReady(c *Conn, h HolderID, want *State) error {
	if c.Plan(h, want, Watch) != PlanNothing {
		c.Switching()
		c.Confirmed(h, want)
	}
	return nil
}

func (s *session) give() {
	c := s.conn
	s.conn = nil
	s.k.Release(c)
}

func TestCheckoutPrefersWhatNeedsLeastWork(t *testing.T) {
	imagine(t, Options{Size: 4}, func(t *testing.T, k *kernel) {
		a1, a2, a3, b := k.session("a"), k.session("a"), k.session("a"), k.session("b")
		a2.Want = a2.Want.With("datestyle", "ISO")
		ca1, ca2, cb := a1.take(), a2.take(), b.take()
		a1.give()
		a2.give()
		b.give()
		if c := a2.ask(); c != ca2 {
			t.Error("a session did not get its own last connection")
		}
		a2.give()
		if c := a3.ask(); c != ca1 {
			t.Error("a session did not get one that carries its state")
		}
		if c := a1.ask(); c != ca2 {
			t.Error("a session did not get one of its tenant")
		}
		if c := k.session("b").ask(); c != cb {
			t.Error("a session of b did not get b's")
		}
		for _, c := range []*Conn{ca1, ca2, cb} {
			k.Release(c)
		}
	})
}

func TestAFreshConnectionGoesBeforeAnotherTenants(t *testing.T) {
	imagine(t, Options{Size: 2, MinSize: 2}, func(t *testing.T, k *kernel) {
		synctest.Wait()
		a, b := k.session("a"), k.session("b")
		ca := a.take()
		a.give()
		cb := b.ask()
		if cb == ca || cb == nil {
			t.Error("b got a's connection though one was never used")
		}
		b.give()
	})
}

func TestNobodyWaitsWhileAConnectionIsIdle(t *testing.T) {
	imagine(t, Options{Size: 3}, func(t *testing.T, k *kernel) {
		a, a2, b := k.session("a"), k.session("a"), k.session("b")
		first, second := a.take(), a2.take()
		a.give()
		time.Sleep(time.Second)
		a2.give()
		if c := b.ask(); c != first {
			t.Errorf("b got %v, want the one idle longest", c)
		}
		synctest.Wait()
		if s := k.Stats(); s.Size != 3 || s.Idle != 2 {
			t.Errorf("the pool did not grow meanwhile: %+v", s)
		}
		b.give()
		_ = second
	})
}

func TestWaitersAreServedInTheOrderTheyCame(t *testing.T) {
	imagine(t, Options{Size: 1}, func(t *testing.T, k *kernel) {
		holder := k.session("x")
		holder.take()
		var queue []*session
		for _, tenant := range []string{"a", "b", "c", "d", "e"} {
			s := k.session(tenant)
			if s.ask() != nil {
				t.Fatal("two have the only connection")
			}
			queue = append(queue, s)
		}
		if !k.Contended() {
			t.Error("nobody is said to wait")
		}
		holder.give()
		for i, s := range queue {
			if s.conn == nil {
				t.Fatalf("waiter %d was not next", i)
			}
			s.work()
			s.give()
		}
		if k.Contended() {
			t.Error("somebody is said to wait")
		}
	})
}

// Whoever a connection needs no work for goes first, but only for a while: even
// turns that take no time are charged.
func TestATenantIsNotPassedOverForLong(t *testing.T) {
	imagine(t, Options{Size: 1}, func(t *testing.T, k *kernel) {
		holder := k.session("a")
		holder.take()
		b := k.session("b")
		b.ask()
		var others []*session
		for range 600 {
			s := k.session("a")
			s.ask()
			others = append(others, s)
		}
		holder.give()
		served := 0
		for i := 0; i < len(others) && b.conn == nil; i++ {
			served++
			others[i].work()
			others[i].give()
		}
		if served < 2 || served > int(akin/least)+1 {
			t.Errorf("b was passed over %d times", served)
		}
		b.work()
		b.give()
		for _, s := range others[served:] {
			s.work()
			s.give()
		}
	})
}

// A second connection of one tenant often waits for a row that its first has
// locked, so one whose tenant has none goes before it, whatever c carries.
func TestATenantWithoutAConnectionGoesBeforeOneThatHasOne(t *testing.T) {
	for name, c := range map[string]struct {
		lent  []string // who holds a connection; the first gives it back
		queue []string // who waits, in this order; "a2" is tenant a in another state
		next  int      // which of them is served
	}{
		"before one of the same state, others lent":      {[]string{"a", "a", "c"}, []string{"a", "b"}, 1},
		"before one of the same state, none of others":   {[]string{"a", "a"}, []string{"a", "b"}, 1},
		"before one of the same tenant":                  {[]string{"a", "a"}, []string{"a2", "b"}, 1},
		"before one of any tenant":                       {[]string{"x", "a"}, []string{"a", "b"}, 1},
		"the first of two without":                       {[]string{"a", "a"}, []string{"a", "b", "c"}, 1},
		"of one tenant, the first":                       {[]string{"a", "b"}, []string{"b", "c", "a2", "a"}, 2},
		"of two without, the one whose tenant was there": {[]string{"a", "b"}, []string{"b", "c", "a2"}, 2},
		"of two with, the one whose tenant was there":    {[]string{"a", "a", "b"}, []string{"b", "a2"}, 1},
		"what is given back does not count":              {[]string{"a", "b"}, []string{"a", "c"}, 0},
		"however many wait before it":                    {[]string{"a", "a"}, append(slices.Repeat([]string{"a"}, 100), "b"), 100},
	} {
		t.Run(name, func(t *testing.T) { testNext(t, c.lent, c.queue, c.next) })
	}
}

// testNext has the first of lent give its connection back and looks who of
// queue gets it. In the end everybody is served.
func testNext(t *testing.T, lent, queue []string, next int) {
	imagine(t, Options{Size: len(lent)}, func(t *testing.T, k *kernel) {
		var all []*session
		join := func(name string) *session {
			s := k.session(name[:1])
			if len(name) > 1 {
				s.Want = s.Want.With("datestyle", "ISO")
			}
			all = append(all, s)
			return s
		}
		for _, tenant := range lent {
			join(tenant).take()
		}
		for i, name := range queue {
			if join(name).ask() != nil {
				t.Fatalf("waiter %d does not wait", i)
			}
		}
		all[0].give()
		for i, s := range all[len(lent):] {
			if got := s.conn != nil; got != (i == next) {
				t.Errorf("waiter %d of %v: served %v", i, queue, got)
			}
		}
		for range all {
			for _, s := range all {
				if s.conn != nil {
					s.work()
					s.give()
				}
			}
		}
		if s := k.Stats(); s.Waiting != 0 || s.Lent != 0 {
			t.Errorf("in the end: %+v", s)
		}
	})
}

// What a tenant without a connection is preferred by is bounded: one that has one
// and is due another gets it in spite of a stream of others.
func TestOneWhoseTenantHasAConnectionIsPassedOverForAWhileOnly(t *testing.T) {
	imagine(t, Options{Size: 2}, func(t *testing.T, k *kernel) {
		keeper, giver, waiter := k.session("a"), k.session("a"), k.session("a")
		keeper.Weight = 8
		all := []*session{k.session("c"), k.session("d"), giver, waiter}
		keeper.take()
		giver.take()
		for _, s := range all {
			if s != giver {
				s.ask()
			}
		}
		giver.give()
		began := time.Now()
		for time.Since(began) < time.Second && waiter.conn == nil {
			i := slices.IndexFunc(all, func(s *session) bool { return s.conn != nil })
			all[i].work()
			time.Sleep(time.Millisecond)
			all[i].give()
			all[i].ask()
		}
		// With weight 8, what a holds counts a quarter of a second a second, and each
		// of the others' half.
		if waited := time.Since(began); waited < 3*lead || waited > 5*lead {
			t.Errorf("waited for %v", waited)
		}
		keeper.give()
		k.drainAll(all)
	})
}

// drainAll lets all who have a connection work and give it back, until nobody
// waits.
func (k *kernel) drainAll(all []*session) {
	k.t.Helper()
	for range all {
		synctest.Wait()
		for _, s := range all {
			if s.conn != nil {
				s.work()
				s.give()
			}
		}
	}
	if s := k.Stats(); s.Waiting != 0 || s.Lent != 0 {
		k.t.Errorf("in the end: %+v", s)
	}
}

func TestATenantAtItsLimitBlocksNobodyElse(t *testing.T) {
	imagine(t, Options{Size: 3}, func(t *testing.T, k *kernel) {
		limited := func() *session {
			s := k.session("a")
			s.MaxServers = 1
			return s
		}
		a1, a2, a3 := limited(), limited(), limited()
		a1.take()
		if a2.ask() != nil || a3.ask() != nil {
			t.Fatal("a holds more than it may")
		}
		b := k.session("b")
		b.take()
		b.give()
		if a2.conn != nil || a3.conn != nil {
			t.Error("a got more than it may when b gave back")
		}
		a1.give()
		if a2.conn == nil || a3.conn != nil {
			t.Fatal("a's next was not the one who came first")
		}
		k.Discard(a2.conn, ReasonClientGone)
		synctest.Wait()
		if a3.conn == nil {
			t.Fatal("a discard did not let a's next in")
		}
		a3.work()
		a3.give()
		if s := k.Stats(); s.Waiting != 0 || len(k.lines) != 0 {
			t.Errorf("somebody still waits: %+v", s)
		}
	})
}

func TestWhoWaitsForItsTenantKeepsItsTurnWhenOthersLeave(t *testing.T) {
	imagine(t, Options{Size: 1}, func(t *testing.T, k *kernel) {
		x := k.session("x")
		x.take()
		var as []*session
		for range 3 {
			s := k.session("a")
			s.MaxServers = 1
			s.ask()
			as = append(as, s)
		}
		b := k.session("b")
		b.ask()
		x.give()
		if as[0].conn == nil {
			t.Fatal("the first waiter was not served first")
		}
		if !k.Abandon(&as[1].Waiter) {
			t.Fatal("a waiter could not leave")
		}
		if k.Abandon(&as[1].Waiter) {
			t.Error("a waiter left twice")
		}
		as[0].work()
		as[0].give()
		if as[2].conn == nil || as[2].conn.PID == 0 {
			t.Fatal("a's last waiter, which came before b, was not next")
		}
		as[2].work()
		as[2].give()
		if b.conn == nil {
			t.Fatal("b was forgotten")
		}
		b.work()
		b.give()
		if as[1].answers != 0 {
			t.Error("one who had left was told")
		}
	})
}

func TestADiscardedConnectionCountsUntilTheServerHasGone(t *testing.T) {
	imagine(t, Options{Size: 1}, func(t *testing.T, k *kernel) {
		k.linger = true
		a, b := k.session("a"), k.session("b")
		a.take()
		b.ask()
		k.Discard(a.conn, ReasonClientGone)
		synctest.Wait()
		if s := k.Stats(); s.Size != 1 || s.Closing != 1 || b.conn != nil || s.Discarded(ReasonClientGone) != 1 {
			t.Fatalf("%+v", s)
		}
		k.linger = false
		k.closing[0]()
		synctest.Wait()
		if b.conn == nil || b.conn.PID != 2 {
			t.Fatal("the place was not used again")
		}
		b.work()
		b.give()
		mustPanic(t, "done, twice,", k.closing[0])
	})
}

func TestAConnectionGivenBackTwiceIsABug(t *testing.T) {
	imagine(t, Options{Size: 2}, func(t *testing.T, k *kernel) {
		a := k.session("a")
		c := a.take()
		k.Release(c)
		mustPanicLocked(t, k, "Release of an idle connection", func() { k.Release(c) })
		mustPanicLocked(t, k, "Discard of an idle connection", func() { k.Discard(c, ReasonUnspecified) })
	})
}

// mustPanicLocked is mustPanic for what panics under the pool's mutex.
func mustPanicLocked(t *testing.T, k *kernel, what string, f func()) {
	t.Helper()
	mustPanic(t, what, f)
	k.Pool.mu.Unlock()
}

func TestADoubtfulConnectionIsClosedInsteadOfReleased(t *testing.T) {
	for reason, spoil := range map[Reason]func(*session){
		ReasonSwitchFailed: func(s *session) {
			s.conn.Plan(s.Holder, s.Want.With("datestyle", "ISO"), Watch)
			s.conn.Switching()
		},
		ReasonNotQuiet: func(s *session) { s.conn.Exchange.Forward(wire.OweParse, false, nil) },
	} {
		imagine(t, Options{Size: 1}, func(t *testing.T, k *kernel) {
			a := k.session("a")
			c := a.take()
			spoil(a)
			a.give()
			b := k.session("a")
			if b.take() == c {
				t.Errorf("%v: the connection was lent again", reason)
			}
			b.give()
			if s := k.Stats(); s.Discarded(reason) != 1 {
				t.Errorf("%v was not counted: %v", reason, s.Discards)
			}
		})
	}
}

func TestAnInspectedConnectionBelongsToTheInspector(t *testing.T) {
	imagine(t, Options{Size: 1}, func(t *testing.T, k *kernel) {
		a, b := k.session("a"), k.session("a")
		c := a.take()
		if k.Inspect(c) {
			t.Fatal("a lent connection was inspected")
		}
		a.give()
		if !k.Inspect(c) || k.Inspect(c) {
			t.Fatal("an idle connection was not inspected once")
		}
		if b.ask() != nil {
			t.Fatal("an inspected connection was lent")
		}
		k.Release(c)
		if b.conn != c {
			t.Fatal("a healthy one did not go to the waiter")
		}
		b.work()
		b.give()
		k.Inspect(c)
		k.Discard(c, ReasonUnasked)
		if d := b.take(); d == c {
			t.Error("a discarded one was lent")
		}
		b.give()
	})
}

func TestConnectionsAreReplacedInTime(t *testing.T) {
	o := Options{Size: 5, MinSize: 1, IdleTimeout: time.Minute, Lifetime: time.Hour}
	imagine(t, o, func(t *testing.T, k *kernel) {
		a, a2 := k.session("a"), k.session("a")
		a.take()
		a2.take()
		a.give()
		a2.give()
		time.Sleep(2 * time.Minute)
		if s := k.Stats(); s.Idle != 1 || s.Discarded(ReasonIdle) != 1 {
			t.Errorf("idle ones beyond min_pool_size were kept: %+v", s)
		}
		time.Sleep(2 * time.Hour)
		if s := k.Stats(); s.Idle != 1 || s.Discarded(ReasonLifetime) < 1 {
			t.Errorf("an old one was kept, or not replaced: %+v", s)
		}
		a.take()
		time.Sleep(2 * time.Hour)
		a.give()
		synctest.Wait()
		if s := k.Stats(); s.Discarded(ReasonLifetime) < 2 {
			t.Errorf("an old one was taken back: %+v", s)
		}
	})
}

func TestAConnectionThatHasMetTooManyTenantsIsReplaced(t *testing.T) {
	imagine(t, Options{Size: 1, MaxTenantsPerServer: 2}, func(t *testing.T, k *kernel) {
		a := k.session("a")
		a.take()
		a.give()
		b := k.session("b")
		b.take()
		b.give()
		synctest.Wait()
		if s := k.Stats(); s.Discarded(ReasonTenants) != 1 {
			t.Errorf("one that had met two tenants was kept: %+v", s)
		}
	})
}

func TestTooManyWaitersAreRefused(t *testing.T) {
	imagine(t, Options{Size: 1, MaxWaiting: 2}, func(t *testing.T, k *kernel) {
		a := k.session("a")
		a.take()
		b, c, d := k.session("a"), k.session("b"), k.session("c")
		b.ask()
		c.ask()
		if d.ask(); d.refused == nil || d.refused.Code != "53300" {
			t.Errorf("the third waiter got %v", d.refused)
		}
		a.give()
		for _, s := range []*session{b, c} {
			s.work()
			s.give()
		}
	})
}

func TestCloseRefusesWaitersAndWaitsForLentConnections(t *testing.T) {
	imagine(t, Options{Size: 1}, func(t *testing.T, k *kernel) {
		a, b, c := k.session("a"), k.session("b"), k.session("a")
		c.MaxServers = 1
		a.take()
		b.ask()
		c.ask()
		closed := make(chan error, 1)
		go func() { closed <- k.Close(t.Context()) }()
		synctest.Wait()
		if b.refused == nil || b.refused.Code != "57P01" || c.refused == nil {
			t.Errorf("the waiters got %v and %v", b.refused, c.refused)
		}
		if b.ask(); b.refused == nil {
			t.Error("a closed pool lets sessions wait")
		}
		a.give()
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

func TestABrokenProfileIsNotTriedAgainAndAgain(t *testing.T) {
	imagine(t, Options{Size: 1}, func(t *testing.T, k *kernel) {
		a, a2, own, b := k.session("a"), k.session("a"), k.session("a"), k.session("b")
		own.Want = own.Want.With("datestyle", "nonsense")
		a.take()
		a2.ask()
		refusal := &wire.Error{Code: "22023", Message: "role does not exist"}
		k.Broken(a.Want, refusal)
		k.Discard(a.conn, ReasonSwitchFailed)
		if a2.refused != refusal {
			t.Error("a waiter of the broken profile was not told")
		}
		if own.ask(); own.refused != refusal {
			t.Error("another state of the broken profile was served")
		}
		b.take()
		b.give()
		time.Sleep(2 * time.Second)
		a.take()
		a.give()
		k.Broken(own.Want, refusal)
		if own.ask(); own.refused != refusal {
			t.Error("a broken state was served")
		}
		a.take()
		a.give()
	})
}

func TestCheckoutAndReleaseDoNotAllocate(t *testing.T) {
	k := &kernel{t: t, states: NewStates()}
	k.Pool = newPool(Options{Size: 2}, k.login)
	defer k.Close(t.Context())
	a, b := k.session("a"), k.session("b")
	for _, s := range []*session{a, b} {
		s.conn, _ = k.login(t.Context(), nil)
		k.size, k.lent, k.own.size = k.size+1, k.lent+1, k.own.size+1
		s.conn.account, s.conn.place, s.conn.tenant = k.own, lent, k.place(s.Want).tenant
		s.conn.tenant.lent++
		s.work()
		s.give()
	}
	round := func(s *session) {
		c, err := k.Checkout(&s.Waiter)
		if c == nil {
			t.Fatal(err)
		}
		s.conn = c
		s.work()
		s.give()
	}
	if n := testing.AllocsPerRun(100, func() { round(a); round(b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

var errDown = errors.New("down")
