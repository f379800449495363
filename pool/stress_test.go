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

// Many sessions at once check out, release, discard, abandon and inspect. No
// connection ever has two owners, no tenant more than it may, the servers are
// never more than the pool's size, and every waiter has exactly one answer.
func TestManySessionsAtOnce(t *testing.T) {
	const sessions, rounds, size, limit = 40, 300, 6, 2
	imagine(t, Options{Size: size, MaxTenantsPerServer: 5}, func(t *testing.T, k *kernel) {
		owners := make(map[*Conn]*atomic.Int32)
		var mu sync.Mutex
		own := func(c *Conn, n int32) {
			mu.Lock()
			if owners[c] == nil {
				owners[c] = new(atomic.Int32)
			}
			count := owners[c]
			mu.Unlock()
			if got := count.Add(n); got != max(n, 0) {
				t.Errorf("a connection has %d owners", got)
			}
		}
		var held [4]atomic.Int32
		var all sync.WaitGroup
		for id := range sessions {
			tenant := id % len(held)
			w := &worker{answer: make(chan any, 2)}
			w.Waiter = Waiter{Customer: w, Holder: HolderID(id + 1), MaxServers: limit,
				Want: stateOf(t, k.states, "t"+strconv.Itoa(tenant))}
			random := rand.New(rand.NewPCG(uint64(id), 7))
			all.Go(func() {
				for range rounds {
					c := obtain(t, k, w, random)
					if c == nil {
						continue
					}
					own(c, 1)
					if n := held[tenant].Add(1); n > limit {
						t.Errorf("a tenant holds %d", n)
					}
					if c.Plan(w.Holder, w.Want, Watch) != PlanNothing {
						c.Switching()
						c.Confirmed(w.Holder, w.Want)
					}
					if c.Carried() != w.Want {
						t.Error("another state is carried")
					}
					c.Ran(w.Holder, wire.Traits(random.IntN(2)))
					held[tenant].Add(-1)
					own(c, -1)
					switch random.IntN(20) {
					case 0:
						k.Discard(c, ReasonClientGone)
					case 1:
						k.Release(c)
						if k.Inspect(c) {
							own(c, 1)
							own(c, -1)
							k.Release(c)
						}
					default:
						k.Release(c)
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
		if s.Waiting != 0 || s.Lent != 0 || len(k.crowded) != 0 || s.Size != s.Idle {
			t.Errorf("in the end: %+v", s)
		}
	})
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
