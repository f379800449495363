package proxy

import (
	"bufio"
	"crypto"
	_ "crypto/sha256" // the hashes of tls-server-end-point
	_ "crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"tenantpool/internal/certs"
	"tenantpool/wire"
)

// ClientTLS says how TLS with clients goes. The modes mean what PgBouncer means
// by them: allow and prefer leave it to the client, require insists on TLS, and
// the verify modes on a client certificate that an authority of Files.CA has
// signed. With an authority the other modes check a certificate that is shown.
// A Unix socket never speaks TLS.
type ClientTLS struct {
	Mode  certs.Mode
	Files certs.Files
	Min   uint16 // lowest version of TLS, as crypto/tls numbers them
}

// alpn is the protocol name without which a client may not begin with TLS.
const alpn = "postgresql"

// watch reads the files; they are looked at again when they change.
func (o ClientTLS) watch() (*certs.Watched, error) {
	if o.Mode == certs.Disable {
		return nil, nil
	}
	w := certs.Watch(o.Files, o.config)
	_, err := w.Current()
	return w, err
}

// certificateEnds is when the certificate that clients are shown expires; zero if
// there is none.
func (p *Proxy) certificateEnds() time.Time {
	if p.certs == nil {
		return time.Time{}
	}
	set := p.certs.Last()
	if set == nil || set.Certificate == nil || set.Certificate.Leaf == nil {
		return time.Time{}
	}
	return set.Certificate.Leaf.NotAfter
}

func (o ClientTLS) config(s *certs.Set) *tls.Config {
	c := &tls.Config{
		Certificates:                []tls.Certificate{*s.Certificate},
		MinVersion:                  o.Min,
		NextProtos:                  []string{alpn},
		ClientCAs:                   s.Roots,
		SessionTicketsDisabled:      true, // as Postgres: no session outlives its certificate
		DynamicRecordSizingDisabled: true, // the records are cut here
	}
	switch {
	case o.Mode >= certs.VerifyCA:
		c.ClientAuth = tls.RequireAndVerifyClientCert
	case s.Roots != nil:
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return c
}

// certificates gives what handshakes use now. Files that cannot be used are told of
// once, and change nothing.
func (p *Proxy) certificates() *certs.Set {
	set, err := p.certs.Current()
	if err != nil {
		p.opts.Log.Error("certificates cannot be reloaded; the old ones stay in use", "error", err)
	}
	return set
}

// secured is what a login keeps of its TLS; nil says that the client speaks
// plainly.
type secured struct {
	conn *tls.Conn
	set  *certs.Set
}

// errHandshake ends a login whose client has been told all it can be told.
var errHandshake = errors.New("TLS handshake failed")

// readStartup reads the startup packet, through TLS if the client asks for it by
// an SSLRequest or begins with it.
func (g *login) readStartup() (*wire.Startup, error) {
	if g.proxy.certs == nil || g.local() {
		return wire.ReadStartup(g.r, g.conn, nil)
	}
	if first, err := g.r.Peek(1); err == nil && first[0] == handshakeRecord {
		if err := g.direct(); err != nil {
			return nil, err
		}
		return wire.ReadStartup(g.r, g.conn, nil)
	}
	return wire.ReadStartup(g.r, g.conn, func() (*bufio.Reader, io.Writer, error) {
		err := g.handshake(nil)
		return g.r, g.conn, err
	})
}

// handshakeRecord is the first byte of a client that begins with TLS.
const handshakeRecord = 0x16

// direct does the handshake of such a client, who must name the protocol: it
// might have been sent here by somebody else while it believes to speak another.
func (g *login) direct() error {
	early, _ := g.r.Peek(g.r.Buffered())
	if err := g.handshake(append([]byte(nil), early...)); err != nil {
		return err
	}
	if g.tls.conn.ConnectionState().NegotiatedProtocol != alpn {
		g.noHandshake(errors.New("direct TLS without ALPN protocol " + alpn))
		return errHandshake
	}
	return nil
}

// handshake puts TLS between the login and its client. early is what has been
// read of it.
func (g *login) handshake(early []byte) error {
	set := g.proxy.certificates()
	conn := tls.Server(&tlsPipe{Conn: g.conn, raw: early}, set.Config)
	if err := conn.Handshake(); err != nil {
		g.noHandshake(err)
		g.r.Reset(g.conn)
		g.linger() // so that the alert arrives
		return errHandshake
	}
	g.tls = &secured{conn, set}
	g.conn, g.r = conn, bufio.NewReaderSize(conn, 1<<10)
	return nil
}

func (g *login) noHandshake(err error) {
	level := slog.LevelInfo
	if isEOF(err) {
		level = slog.LevelDebug // a probe
	}
	g.proxy.opts.Log.Log(g.ctx, level, "TLS handshake failed", "client", g.conn.RemoteAddr(), "error", err)
}

// local says that the client is on a Unix socket.
func (g *login) local() bool { return g.conn.LocalAddr().Network() == "unix" }

// demandTLS refuses a client that speaks plainly where it must not.
func (g *login) demandTLS() error {
	if g.tls != nil || g.proxy.opts.TLS.Mode < certs.Require || g.local() {
		return nil
	}
	host, _, _ := net.SplitHostPort(g.conn.RemoteAddr().String())
	user, _ := g.startup.Get("user")
	return noEncryption(host, user, g.database(), g.proxy.opts.TLS.Mode)
}

func noEncryption(host, user, database string, mode certs.Mode) error {
	return fatalError("28000", fmt.Sprintf(`no pool entry for host "%s", user "%s", database "%s", no encryption`, host, user, database),
		fmt.Sprintf(`tenantpool takes TLS connections only (tls = "%s"): connect with sslmode=require or stricter.`, mode))
}

// serverName is the name that the client has asked TLS for, "" if none.
func (g *login) serverName() string {
	if g.tls == nil {
		return ""
	}
	return g.tls.conn.ConnectionState().ServerName
}

// peerCertificate is the client's certificate, nil unless one was shown and an
// authority of tls_ca vouches for it.
func (s *secured) peerCertificate() *x509.Certificate {
	if s == nil {
		return nil
	}
	if state := s.conn.ConnectionState(); len(state.VerifiedChains) > 0 {
		return state.PeerCertificates[0]
	}
	return nil
}

// tlsServerEndPoint is what binds a SCRAM exchange to this TLS connection (RFC
// 5929), nil if nothing does.
func (s *secured) tlsServerEndPoint() []byte {
	if s == nil {
		return nil
	}
	return endPoint(s.set.Certificate.Leaf)
}

// endPoint is the hash of a certificate, by the hash of its own signature, but
// none weaker than SHA-256. Where the signature has no hash nothing is defined.
func endPoint(c *x509.Certificate) []byte {
	var hash crypto.Hash
	switch c.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		hash = crypto.SHA384
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		hash = crypto.SHA512
	case x509.PureEd25519, x509.UnknownSignatureAlgorithm:
		return nil
	default:
		hash = crypto.SHA256
	}
	h := hash.New()
	h.Write(c.Raw)
	return h.Sum(nil)
}

// detachTLS is detach for a connection that may have TLS on it, whose state is
// then the caller's too.
func detachTLS(conn net.Conn) (fd int, link *tlsLink, err error) {
	c, ok := conn.(*tls.Conn)
	if !ok {
		fd, err = detach(conn)
		return fd, nil, err
	}
	_ = c.SetDeadline(time.Time{})
	pipe := c.NetConn().(*tlsPipe)
	if fd, err = detach(pipe); err != nil {
		return fd, nil, err
	}
	pipe.Conn = nil
	return fd, &tlsLink{conn: c, pipe: pipe}, nil
}

// wrapServer lets a server connection move to a loop with its TLS
// (pool.Options.Wrap): the server's answer to our SSLRequest comes first.
func wrapServer(conn net.Conn) net.Conn {
	return &tlsPipe{Conn: conn, frame: framing{plain: 1}}
}
