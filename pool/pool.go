package pool

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"tenantpool/internal/certs"
	"tenantpool/wire"
)

// Pool lends the server connections of one cluster. At any time at most
// Options.Size of them exist, those that are logging in or closing included.
// All methods may be called from any goroutine.
type Pool struct {
	o       atomic.Pointer[Options] // as Apply has set them last
	id      *identity
	connect func(context.Context, *Account) (*Conn, error)
	own     *accountPlace // of the cluster's login
	control control
	cancels chan struct{}  // room for cancel sockets
	certs   *certs.Watched // nil: no TLS
	ctx     context.Context
	stop    context.CancelFunc
	waiting atomic.Int64  // in all lines
	retimed chan struct{} // tells the rounds of schema checks of a new interval

	mu       sync.Mutex
	closed   bool
	resting  bool               // keeps no connection beyond what it is asked for
	members  map[*Conn]struct{} // connections that have logged in and are not gone
	emptied  chan struct{}      // closed when the last connection has gone after Close
	size     int                // all connections; the five below add up to it
	dialing  int
	rush     int // of these, those of which there are at most maxDials
	due      int // of those that are leaving, those that make room
	lent     int
	watched  int // inspected
	leaving  int
	all      idleList                   // idle ones
	fresh    idleList                   // of these, those that carry no state
	lines    []*line                    // where anybody waits, in any order
	hungry   []*accountPlace            // accounts for which somebody waits who is not at max_servers, in any order
	epoch    time.Time                  // where now begins
	virtual  float64                    // where the latest turn began in virtual time
	about    []*tenantPlace             // tenants that have had use for the pool of late
	weights  float64                    // of these
	kept     int                        // places kept for them
	troubled map[*accountPlace]struct{} // accounts that cannot log in, so that they are not forgotten
	tickets  uint64
	using    []*Profile // whose schemas the next round looks for
	counts   Counts

	addresses []*address // of the hosts, as far as they are known
	leader    *address   // the one server that is right, or the one that stands in for a standby

	planted map[string]string // by login: pg_db_role_setting as first seen
	era     int               // how often Apply has made the connections there are outdated
	warned  bool              // of a superuser

	reportsPath bool // the server reports its search_path (18 and later)
}

// New returns a pool. It connects when the first client needs it, or at once if
// MinSize says so. Close ends it.
func New(o Options) *Pool {
	p := newPool(o, nil)
	p.connect = p.login
	p.start()
	return p
}

func newPool(o Options, connect func(context.Context, *Account) (*Conn, error)) *Pool {
	p := &Pool{
		id:      new(identity),
		connect: connect,
		own:     &accountPlace{proven: true},
		cancels: make(chan struct{}, maxCancels),
		certs:   o.TLS.Watch(),
		emptied: make(chan struct{}),
		retimed: make(chan struct{}, 1),
		epoch:   time.Now(),
		members: make(map[*Conn]struct{}),

		troubled: make(map[*accountPlace]struct{}),
		planted:  make(map[string]string),
	}
	p.o.Store(o.settled())
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.control.init(p)
	return p
}

func (p *Pool) start() {
	go p.upkeep()
	go p.watchSchemas()
	go p.watchNames()
}

// Checkout lends w a connection. Of three results exactly one holds: the
// connection, which w owns at once; an error, with which it is refused at once;
// or neither, and w is queued: its Customer is told, perhaps before Checkout has
// returned, unless Abandon comes first.
// What must run on the connection before the session's own is Conn.Plan's word.
func (p *Pool) Checkout(w *Waiter) (*Conn, *wire.Error) {
	if w.list != nil {
		panic("BUG: pool.Checkout of a waiter that is queued")
	}
	at := p.place(w.Want)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look(w.Want.profile, at.profile)
	if err := p.refusal(at); err != nil {
		p.counts.Refused++
		return nil, err
	}
	w.at = at
	now := p.now()
	if at.tenant.waiting == 0 {
		p.arrive(at.tenant, int(w.Weight), now)
	}
	p.appear(at.tenant)
	if p.mayTake(w, now) {
		if c := p.pick(w); c != nil {
			p.lend(c, w, now)
			return c, nil
		}
	}
	return nil, p.enqueue(w, now)
}

// now is the time since the pool was made, in nanoseconds.
func (p *Pool) now() int64 { return int64(time.Since(p.epoch)) }

// Held is how many connections the tenant of a state holds.
func (p *Pool) Held(s *State) int {
	at := p.place(s)
	p.mu.Lock()
	defer p.mu.Unlock()
	return at.tenant.lent
}

// mayTake says that w may have an idle connection at once.
func (p *Pool) mayTake(w *Waiter, now int64) bool {
	t := w.at.tenant
	switch {
	case p.all.n == 0 || w.MaxServers > 0 && t.lent >= int(w.MaxServers) || p.lineOf(w.at).waiters.n > 0:
		return false
	}
	return !t.borrows(now) || p.free()
}

// look has a profile's schemas looked for in the next round; without rounds,
// only while one is missing, and at once.
func (p *Pool) look(prof *Profile, at *profilePlace) {
	switch {
	case p.opts().SchemaCheck > 0:
		p.use(prof, at)
	case at.missing != nil:
		p.use(prof, at)
		p.control.hurry()
	}
}

// use puts a profile among those whose schemas the next round looks for.
func (p *Pool) use(prof *Profile, at *profilePlace) {
	if !at.used {
		at.used = true
		p.using = append(p.using, prof)
	}
}

// refusal says why a state cannot be served at all just now.
func (p *Pool) refusal(at *statePlace) *wire.Error {
	switch {
	case p.closed:
		return errShutdown
	case at.profile.missing != nil:
		return at.profile.missing
	case at.unsaid != nil && p.reportsPath:
		return at.unsaid
	case p.hopeless(at.account):
		return at.account.gate.err
	}
	if err := at.profile.fault.Load().now(); err != nil {
		return err
	}
	return at.fault.Load().now()
}

// pick takes the idle connection of w's account that suits it best: its own last
// one if nobody used it since, one that carries its state, one of its tenant,
// one that carries none. Failing these the pool grows, and meanwhile w has the
// one that another tenant left idle for longest: nobody waits while one is idle.
func (p *Pool) pick(w *Waiter) *Conn {
	account := w.at.account
	switch last := w.last; {
	case p.all.n == 0:
		return nil
	case last != nil && last.c != nil && last.c.pool == p && last.c.place == idle && last.c.keeper.session() == w.Holder.session() && last.c.account == account:
		return last.c
	case w.at.idle.first != nil:
		return w.at.idle.first
	case account != p.own:
		return account.idle.first
	case w.at.tenant.idle.first != nil:
		return w.at.tenant.idle.first
	case p.fresh.first != nil:
		return p.fresh.first
	}
	c := p.idleFor(w)
	if c != nil {
		p.expand(1)
	}
	return c
}

// lend makes w the owner of c, wherever c was.
func (p *Pool) lend(c *Conn, w *Waiter, now int64) {
	if c.place == idle {
		p.unlist(c)
	}
	c.place = lent
	t := w.at.tenant
	c.tenant, c.began = t, now
	t.beginTurn(p, now)
	p.lent++
	p.keep(t)
	t.refresh(p, now)
	p.counts.Checkouts++
	w.last, w.at = c.anchor, nil
}

// Release gives back a connection that is quiet and has been read to the end of
// what its holder asked for. It goes to a waiter, or idle. One that is not
// quiet, or whose switch was never confirmed, is closed instead.
func (p *Pool) Release(c *Conn) {
	ticks := p.now()
	now := p.epoch.Add(time.Duration(ticks))
	p.mu.Lock()
	p.takeBack(c, ticks)
	if reason, ok := p.unfit(c, now); ok {
		p.leave(c)
		p.mu.Unlock()
		p.end(c, reason)
		p.serve()
		return
	}
	w := p.pass(c, now, ticks)
	match := len(p.hungry) > 0 && p.all.n > 0 // an idle one may suit somebody who came into a queue just now
	if len(p.hungry) > 0 && !match {
		p.grow(0)
	}
	p.mu.Unlock()
	if w != nil {
		w.Customer.Granted(c)
	}
	if match {
		p.serve()
	}
}

// pass gives c, which was given back, to the waiter that it returns, or else to
// the pool, or has it make room for another account.
func (p *Pool) pass(c *Conn, now time.Time, ticks int64) *Waiter {
	if a := p.claimant(c, now); a != nil {
		p.evict(c, a)
		return nil
	}
	w := p.choose(c, ticks)
	if w == nil {
		p.shelve(c, now)
		return nil
	}
	p.quit(w)
	p.lend(c, w, ticks)
	return w
}

// unfit says why c is not to be lent again.
func (p *Pool) unfit(c *Conn, now time.Time) (Reason, bool) {
	switch {
	case p.closed:
		return ReasonShutdown, true
	case p.resting || c.stale:
		return ReasonReconnect, true
	case c.changing:
		return ReasonSwitchFailed, true
	case !c.Exchange.Quiet():
		return ReasonNotQuiet, true
	case p.expired(c, now):
		return ReasonLifetime, true
	case c.era != p.era:
		return ReasonOutdated, true
	case c.retired():
		return ReasonRetired, true
	case p.size-p.leaving > p.opts().Size:
		return ReasonShrunk, true
	case p.opts().MaxTenantsPerServer > 0 && len(c.met) >= p.opts().MaxTenantsPerServer:
		return ReasonTenants, true
	}
	return 0, false
}

// Discard closes a connection that its owner cannot give back. It counts until
// the server has gone, so that the server never sees more than Options.Size.
func (p *Pool) Discard(c *Conn, reason Reason) {
	p.mu.Lock()
	p.takeBack(c, p.now())
	p.leave(c)
	p.mu.Unlock()
	p.end(c, reason)
	p.serve()
}

// Inspect makes the caller the owner of an idle connection on which something
// happened: it reads, and then ends that with Release or Discard. It returns
// false if the connection is not idle: then what happened is its owner's.
func (p *Pool) Inspect(c *Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch c.place {
	case joining:
		c.suspect = true
	case idle:
		p.unlist(c)
		c.place = inspected
		p.watched++
		return true
	}
	return false
}

// takeBack ends an ownership; the connection is then in no place.
func (p *Pool) takeBack(c *Conn, now int64) {
	switch {
	case c.pool != p:
		panic("BUG: pool.Conn given back to another pool")
	case c.place == lent:
		t := c.tenant
		c.tenant = nil
		t.endTurn(c.began, now)
		p.lent--
		p.keep(t)
		t.refresh(p, now)
	case c.place == inspected:
		p.watched--
	default:
		panic("BUG: pool.Conn given back twice")
	}
}

// shelve makes c idle.
func (p *Pool) shelve(c *Conn, now time.Time) {
	c.place = idle
	c.keeper = c.user
	c.since = now
	p.all.push(c, ofAll)
	switch {
	case c.account != p.own:
		c.account.idle.push(c, ofTenant)
	case c.owner != nil:
		p.tenantPlace(c.owner).idle.push(c, ofTenant)
	}
	switch {
	case c.carried != nil:
		p.place(c.carried).idle.push(c, ofState)
	case c.owner == nil && c.account == p.own:
		p.fresh.push(c, ofState)
	}
}

func (p *Pool) unlist(c *Conn) {
	for k := range kinds {
		c.unlist(k)
	}
}

// leave notes that c is about to be closed.
func (p *Pool) leave(c *Conn) {
	c.place = leaving
	c.account.size--
	p.leaving++
}

// end closes c, which has been noted as leaving. It is called without the lock.
func (p *Pool) end(c *Conn, reason Reason) {
	p.mu.Lock()
	p.counts.Discards[reason]++
	p.mu.Unlock()
	c.Transport.Close(func() { p.gone(c) })
	p.event(Event{Kind: EventDiscarded, PID: c.PID, Tenant: c.account.account.tenant(), Reason: reason})
}

// gone frees the place of a connection whose server has gone.
func (p *Pool) gone(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.place != leaving {
		panic("BUG: pool.Transport called done twice")
	}
	c.place = left
	delete(p.members, c)
	c.anchor.c = nil
	p.leaving--
	if a := c.heir; a != nil {
		c.heir = nil
		a.due--
		p.due--
	}
	p.shrink()
	p.grow(0)
}

// shrink notes that there is one connection less.
func (p *Pool) shrink() {
	p.size--
	if p.closed && p.size == 0 {
		close(p.emptied)
	}
}
