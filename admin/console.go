package admin

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"log/slog"
	"sync"
	"time"

	"context"

	"tenantpool/config"
	"tenantpool/proxy"
	"tenantpool/wire"
)

// Options are what a console works with. Nil functions are commands that this process does not have:
// they are answered with 0A000.
type Options struct {
	Version string
	Config  func() *config.Config // as it is now
	Log     *slog.Logger
	Events  *Events

	// Reloader reads the configuration again. It is asked each time, and gives nil if there is none.
	Reloader func() Reloader
	// Set changes one setting while the process runs.
	Set func(ctx context.Context, key, value string) error
	// Shutdown ends the process: at once, when no server connection is in use, or when the last
	// client has gone.
	Shutdown func(When)
}

// Reloader reads the configuration again, all of it or nothing.
type Reloader interface {
	Reload(ctx context.Context) Reloaded
	Reloads() []Reloaded // the last ones, whoever asked for them, oldest first
}

// Reloaded is how one reload went.
type Reloaded struct {
	At       time.Time
	Took     time.Duration
	OK       bool
	Problems []string // why it was refused, as file:line:col: text; none if OK
	Changes  []string // what differs from before
}

// reloader is who reloads, nil if nobody does.
func (c *Console) reloader() Reloader {
	if c.o.Reloader == nil {
		return nil
	}
	return c.o.Reloader()
}

// When says what a shutdown waits for.
type When uint8

// The ways to shut down.
const (
	AtOnce When = iota
	AfterServers
	AfterClients
)

// maxSessions bounds how many operators are served at once.
const maxSessions = 100

// Console serves operators (proxy.Console).
type Console struct {
	o       Options
	proxy   *proxy.Proxy
	began   time.Time
	rates   rates
	runtime sync.Map // settings that SET has changed, by key

	mu       sync.Mutex
	sessions map[uint32]*session // by process id
}

// New makes a console. Attach gives it the pooler before anybody can connect.
func New(o Options) *Console {
	return &Console{o: o, began: time.Now(), sessions: make(map[uint32]*session)}
}

// Attach gives the console the pooler it shows, and begins to measure rates until ctx ends.
func (c *Console) Attach(ctx context.Context, p *proxy.Proxy) {
	c.proxy = p
	go c.rates.watch(ctx, p)
}

func (c *Console) users() Users {
	a := c.o.Config().Admin
	return Users{Admins: a.Users, Operators: a.Operators, Stats: a.StatsUsers}
}

// Admits is for the proxy.
func (c *Console) Admits(user string, owner bool) bool { return c.users().role(user, owner) > Nobody }

// Serve is for the proxy: it serves one operator until that one leaves.
func (c *Console) Serve(op proxy.Operator) {
	s := newSession(c, op)
	if !c.enter(s) {
		_, _ = op.Conn.Write(errFull.AppendTo(op.Greeting))
		op.Conn.Close()
		return
	}
	defer c.leave(s)
	c.o.Log.Info("console opened", "client", op.Conn.RemoteAddr(), "user", op.User, "role", s.role.String())
	s.run()
	c.o.Log.Info("console closed", "client", op.Conn.RemoteAddr(), "user", op.User)
}

var errFull = &wire.Error{Severity: "FATAL", Code: "53300", Message: "too many sessions of the console",
	Hint: "Close some: there may be 100 at once."}

// enter gives a session its key, unless there are too many.
func (c *Console) enter(s *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sessions) >= maxSessions {
		return false
	}
	_, _ = rand.Read(s.secret[:])
	for taken := true; taken; _, taken = c.sessions[s.pid] {
		var b [4]byte
		_, _ = rand.Read(b[:])
		s.pid = binary.BigEndian.Uint32(b[:])>>1 | 1
	}
	c.sessions[s.pid] = s
	return true
}

func (c *Console) leave(s *session) {
	s.op.Conn.Close()
	c.mu.Lock()
	delete(c.sessions, s.pid)
	c.mu.Unlock()
}

// Cancel is for the proxy: it cancels what an operator waits for.
func (c *Console) Cancel(pid uint32, secret []byte) bool {
	c.mu.Lock()
	s := c.sessions[pid]
	c.mu.Unlock()
	if s == nil || subtle.ConstantTimeCompare(s.secret[:], secret) != 1 {
		return false
	}
	s.cancel()
	return true
}
