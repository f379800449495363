package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/wire"
)

// maxDials is how many logins run at once.
const maxDials = 4

// gate keeps failing logins from becoming a storm: while they fail there is one
// at a time, after a pause that doubles. Its lock is its owner's.
type gate struct {
	err       *wire.Error // why the last login failed; nil: it did not
	permanent bool        // waiting will not help
	since     time.Time   // when it began
	delay     time.Duration
	next      time.Time
}

func (g *gate) failed(err error, now time.Time) {
	if g.err == nil {
		g.since = now
	}
	g.err, g.permanent = explain(err)
	g.delay = min(max(2*g.delay, minDelay), maxDelay)
	g.next = now.Add(jitter(g.delay))
}

func (g *gate) passed() { *g = gate{} }

// report is the error as a client may read it now.
func (g *gate) report(now time.Time) *wire.Error {
	if g.err == nil || g.err.Code != unreachable {
		return g.err
	}
	e := *g.err
	e.Message = fmt.Sprintf("%s, for %s", e.Message, now.Sub(g.since).Round(time.Second))
	return &e
}

// unreachable is the SQLSTATE for a server that does not answer.
const unreachable = "08006"

// explain turns a failed login into what a client is told, and says whether it
// will go on failing until somebody changes something. What the server said is
// handed on with its own SQLSTATE.
func explain(err error) (e *wire.Error, permanent bool) {
	var refused *loginRefused
	if errors.As(err, &refused) {
		return &wire.Error{Severity: wire.SeverityError, Code: "08001", Message: refused.Error()}, true
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && len(pg.Code) == 5 {
		e := &wire.Error{Severity: wire.SeverityError, Code: pg.Code, Message: pg.Message, Detail: pg.Detail, Hint: pg.Hint}
		return e, lasting(pg.Code)
	}
	if e := tlsFailure(err); e != nil {
		return e, true
	}
	return &wire.Error{Severity: wire.SeverityError, Code: unreachable,
		Message: "server is unreachable: " + cause(err)}, false
}

// lasting says that a SQLSTATE at login means a mistake in a configuration, not
// a bad moment: rights, names, values.
func lasting(code string) bool {
	for _, class := range []string{"0A", "22", "28", "3D", "3F", "42"} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	return false
}

// cause is the shortest true reason: no addresses, no user names.
func cause(err error) string {
	var sys *os.SyscallError
	var dns *net.DNSError
	switch {
	case errors.As(err, &sys):
		return sys.Err.Error()
	case errors.As(err, &dns):
		return "its name cannot be resolved"
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	}
	return "login failed"
}

// grow starts the logins that are due: one for each who waits, and extra ones,
// as long as there is room. It is called under the lock.
func (p *Pool) grow(extra int) {
	want := min(p.queue.n+extra, maxDials) - p.dialing
	want = min(want, p.o.Size-p.size)
	if want <= 0 || p.closed {
		return
	}
	if p.gate.err != nil {
		if p.dialing > 0 {
			return
		}
		if pause := time.Until(p.gate.next); pause > 0 {
			p.tryAgainIn(pause)
			return
		}
		want = 1
	}
	for range want {
		p.dialing++
		p.size++
		go p.dial()
	}
}

func (p *Pool) tryAgainIn(pause time.Duration) {
	if p.retrying {
		return
	}
	p.retrying = true
	time.AfterFunc(pause, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.retrying = false
		p.grow(max(0, p.o.MinSize-p.size))
	})
}

// dial logs in once.
func (p *Pool) dial() {
	ctx, cancel := context.WithTimeout(p.ctx, p.o.ConnectTimeout)
	c, err := p.connect(ctx)
	cancel()
	if err != nil {
		p.notArrived(err)
		return
	}
	p.arrived(c)
}

// notArrived closes the gate. If that is for good, and there is no connection
// that could come back, those who wait are told so.
func (p *Pool) notArrived(err error) {
	if p.ctx.Err() == nil {
		p.event(Event{Kind: EventConnectFailed, Err: err})
	}
	p.mu.Lock()
	p.dialing--
	p.counts.FailedLogins++
	p.gate.failed(err, time.Now())
	p.shrink()
	hopeless := p.hopeless()
	p.grow(max(0, p.o.MinSize-p.size))
	p.mu.Unlock()
	if hopeless {
		p.sweep(func(w *Waiter) *wire.Error { return p.refusal(w.at) })
	}
}

// hopeless says that there is no connection and that none is to be had before
// the next attempt.
func (p *Pool) hopeless() bool {
	return p.gate.permanent && p.lent+p.watched+p.all.n == 0 && time.Now().Before(p.gate.next)
}

// arrived takes a new connection in.
func (p *Pool) arrived(c *Conn) {
	p.event(Event{Kind: EventConnected, PID: c.PID})
	p.learn(c)
	now := time.Now()
	p.mu.Lock()
	p.dialing--
	p.counts.Logins++
	p.gate.passed()
	if p.o.Lifetime > 0 {
		c.expires = now.Add(p.o.Lifetime + (jitter(p.o.Lifetime)-p.o.Lifetime)/2)
	}
	reason, bad := p.unfit(c, now)
	if c.suspect {
		reason, bad = ReasonUnasked, true
	}
	if bad {
		p.leave(c)
		p.mu.Unlock()
		p.end(c, reason)
		return
	}
	p.shelve(c, now)
	p.mu.Unlock()
	p.serve()
	p.mu.Lock()
	p.grow(max(0, p.o.MinSize-p.size))
	p.mu.Unlock()
}

// learn notes what kind of server it is, and refuses those whose state it cannot
// have before any of them can be lent a connection.
func (p *Pool) learn(c *Conn) {
	_, reports := c.Reported.Get("search_path")
	p.mu.Lock()
	learned := reports && !p.reportsPath
	p.reportsPath = reports
	p.mu.Unlock()
	if learned {
		p.sweep(func(w *Waiter) *wire.Error { return p.refusal(w.at) })
	}
}

// LastError says why there is no server connection: nil if logins succeed or
// were not tried, 08006 with cause and age if the server does not answer, else
// what the server said.
func (p *Pool) LastError() *wire.Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gate.report(time.Now())
}
