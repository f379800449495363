package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime/debug"
	"time"
	"unique"

	"tenantpool/auth"
	"tenantpool/pool"
	"tenantpool/routing"
	"tenantpool/wire"
)

// login is one client's time before its first query, on a goroutine of its own.
type login struct {
	proxy   *Proxy
	began   time.Time
	late    bool   // it came when only operators may
	arrived func() // ends its being counted as a client that is to come
	live    *live  // as it was when the client came
	conn    net.Conn
	r       *bufio.Reader
	ctx     context.Context
	startup *wire.Startup
	tls     *secured    // nil: the client speaks plainly
	user    string      // without the suffix that asks for a replica
	suffix  string      // that
	named   string      // the database, without it
	method  auth.Method // by which the user proved itself
	out     []byte      // said last, if the login succeeds
}

// login takes conn, logs its client in and hands it to a loop, or tells it why
// not and closes it.
func (p *Proxy) login(conn net.Conn, late bool, arrived func()) {
	defer func() {
		if r := recover(); r != nil {
			p.panics.Add(1)
			p.opts.Log.Error("panic in a login", "panic", r, "stack", string(debug.Stack()))
			conn.Close()
		}
	}()
	began := time.Now()
	ctx, stop := context.Background(), context.CancelFunc(func() {})
	l := p.now()
	if d := l.options.LoginTimeout; d > 0 {
		ctx, stop = context.WithTimeout(ctx, d)
		_ = conn.SetDeadline(time.Now().Add(d))
	}
	defer stop()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(p.opts.KeepAlive)
	}
	g := &login{proxy: p, began: began, late: late, arrived: arrived, live: l, conn: conn, r: bufio.NewReaderSize(conn, 1<<10), ctx: ctx}
	if err := g.run(); err != nil {
		g.refuse(err)
	}
}

// refuse tells the client why it cannot log in, if it is still there to hear.
func (g *login) refuse(err error) {
	var e *wire.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		e = errLoginTimeout
	}
	if e != nil {
		g.proxy.loginMeter.refused(e)
		_ = g.conn.SetWriteDeadline(time.Now().Add(lingerTime))
		_, _ = g.conn.Write(e.WithSeverity("FATAL").AppendTo(nil))
		g.proxy.opts.Log.Debug("client refused", "client", g.conn.RemoteAddr(), "user", clip(g.user), "error", e)
		g.linger()
	}
	g.conn.Close()
}

// linger reads what the client still sends, briefly, so that the kernel does
// not answer it with a reset that would overtake our last words.
func (g *login) linger() {
	if c, ok := g.conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
		_ = g.conn.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, g.r, 64<<10)
	}
}

func (g *login) run() error {
	st, err := g.readStartup()
	if err != nil {
		return err
	}
	g.startup = st
	if st.Cancel != nil {
		g.cancel()
		return nil
	}
	g.say()
	if err := g.demandTLS(); err != nil {
		return err
	}
	if g.atConsole() {
		g.arrived()
		return g.console()
	}
	if err := g.admit(); err != nil {
		return err
	}
	defer func() {
		if g.startup != nil {
			g.proxy.clients.Add(-1) // not handed over
		}
	}()
	return g.enter()
}

// cancel passes a cancel request to the loop of the session it names. The
// client learns nothing but that the connection closes.
func (g *login) cancel() {
	r, sentOn := g.startup.Cancel, false
	if g.proxy.siblings.own > 0 {
		r.Secret, sentOn = cutForwarded(r.Secret)
	}
	switch s := g.proxy.keys.find(r); {
	case s != nil:
		done := make(chan struct{})
		s.loop.post(func(*Loop) {
			s.cancelRequested()
			close(done)
		})
		<-done
	case g.cancelsConsole():
	case sentOn:
		g.proxy.cancels.unknown.Add(1)
	default:
		g.proxy.cancels.unknown.Add(1)
		g.proxy.siblings.forward(g.ctx, r)
	}
	g.conn.Close()
}

// admit counts the client, if there is room for it.
func (g *login) admit() error {
	p := g.proxy
	n := p.clients.Add(1)
	var err error
	switch {
	case p.closing.Load() || g.late:
		err = errShutdown
	case g.live.options.MaxClients > 0 && n > int64(g.live.options.MaxClients):
		err = errTooManyClients
	case p.opts.MaxDescriptors > 0 && uint64(n) > p.clientDescriptors():
		err = errNoDescriptors
	}
	if err != nil {
		p.clients.Add(-1)
	}
	return err
}

// reservedDescriptors are kept for listeners, pollers, cancels and logs.
const reservedDescriptors = 64

// clientDescriptors is how many descriptors are left for clients beside those
// of the server connections and the reserve.
func (p *Proxy) clientDescriptors() uint64 {
	used := uint64(reservedDescriptors)
	for _, h := range p.now().clusters {
		used += uint64(2 * h.pool.Size())
	}
	if used >= p.opts.MaxDescriptors {
		return 1
	}
	return p.opts.MaxDescriptors - used
}

// enter authenticates the client, finds its route and hands it over.
func (g *login) enter() error {
	st := g.startup
	if err := g.negotiate(); err != nil {
		return err
	}
	if v, ok := st.Get("replication"); ok {
		if err := judgeReplication(v); err != nil {
			return err
		}
	}
	if err := g.authenticate(); err != nil {
		return err
	}
	s, err := g.settle()
	if err == nil {
		err = g.handOver(s)
	}
	return g.answer(err)
}

// say takes down who the client says it is.
func (g *login) say() {
	g.user, _ = g.startup.Get("user")
	id := g.live.table().Plain(routing.Identity{User: g.user, Database: g.asked()})
	g.user, g.named, g.suffix = id.User, id.Database, id.Suffix
}

// settle makes the session and finds all that it needs. A failure counts only if
// nothing was reloaded meanwhile: a pool may have been taken from under it.
func (g *login) settle() (*session, error) {
	for {
		s, err := g.session()
		now := g.proxy.now()
		if err == nil || now == g.live || g.ctx.Err() != nil {
			return s, err
		}
		g.live = now
	}
}

// session makes the client's session by the live value of the login.
func (g *login) session() (*session, error) {
	id := routing.Identity{User: g.user, Database: g.database(), ServerName: g.serverName(), Suffix: g.suffix}
	r, err := g.live.table().Resolve(id)
	if err != nil {
		return nil, err
	}
	h := g.live.home(r)
	if h == nil {
		return nil, clusterGone(r.Tenant)
	}
	s := &session{proxy: g.proxy, route: r, pool: h.pool, pins: h.pinned,
		user: unique.Make(id.User), database: unique.Make(id.Database), serverName: unique.Make(id.ServerName),
		suffix: unique.Make(g.suffix), number: g.live.number, sameTenant: h.sameTenant}
	if e := g.proxy.tallies.on(r.Cluster, r.Tenant).refuses(r.Tenant); e != nil {
		return nil, e // before any look at a server
	}
	if err := g.exists(s); err != nil {
		return nil, err
	}
	if err := g.profile(s); err != nil {
		return nil, err
	}
	s.tally = g.proxy.tallies.of(r.Tenant) // it stays for good: only now is the tenant known to be there
	return s, nil
}

// database is what the client asked for, without the suffix that asks for a replica.
func (g *login) database() string { return g.named }

// asked is the name of the database in the client's words; by default that is its
// user's name.
func (g *login) asked() string {
	if name, _ := g.startup.Get("database"); name != "" {
		return name
	}
	user, _ := g.startup.Get("user")
	return user
}

// answer is what the client is told of a refusal. Whoever is not admitted and
// whoever asks for a tenant that does not exist get the same answer.
func (g *login) answer(err error) error {
	var refusal *routing.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	g.proxy.opts.Log.Info("client refused", "client", g.conn.RemoteAddr(), "user", clip(g.user), "database", clip(g.database()), "reason", clip(refusal.Error()))
	switch {
	case refusal.Reason == routing.ReasonDisabled:
		return tenantOff(refusal)
	case refusal.Reason == routing.ReasonUnread:
		return errUnread
	case refusal.Source == routing.FromUser:
		return g.notProven()
	}
	return databaseUnknown(g.asked())
}

// exists checks that a tenant known by its schema alone has one.
func (g *login) exists(s *session) error {
	r := s.route
	if r.Existence != routing.BySchema {
		return nil
	}
	ok, err := s.pool.SchemaIsTenant(g.ctx, r.Schema)
	if err != nil {
		return g.unreachable(s, nil, err)
	}
	if !ok {
		return &routing.Refusal{Source: r.Source, Reason: routing.ReasonUnknown, Tenant: r.Tenant}
	}
	return nil
}

// unreachable turns the error of a look-up, or of a login for the profile, into
// what the client is told.
func (g *login) unreachable(s *session, prof *pool.Profile, err error) error {
	var e *wire.Error
	if errors.As(err, &e) {
		return loginError(e)
	}
	if e := s.pool.LastError(prof); e != nil {
		return loginError(e)
	}
	return fatalError("08001", "the server cannot be reached", pool.HintUnreachable)
}

// handOver gives the session's descriptor to a loop.
func (g *login) handOver(s *session) error {
	p, r := g.proxy, s.route
	if n := s.tally.clients.Add(1); r.MaxClients > 0 && n > int64(r.MaxClients) {
		s.tally.clients.Add(-1)
		return tenantFull(r.Tenant)
	}
	s.id = pool.HolderID(p.lastID.Add(1))
	s.waiter.Holder = s.id
	s.loop = p.quietest()
	p.keys.issue(s, g.startup.Minor)
	if err := g.greet(s); err != nil {
		p.keys.revoke(s)
		s.tally.clients.Add(-1)
		return err
	}
	return nil
}

// greet says that the login is done, unless that waits for a server, and moves
// the client to its loop.
func (g *login) greet(s *session) error {
	out := g.out
	for name, value := range s.params.All() {
		out = wire.AppendParameterStatus(out, name, value)
	}
	if s.ungreeted = s.route.Mode == modeSession; !s.ungreeted {
		out = s.appendGreeting(out)
	}
	if _, err := g.conn.Write(out); err != nil {
		return err
	}
	held, _ := g.r.Peek(g.r.Buffered())
	held = append([]byte(nil), held...)
	fd, link, err := detachTLS(g.conn)
	if err != nil {
		return err
	}
	s.fd, s.tls = fd, link
	s.loop.sessions.Add(1)
	g.proxy.loginMeter.succeeded(g.method.String(), time.Since(g.began))
	g.startup = nil // handed over: the session is counted until it closes
	s.loop.post(func(l *Loop) { s.start(l, held) })
	return nil
}
