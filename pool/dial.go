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
	if errors.As(err, new(*wrongServer)) {
		g.delay = minDelay // it answers, and may be the right one any moment
	}
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
		return &wire.Error{Severity: wire.SeverityError, Code: "08001", Message: refused.Error(), Hint: HintUnreachable}, true
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
		Message: "server is unreachable: " + cause(err), Hint: HintUnreachable}, false
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
	var wrong *wrongServer
	switch {
	case errors.As(err, &wrong):
		return wrong.Error()
	case errors.As(err, &sys):
		return sys.Err.Error()
	case errors.As(err, &dns):
		return "its name cannot be resolved"
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	}
	return "login failed"
}

// grow has logins begin that are due: one for each who waits, and extra ones of
// the cluster's login, as long as there is room. For those who wait room is made
// if need be. It is called under the lock.
func (p *Pool) grow(extra int) {
	for !p.closed && (p.size < p.opts().Size || p.all.n > 0) {
		a := p.neediest()
		if a == nil || !p.provide(a) {
			break
		}
	}
	p.expand(extra)
}

// expand is grow for the cluster's login alone, and makes no room.
func (p *Pool) expand(extra int) {
	for !p.closed && p.wanted(p.own)+extra > p.own.dialing && p.size < p.opts().Size && p.mayDial(p.own) {
		p.begin(p.own)
	}
}

// spare is how many connections of the cluster's login are missing to MinSize.
func (p *Pool) spare() int {
	if p.resting {
		return 0
	}
	return max(0, p.opts().MinSize-p.own.size)
}

// provide has a login of a's begin, or closes an idle connection to make room
// for it. It returns false if there is none.
func (p *Pool) provide(a *accountPlace) bool {
	if p.size < p.opts().Size {
		p.begin(a)
		return true
	}
	c := p.victim()
	if c == nil {
		return false
	}
	p.unlist(c)
	p.evict(c, a)
	return true
}

// mayDial says whether a login of a's may begin now. While they fail, and before
// the first has succeeded, there is one at a time, which keeps no other account
// from logging in.
func (p *Pool) mayDial(a *accountPlace) bool {
	if a.gate.err == nil && a.proven {
		return p.rush+p.due < maxDials
	}
	if a.dialing+a.due > 0 {
		return false
	}
	if a.gate.err != nil {
		if pause := time.Until(a.gate.next); pause > 0 {
			p.tryAgainIn(a, pause)
			return false
		}
	}
	return true
}

func (p *Pool) tryAgainIn(a *accountPlace, pause time.Duration) {
	if a.retrying {
		return
	}
	a.retrying = true
	time.AfterFunc(pause, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		a.retrying = false
		p.grow(p.spare())
	})
}

// begin has a login of a's begin.
func (p *Pool) begin(a *accountPlace) {
	p.dialing++
	p.size++
	a.dialing++
	a.size++
	rushed := a.gate.err == nil && a.proven
	if rushed {
		p.rush++
	}
	go p.dial(a, rushed, p.era)
}

// dial logs in once, in an era of the pool's.
func (p *Pool) dial(a *accountPlace, rushed bool, era int) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(p.ctx, p.loginTime())
	c, err := p.connect(ctx, a.account)
	cancel()
	if err != nil {
		p.notArrived(a, rushed, err)
		return
	}
	now := time.Now()
	c.account, c.era, c.turn = a, era, now.Add(turnAfter(now.Sub(began)))
	p.arrived(c, rushed)
}

// loginTime is how long a login may take that tries every host.
func (p *Pool) loginTime() time.Duration {
	return p.opts().ConnectTimeout * time.Duration(max(1, len(p.opts().Hosts)))
}

// landed notes that a login of a's has ended. What it counted for is the
// caller's to note in the same breath.
func (p *Pool) landed(a *accountPlace, rushed bool) {
	p.dialing--
	a.dialing--
	if rushed {
		p.rush--
	}
}

// notArrived closes the account's gate. If that is for good, and it has no
// connection that could come back, those who wait for one are told so.
func (p *Pool) notArrived(a *accountPlace, rushed bool, err error) {
	if p.ctx.Err() == nil {
		p.event(Event{Kind: EventConnectFailed, Tenant: a.account.tenant(), Err: err})
	}
	p.mu.Lock()
	p.landed(a, rushed)
	a.size--
	p.counts.FailedLogins++
	a.gate.failed(err, time.Now())
	p.troubled[a] = struct{}{}
	p.shrink()
	hopeless := p.hopeless(a)
	p.grow(p.spare())
	p.mu.Unlock()
	if hopeless {
		p.sweep(func(w *Waiter) *wire.Error { return p.refusal(w.at) })
	}
}

// hopeless says that an account has no connection and that none is to be had
// before the next attempt.
func (p *Pool) hopeless(a *accountPlace) bool {
	return a.gate.permanent && a.size == a.dialing && time.Now().Before(a.gate.next)
}

// arrived takes a new connection in.
func (p *Pool) arrived(c *Conn, rushed bool) {
	a := c.account
	p.event(Event{Kind: EventConnected, PID: c.PID, Tenant: a.account.tenant()})
	p.learn(c)
	now := time.Now()
	p.mu.Lock()
	p.landed(a, rushed)
	p.counts.Logins++
	a.gate.passed()
	delete(p.troubled, a)
	p.members[c] = struct{}{}
	a.proven, a.welcome = true, c.Reported
	c.joined, c.spread = now, float64(jitter(time.Second)+time.Second)/float64(2*time.Second)
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
	p.grow(p.spare())
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

// LastError says why there is no server connection for a profile, or of the
// cluster's login for nil: nil if logins succeed or were not tried, 08006 with
// cause and age if the server does not answer, else what the server said.
func (p *Pool) LastError(prof *Profile) *wire.Error {
	a := p.own
	if prof != nil {
		a = p.accountPlace(prof.spec.Account)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return a.gate.report(time.Now())
}
