package pool

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tenantpool/wire"
)

// load is what the clients of one tenant do, over and over, in time that only
// the test's clock knows.
type load struct {
	tenant  string
	clients int
	weight  int
	turn    time.Duration // how long a client holds a connection
	pause   time.Duration // and then does without
	most    int           // MaxServers

	mu      sync.Mutex
	held    time.Duration // connections times time
	turns   int
	longest time.Duration // wait
}

// play runs the loads beside each other. What happens before warm is left out of
// their figures.
func (k *kernel) play(warm, lasts time.Duration, loads ...*load) {
	var all sync.WaitGroup
	from, until := time.Now().Add(warm), time.Now().Add(warm+lasts)
	id := HolderID(1000)
	for _, l := range loads {
		for i := range l.clients {
			id++
			w := &worker{answer: make(chan any, 2)}
			w.Waiter = Waiter{Customer: w, Holder: id, Weight: int32(l.weight), MaxServers: int32(l.most), Want: stateOf(k.t, k.states, l.tenant)}
			all.Go(func() {
				time.Sleep(l.pause * time.Duration(i) / time.Duration(l.clients))
				for time.Now().Before(until) {
					k.round(l, w, from, until)
					time.Sleep(l.pause)
				}
			})
		}
	}
	all.Wait()
}

// round is one turn of one client.
func (k *kernel) round(l *load, w *worker, from, until time.Time) {
	asked := time.Now()
	c, err := k.Checkout(&w.Waiter)
	if c == nil && err == nil {
		c = (<-w.answer).(*Conn)
	}
	began := time.Now()
	if err := makeReady(c, w.Holder, w.Want); err != nil {
		k.t.Error(err)
	}
	c.Ran(w.Holder, 0)
	time.Sleep(l.turn)
	k.Release(c)
	ended := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !asked.Before(from) {
		l.longest = max(l.longest, began.Sub(asked))
	}
	if later(began, from).Before(until) && ended.After(from) {
		l.held += sooner(ended, until).Sub(later(began, from))
		l.turns++
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// However long their turns are, tenants that always want more get what their
// weights say.
func TestSharesAreInProportionToWeights(t *testing.T) {
	for _, size := range []int{1, 2, 7, 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			imagine(t, Options{Size: size}, func(t *testing.T, k *kernel) {
				loads := []*load{
					{tenant: "a", clients: 40, weight: 1, turn: time.Millisecond},
					{tenant: "b", clients: 30, weight: 2, turn: 7 * time.Millisecond},
					{tenant: "c", clients: 60, weight: 4, turn: 3 * time.Millisecond},
					{tenant: "d", clients: 50, weight: 0, turn: 60 * time.Millisecond},
				}
				const lasts = 20 * time.Second
				k.play(2*time.Second, lasts, loads...)
				for _, l := range loads {
					want := lasts.Seconds() * float64(size) * float64(max(1, l.weight)) / 8
					if got := l.held.Seconds(); math.Abs(got/want-1) > 0.03 {
						t.Errorf("%s used %.1f s of server time, its share is %.1f s", l.tenant, got, want)
					}
				}
			})
		})
	}
}

// A tenant that wants less than its share waits for one turn of the noisy one at
// most, and gets all that it wants; the noisy one gets the rest.
func TestAQuietTenantIsNotHeldUpByANoisyOne(t *testing.T) {
	for _, turn := range []time.Duration{time.Millisecond, 8 * time.Millisecond, 100 * time.Millisecond, 2 * time.Second} {
		t.Run(turn.String(), func(t *testing.T) {
			imagine(t, Options{Size: 20}, func(t *testing.T, k *kernel) {
				quiet := &load{tenant: "q", clients: 4, turn: time.Millisecond, pause: 3 * time.Millisecond}
				noisy := &load{tenant: "n", clients: 500, turn: turn}
				const warm, lasts = 5 * time.Second, 10 * time.Second
				k.play(warm, lasts, quiet, noisy)
				if quiet.longest > min(turn, brief) {
					t.Errorf("the quiet tenant waited for %v", quiet.longest)
				}
				if want := 4 * int(lasts/(4*time.Millisecond+min(turn, brief))); quiet.turns < want {
					t.Errorf("the quiet tenant had %d turns, want %d", quiet.turns, want)
				}
				if used := noisy.held.Seconds() / lasts.Seconds(); used < 20-4-1 {
					t.Errorf("the noisy tenant held %.1f connections of 20", used)
				}
			})
		})
	}
}

// While a quiet tenant is away, others have all of the pool; when it comes back it
// waits for one of their turns, and from then on for none.
func TestPlacesAreBorrowedWhileTheirTenantIsAway(t *testing.T) {
	imagine(t, Options{Size: 10}, func(t *testing.T, k *kernel) {
		alone, noisy := 0, &load{tenant: "n", clients: 100, turn: 300 * time.Millisecond}
		quiet := &load{tenant: "q", clients: 3, turn: 5 * time.Millisecond, pause: time.Millisecond}
		var both sync.WaitGroup
		both.Go(func() { k.play(0, 20*time.Second, noisy) })
		both.Go(func() {
			time.Sleep(5 * time.Second)
			alone = k.Stats().Lent
			k.play(time.Second, 10*time.Second, quiet)
		})
		both.Wait()
		if alone != 10 {
			t.Errorf("alone, the noisy tenant held %d of 10", alone)
		}
		if quiet.longest > 0 {
			t.Errorf("the quiet tenant waited for %v though it was about", quiet.longest)
		}
	})
}

// Nobody waits while a connection is idle that it may have, whatever comes and
// goes: brief turns, many tenants, limits.
func TestNoConnectionIsIdleWhileSomebodyMayHaveIt(t *testing.T) {
	for seed := range uint64(10) {
		imagine(t, Options{Size: 5}, func(t *testing.T, k *kernel) {
			random := rand.New(rand.NewPCG(seed, 1))
			var loads []*load
			for i := range 12 {
				loads = append(loads, &load{tenant: "t" + strconv.Itoa(i), clients: 1 + random.IntN(6), weight: random.IntN(4), most: random.IntN(3),
					turn: time.Duration(1+random.IntN(3000)) * time.Microsecond, pause: time.Duration(random.IntN(9000)) * time.Microsecond})
			}
			over := make(chan struct{})
			var watching sync.WaitGroup
			watching.Go(func() {
				tick := time.NewTicker(137 * time.Microsecond)
				defer tick.Stop()
				for {
					select {
					case <-over:
						return
					case <-tick.C:
						synctest.Wait()
						k.mustBeBusy()
					}
				}
			})
			k.play(0, time.Second, loads...)
			close(over)
			watching.Wait()
			for _, l := range loads {
				if l.turns == 0 {
					t.Errorf("%s had no turn at all", l.tenant)
				}
			}
		})
	}
}

// mustBeBusy fails if somebody waits who may have an idle connection.
func (k *kernel) mustBeBusy() {
	k.Pool.mu.Lock()
	defer k.Pool.mu.Unlock()
	if k.all.n == 0 {
		return
	}
	for _, l := range k.lines {
		w := l.waiters.first
		if w.MaxServers == 0 || l.tenant.lent < int(w.MaxServers) {
			k.t.Errorf("%d connections are idle and %s waits", k.all.n, w.Want.profile.spec.Tenant)
			return
		}
	}
}

// Of one tenant's clients, whoever came first is served first, whatever state it
// wants and however the tenants take turns.
func TestWithinATenantWhoComesFirstIsServedFirst(t *testing.T) {
	imagine(t, Options{Size: 1}, func(t *testing.T, k *kernel) {
		random := rand.New(rand.NewPCG(3, 4))
		holder := k.session("x")
		holder.take()
		var all []*session
		for range 200 {
			s := k.session(string(rune('a' + random.IntN(5))))
			if random.IntN(2) == 0 {
				s.Want = s.Want.With("datestyle", "ISO")
			}
			s.ask()
			all = append(all, s)
		}
		holder.give()
		served := make(map[*tenant]uint64)
		for range all {
			for i, s := range all {
				if s.conn == nil {
					continue
				}
				if tenant := s.Want.profile.tenant; s.ticket < served[tenant] {
					t.Errorf("waiter %d was overtaken", i)
				} else {
					served[tenant] = s.ticket
				}
				s.work()
				time.Sleep(time.Duration(random.IntN(900)) * time.Microsecond)
				s.give()
				break
			}
		}
		if k.Contended() {
			t.Error("somebody still waits")
		}
	})
}

// Somebody who has used much while nobody wanted it is not shut out afterwards.
func TestWhatWasUsedWhileNobodyWaitedIsForgotten(t *testing.T) {
	imagine(t, Options{Size: 4}, func(t *testing.T, k *kernel) {
		var keepers []*session
		for range 3 {
			s := k.session("s") // as in session mode
			s.take()
			keepers = append(keepers, s)
		}
		time.Sleep(100 * time.Hour)
		s := &load{tenant: "s", clients: 2, turn: time.Millisecond, weight: 20}
		other := &load{tenant: "o", clients: 2, turn: time.Millisecond}
		k.play(0, 5*time.Second, other, s)
		if s.turns < 1000 {
			t.Errorf("it had %d turns in 5 s", s.turns)
		}
		for _, s := range keepers {
			s.give()
		}
	})
}

// BenchmarkTurns is a turn of one of many tenants that all wait: a release, and
// a wait that begins anew.
func BenchmarkTurns(b *testing.B) {
	for _, tenants := range []int{2, 100, 10_000, 100_000} {
		b.Run(strconv.Itoa(tenants), func(b *testing.B) {
			states := NewStates()
			p := newPool(Options{Size: 1}, nil)
			c := testConn()
			c.pool, c.account, c.place = p, p.own, inspected
			p.size, p.watched = 1, 1
			held := new(holding)
			for i := range tenants {
				h := &holding{last: held}
				h.Waiter = Waiter{Customer: h, Holder: HolderID(i + 1), Want: stateOf(b, states, "t"+strconv.Itoa(i))}
				if _, err := p.Checkout(&h.Waiter); err != nil {
					b.Fatal(err)
				}
			}
			p.Release(c)
			b.ReportAllocs()
			for b.Loop() {
				w := held.who
				p.Release(c)
				if _, err := p.Checkout(w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// holding is a waiter that notes in another who was granted the connection last.
type holding struct {
	Waiter
	last *holding
	who  *Waiter
}

func (h *holding) Granted(*Conn)       { h.last.who = &h.Waiter }
func (h *holding) Refused(*wire.Error) {}

// Where many tenants share few connections, each connection comes to serve some of
// them over and over, and all of them are served alike.
func TestConnectionsComeToServeTenantsThatTheyHaveServedBefore(t *testing.T) {
	imagine(t, Options{Size: 10}, func(t *testing.T, k *kernel) {
		const tenants = 300
		var loads []*load
		for i := range tenants {
			loads = append(loads, &load{tenant: fmt.Sprint("t", i), clients: 1, turn: 400 * time.Microsecond})
		}
		k.play(time.Second, 3*time.Second, loads...)
		met := 0
		for c := range k.members {
			met += len(c.met)
		}
		if all := 10 * tenants; met > all/4 {
			t.Errorf("of %d pairs of connection and tenant %d have met", all, met)
		}
		most, least := 0, loads[0].turns
		for _, l := range loads {
			most, least = max(most, l.turns), min(least, l.turns)
		}
		if least < most*9/10 {
			t.Errorf("one tenant had %d turns, another %d", least, most)
		}
	})
}
