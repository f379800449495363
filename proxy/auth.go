package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"tenantpool/auth"
	"tenantpool/wire"
)

// maxAuthMessage caps a client's authentication messages: they are held whole,
// for clients that have proven nothing.
const maxAuthMessage = 8 << 10

// authenticate proves the user by the method of the rule that matches the client.
// What it has to say in the end waits in g.out: a client that is refused later,
// for its tenant does not exist, must see the same as after a wrong password.
func (g *login) authenticate() error {
	about := g.facts()
	rule := g.live.options.Policy.Match(about)
	if rule == nil {
		return g.turnedAway(fmt.Sprintf("no pg_hba.conf entry for %s", describe(about)), nil, "no rule matches")
	}
	g.method = rule.Method
	if rule.Cert != auth.NoCert && g.peerCertificate() == nil {
		return g.turnedAway("connection requires a valid client certificate", rule, "no valid certificate")
	}
	why, err := g.prove(rule, about)
	if err != nil {
		return err
	}
	if why == "" && rule.Cert == auth.VerifyFull {
		why, err = g.certified(rule)
	}
	switch {
	case err != nil:
		return err
	case why != "":
		g.logRefusal(rule, why)
		return g.notProven()
	}
	g.out = wire.AppendAuthOK(g.out)
	return nil
}

// prove runs the rule's method. It returns why the user is not proven, "" if it
// is, or an error that ends the conversation in another way.
func (g *login) prove(rule *auth.Rule, about auth.Client) (why string, err error) {
	switch rule.Method {
	case auth.Trust, auth.ByCertificate:
		return "", nil
	case auth.Reject:
		return "", g.turnedAway(fmt.Sprintf("pg_hba.conf rejects connection for %s", describe(about)), rule, "rejected")
	case auth.ByPeer:
		return g.peer(rule)
	}
	a, err := g.live.options.Directory.Find(g.ctx, g.user)
	if err != nil {
		return "", g.nobodyToAsk(err)
	}
	var proven bool
	switch {
	case rule.Method == auth.ByPassword:
		proven, err = g.password(a)
	case rule.Method == auth.ByMD5 && !g.live.options.Directory.UsesSCRAM(a):
		proven, err = g.md5(a)
	default:
		proven, err = g.scram(a)
	}
	switch {
	case err != nil || proven && a.Why == "":
		return "", err
	case a.Why != "":
		return a.Why, nil
	}
	return "wrong password", nil
}

// facts are what rules look at.
func (g *login) facts() auth.Client {
	about := auth.Client{User: g.user, Database: g.database(), Own: ownAddresses}
	about.TLS = g.tls != nil
	switch a := g.conn.RemoteAddr().(type) {
	case *net.TCPAddr:
		about.Address = a.AddrPort().Addr().Unmap()
	case *net.UnixAddr:
		about.Socket = true
	}
	return about
}

// ownAddresses are this machine's addresses with their networks.
func ownAddresses() []netip.Prefix {
	addrs, _ := net.InterfaceAddrs() // without them none matches
	var own []netip.Prefix
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, p)
		}
	}
	return own
}

// describe names a client the way Postgres does.
func describe(c auth.Client) string {
	host, encryption := "[local]", "no encryption"
	if !c.Socket {
		host = c.Address.String()
	}
	if c.TLS {
		encryption = "SSL encryption"
	}
	return fmt.Sprintf(`host "%s", user "%s", database "%s", %s`, host, c.User, c.Database, encryption)
}

// notProven is what a client is told whose user is not proven, in the words that
// Postgres has for the method. Trust has none: there the tenant is unknown.
func (g *login) notProven() error {
	switch g.method {
	case auth.ByCertificate:
		return fatalError("28000", fmt.Sprintf(`certificate authentication failed for user "%s"`, g.user), "")
	case auth.ByPeer:
		return fatalError("28000", fmt.Sprintf(`Peer authentication failed for user "%s"`, g.user), "")
	}
	return passwordFailed(g.user)
}

// turnedAway refuses a client before anything was asked of it.
func (g *login) turnedAway(message string, rule *auth.Rule, why string) error {
	g.logRefusal(rule, why)
	return fatalError("28000", message, "")
}

// nobodyToAsk refuses a client because its user could not be looked up.
func (g *login) nobodyToAsk(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	g.proxy.opts.Log.Warn("a user cannot be looked up", "client", g.conn.RemoteAddr(), "user", clip(g.user), "error", err)
	return errNoLookup
}

// logRefusal says what the client is not told.
func (g *login) logRefusal(rule *auth.Rule, why string) {
	args := []any{"client", g.conn.RemoteAddr(), "user", clip(g.user), "database", clip(g.database()), "reason", why}
	if rule != nil {
		args = append(args, "method", rule.Method.String())
		if rule.Line > 0 {
			args = append(args, "rule", rule.Line)
		}
	}
	g.proxy.opts.Log.Info("authentication failed", args...)
}

// clip keeps a name that a stranger has made up from filling the log.
func clip(name string) string {
	if len(name) > 200 {
		return name[:200] + "..."
	}
	return name
}

// authMessage reads the client's next message, which must be an answer to our
// authentication request: nothing else is looked at before login. what it should
// be stands in the error.
func (g *login) authMessage(what string) ([]byte, error) {
	m, body, err := wire.ReadMessage(g.r, maxAuthMessage)
	if err != nil {
		return nil, err
	}
	if m != wire.ClientPassword {
		return nil, wire.FatalProtocol("expected %s response, got message type %d", what, byte(m))
	}
	return body, nil
}
