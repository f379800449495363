package proxy

import (
	"sync/atomic"
	"time"
)

// pace holds the clients of one tenant to a rate: a bucket of tokens, kept as
// the time at which all that has passed will be paid for. All loops share it,
// without a lock.
type pace struct{ paid atomic.Int64 } // in nanoseconds on the loops' clock

// rate is so many units a second, and how many of them may come at once.
type rate struct{ perSecond, burst int }

// cost is the time that n units take.
func (r rate) cost(n int) int64 {
	return int64(float64(n) * float64(time.Second) / float64(r.perSecond))
}

// ahead is how far the time that is paid for may lie in the future.
func (r rate) ahead() int64 {
	if r.burst == 0 {
		return int64(time.Second)
	}
	return max(r.cost(r.burst), r.cost(1))
}

// spend counts n units that pass now, come what may.
func (p *pace) spend(r rate, n int, now int64) {
	for {
		paid := p.paid.Load()
		if p.paid.CompareAndSwap(paid, max(paid, now)+r.cost(n)) {
			return
		}
	}
}

// book counts n units that pass as soon as they may, and says in what time that
// is. If it is beyond limit, nothing is counted and ok is false; a limit of 0 is
// none.
func (p *pace) book(r rate, n int, now int64, limit time.Duration) (delay time.Duration, ok bool) {
	for {
		paid := p.paid.Load()
		next := max(paid, now) + r.cost(n)
		delay = max(0, time.Duration(next-now-r.ahead()))
		switch {
		case limit > 0 && delay > limit:
			return delay, false
		case n == 0 || p.paid.CompareAndSwap(paid, next):
			return delay, true
		}
	}
}

// paces are those of one tenant.
type paces struct{ queries, bytes pace }
