package proxy

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"tenantpool/routing"
	"tenantpool/wire"
)

// Console serves operators. It owns what Serve is given, and returns when that is
// closed.
type Console interface {
	// Admits says whether a user may use it; owner is whoever the operating
	// system knows as the owner of this process, or root.
	Admits(user string, owner bool) bool
	Serve(Operator)
	// Cancel cancels what runs for an operator under a key that it was given. It
	// returns false if there is no such key.
	Cancel(pid uint32, secret []byte) bool
}

// Operator is a client of the console that has logged in and has not been told
// so yet.
type Operator struct {
	Conn     net.Conn
	In       *bufio.Reader // what comes from Conn
	User     string
	Owner    bool   // see Console.Admits
	Greeting []byte // is to be sent first: the end of the authentication
	Startup  *wire.Startup
}

// atConsole says that the client asks for the console by its name, which no
// tenant can have.
func (g *login) atConsole() bool {
	if g.proxy.opts.Console == nil {
		return false
	}
	return slices.Contains(routing.ConsoleNames(), g.asked())
}

// console logs an operator in and serves it. It is not counted as a client: it
// works when there is room for nobody else, and while the pooler drains.
func (g *login) console() error {
	if err := g.negotiate(); err != nil {
		return err
	}
	c := g.proxy.opts.Console
	g.user, _ = g.startup.Get("user") // as it was said: there are no replicas here
	owner := g.byOwner()
	if owner {
		g.out = wire.AppendAuthOK(nil)
	} else if err := g.authenticate(); err != nil {
		return err
	}
	if !c.Admits(g.user, owner) {
		g.proxy.opts.Log.Warn("console refused", "client", g.conn.RemoteAddr(), "user", clip(g.user))
		return notAnOperator(g.user)
	}
	if err := g.conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	c.Serve(Operator{g.conn, g.r, g.user, owner, g.out, g.startup})
	return nil
}

// byOwner says that the client is on a Unix socket and its process belongs to
// whom ours belongs to, or to root.
func (g *login) byOwner() bool {
	uid, err := peerUID(g.conn)
	return err == nil && (uid == 0 || int(uid) == os.Getuid())
}

// negotiate tells the client which protocol is spoken, if that is not what it
// asked for.
func (g *login) negotiate() error {
	st := g.startup
	if !st.Negotiate {
		return nil
	}
	_, err := g.conn.Write(wire.AppendNegotiateProtocolVersion(nil, st.Minor, st.Unrecognized))
	return err
}

// cancelsConsole passes a cancel request to the console.
func (g *login) cancelsConsole() bool {
	c := g.proxy.opts.Console
	return c != nil && c.Cancel(g.startup.Cancel.PID, g.startup.Cancel.Secret)
}

func notAnOperator(user string) error {
	return fatalError("28000", fmt.Sprintf(`user "%s" may not use the console`, user),
		"Name the user in users, operators or stats_users of [admin], or connect through the Unix socket as the user that tenantpool runs as.")
}
