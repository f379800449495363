package pool

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"tenantpool/wire"
)

// worker is a session that answers through a channel, for use from its own
// goroutine.
type worker struct {
	Waiter
	answer chan any
}

func (w *worker) Granted(c *Conn)       { w.answer <- c }
func (w *worker) Refused(e *wire.Error) { w.answer <- e }

// stress is what the sessions of a stress test check together.
type stress struct {
	*kernel
	t      *testing.T
	limit  int32
	held   [4]atomic.Int32 // by tenant
	mu     sync.Mutex
	owners map[*Conn]*atomic.Int32
}

// own notes that c has one owner more, or one less.
func (x *stress) own(c *Conn, n int32) {
	x.mu.Lock()
	if x.owners[c] == nil {
		x.owners[c] = new(atomic.Int32)
	}
	count := x.owners[c]
	x.mu.Unlock()
	if got := count.Add(n); got != max(n, 0) {
		x.t.Errorf("a connection has %d owners", got)
	}
}

// Many sessions at once check out, release, discard, abandon and inspect. No
// connection ever has two owners, no tenant more than it may, the servers are
// never more than the pool's size, and every waiter has exactly one answer.
func TestManySessionsAtOnce(t *testing.T) {
	const sessions, rounds, size, limit = 40, 300, 6, 2
	imagine(t, Options{Size: size, MaxTenantsPerServer: 5}, func(t *testing.T, k *kernel) {
		x := &stress{kernel: k, t: t, limit: limit, owners: make(map[*Conn]*atomic.Int32)}
		var all sync.WaitGroup
		for id := range sessions {
			tenant := id % len(x.held)
			w := &worker{answer: make(chan any, 2)}
			w.Waiter = Waiter{Customer: w, Holder: HolderID(id + 1), MaxServers: limit,
				Want: stateOf(t, k.states, "t"+strconv.Itoa(tenant))}
			random := rand.New(rand.NewPCG(uint64(id), 7))
			all.Go(func() {
				for range rounds {
					if c := obtain(t, k, w, random); c != nil {
						x.use(c, w, tenant, random)
						x.giveBack(c, random)
					}
					if s := k.Stats(); s.Size > size {
						t.Errorf("%d connections", s.Size)
					}
				}
			})
		}
		all.Wait()
		synctest.Wait()
		s := k.Stats()
		if s.Waiting != 0 || s.Lent != 0 || len(k.lines) != 0 || s.Size != s.Idle {
			t.Errorf("in the end: %+v", s)
		}
	})
}

// use is one transaction of w's.
func (x *stress) use(c *Conn, w *worker, tenant int, random *rand.Rand) {
	x.own(c, 1)
	if n := x.held[tenant].Add(1); n > x.limit {
		x.t.Errorf("a tenant holds %d", n)
	}
	if err := makeReady(c, w.Holder, w.Want); err != nil {
		x.t.Error(err)
	}
	if c.Carried() != w.Want {
		x.t.Error("another state is carried")
	}
	c.Ran(w.Holder, wire.Traits(random.IntN(2)))
	x.held[tenant].Add(-1)
	x.own(c, -1)
}

func (x *stress) giveBack(c *Conn, random *rand.Rand) {
	switch random.IntN(20) {
	case 0:
		x.Discard(c, ReasonClientGone)
	case 1:
		x.Release(c)
		if x.Inspect(c) {
			x.own(c, 1)
			x.own(c, -1)
			x.Release(c)
		}
	default:
		x.Release(c)
	}
}

// obtain checks out, or gives up waiting now and then.
func obtain(t *testing.T, k *kernel, w *worker, random *rand.Rand) *Conn {
	c, err := k.Checkout(&w.Waiter)
	if c != nil || err != nil {
		return c
	}
	if random.IntN(5) == 0 && k.Abandon(&w.Waiter) {
		select {
		case a := <-w.answer:
			t.Errorf("an answer after leaving: %v", a)
		default:
		}
		return nil
	}
	c, _ = (<-w.answer).(*Conn)
	return c
}
