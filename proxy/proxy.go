package proxy

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tenantpool/auth"
	"tenantpool/internal/certs"
	"tenantpool/pool"
	"tenantpool/routing"
)

// The modes of a route, by shorter names.
const (
	modeSession   = routing.Session
	modeStatement = routing.Statement
)

// Options say what a Proxy is to do. They do not change; Apply has others take
// their place.
type Options struct {
	Table      *routing.Table
	Pools      map[string]*pool.Options   // by cluster; Adopt is filled in
	SameTenant map[string]pool.SameTenant // by cluster
	Policy     auth.Policy                // how clients prove their user
	Directory  *auth.Directory            // who users are
	TLS        ClientTLS

	// Login says, if own is true, as whom the server connections of a route log in
	// that serve its tenant alone; else they are the cluster's, shared with others.
	// The error names what the configuration lacks. nil: always the cluster's.
	Login func(*routing.Route) (l pool.Login, own bool, err error)

	Console Console // who serves operators; nil: nobody

	PeerID int // this pooler's number among its siblings; 0: it has none
	Peers  []Peer

	Loops int // event loops, at least 1
	Log   *slog.Logger

	MaxClients     int    // at once; 0 is no limit
	MaxDescriptors uint64 // the limit of open files; 0 is unknown

	// MaxPinned is, by cluster, how many sessions may keep their server beyond
	// their transaction; 0 is half of the pool. One tenant may have half of that.
	MaxPinned map[string]int

	// Durations of 0 are off.
	LoginTimeout    time.Duration
	ClientGoneGrace time.Duration
	KeepAlive       net.KeepAliveConfig
}

// Proxy accepts clients and relays between them and the pools' servers.
type Proxy struct {
	opts       fixed
	live       atomic.Pointer[live]
	applying   sync.Mutex     // held by who makes a new live value
	ended      bool           // guarded by applying: there will be none
	retired    sync.WaitGroup // pools that drain
	loops      []*Loop
	states     *pool.States
	statements *pool.StatementTable
	tallies    tallies
	keys       cancelKeys
	cancels    cancelCounters
	siblings   *siblings
	certs      *certs.Watched // nil: no TLS with clients
	views      views
	loginMeter loginMeter
	panics     atomic.Int64

	clients  atomic.Int64
	lastID   atomic.Uint64
	draining atomic.Bool
	closing  atomic.Bool

	operatorsOnly atomic.Bool
	hurried       atomic.Bool // a drain takes too long

	logins   sync.WaitGroup
	arriving atomic.Int64 // clients accepted and not yet with a loop
	running  sync.WaitGroup
	stopped  chan struct{} // closed when the loops have ended
}

// fixed is what stays as it was at the start.
type fixed struct {
	Log            *slog.Logger
	TLS            ClientTLS
	KeepAlive      net.KeepAliveConfig
	MaxDescriptors uint64
	Console        Console
}

// New makes a proxy and its pools, and starts its loops. Close ends it.
func New(o Options) (*Proxy, error) {
	p := &Proxy{opts: fixed{o.Log, o.TLS, o.KeepAlive, o.MaxDescriptors, o.Console},
		states: pool.NewStates(), statements: pool.NewStatementTable(), stopped: make(chan struct{})}
	p.live.Store(&live{})
	p.keys.peer, p.siblings = o.PeerID, newSiblings(o.PeerID, o.Peers, o.Log)
	var err error
	if p.certs, err = o.TLS.watch(); err != nil {
		return nil, err
	}
	for range max(1, o.Loops) {
		l, err := newLoop()
		if err != nil {
			return nil, err
		}
		l.panicked = func(v any, stack []byte) {
			p.panics.Add(1)
			o.Log.Error("panic in a session", "panic", v, "stack", string(stack))
		}
		p.loops = append(p.loops, l)
		p.running.Go(l.run)
	}
	p.Apply(o)
	return p, nil
}

// Serve accepts clients from ln until ln is closed, which Close does. It may be
// called for several listeners.
func (p *Proxy) Serve(ln net.Listener) error {
	for {
		conn, err := ln.Accept()
		late := p.operatorsOnly.Load()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			p.opts.Log.Warn("cannot accept a client", "error", err)
			time.Sleep(50 * time.Millisecond) // out of descriptors: clients end, then it goes on
			continue
		}
		p.arriving.Add(1)
		p.logins.Go(func() {
			arrived := sync.OnceFunc(func() { p.arriving.Add(-1) })
			defer arrived()
			p.login(conn, late, arrived)
		})
	}
}

// quietest is the loop with the fewest sessions.
func (p *Proxy) quietest() *Loop {
	best := p.loops[0]
	for _, l := range p.loops[1:] {
		if l.sessions.Load() < best.sessions.Load() {
			best = l
		}
	}
	return best
}

// Clients is the number of clients that have logged in and not left.
func (p *Proxy) Clients() int { return int(p.clients.Load()) }

// Draining says that no new work may begin.
func (p *Proxy) Draining() bool { return p.draining.Load() }

// Clusters are the names of the clusters that have a pool, in order.
func (p *Proxy) Clusters() []string { return slices.Sorted(maps.Keys(p.now().clusters)) }

// Pool is the pool of a cluster, or nil.
func (p *Proxy) Pool(cluster string) *pool.Pool {
	if h := p.now().clusters[cluster]; h != nil {
		return h.pool
	}
	return nil
}

// Close ends every session (57P01), the pools and the loops. Listeners are the
// caller's to close before.
func (p *Proxy) Close(ctx context.Context) {
	p.draining.Store(true)
	p.applying.Lock()
	p.ended = true
	p.applying.Unlock()
	p.closing.Store(true)
	for _, l := range p.loops {
		done := make(chan struct{})
		l.post(func(l *Loop) {
			for s := range l.all {
				s.fatal(errShutdown)
				s.close()
			}
			close(done)
		})
		<-done
	}
	for _, h := range p.now().clusters {
		h.pool.Close(ctx)
	}
	p.awaitRetired(ctx)
	for _, l := range p.loops {
		l.post(func(l *Loop) { l.stopped = true })
	}
	p.running.Wait()
	close(p.stopped)
}

// closed takes a session out of the books.
func (p *Proxy) closed(s *session) {
	p.keys.revoke(s)
	p.clients.Add(-1)
	s.loop.sessions.Add(-1)
	s.tally.clients.Add(-1)
	s.logEnd()
}
