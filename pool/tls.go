package pool

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/internal/certs"
	"tenantpool/wire"
)

// TLS says how TLS with the server goes. The modes mean what libpq means by
// them: allow prefers a plain connection and prefer one with TLS, require takes
// any certificate unless there is an authority to check it by, verify-ca checks
// it, and verify-full also that it is the host's. A Unix socket never speaks TLS.
type TLS struct {
	Mode  certs.Mode
	Files certs.Files
}

// Watch keeps an eye on the files. What it gives is complete but for the ServerName.
// It is nil without TLS.
func (o TLS) Watch() *certs.Watched {
	if o.Mode == certs.Disable {
		return nil
	}
	return certs.Watch(o.Files, o.config)
}

// isDirectory says that a host is a directory that holds a Unix socket.
func isDirectory(host string) bool { return strings.HasPrefix(host, "/") }

// config is what all hosts have in common: each is given its name.
func (o TLS) config(s *certs.Set) *tls.Config {
	c := &tls.Config{RootCAs: s.Roots, MinVersion: tls.VersionTLS12, DynamicRecordSizingDisabled: true}
	if s.Certificate != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return s.Certificate, nil }
	}
	if o.Mode != certs.VerifyFull {
		c.InsecureSkipVerify = true
		if o.Mode == certs.VerifyCA || o.Mode == certs.Require && o.Files.CA != "" {
			c.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(s.Roots, state.PeerCertificates) }
		}
	}
	return c
}

// verifyChain checks that an authority vouches for a certificate, whoever's it is.
func verifyChain(roots *x509.CertPool, chain []*x509.Certificate) error {
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	if _, err := chain[0].Verify(o); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return nil
}

// secure makes pgconn speak TLS with a host as the cluster wants it.
func (p *Pool) secure(config *pgconn.Config, host string) error {
	config.TLSConfig, config.Fallbacks = nil, nil
	if p.certs == nil || isDirectory(host) {
		return nil
	}
	set, err := p.certs.Current()
	switch {
	case set == nil:
		return fmt.Errorf("%w: %w", &loginRefused{"the TLS files of the cluster cannot be used"}, err)
	case err != nil:
		p.event(Event{Kind: EventCertificates, Err: err})
	}
	if set.Certificate != nil {
		config.SSLCertMode = "allow"
	}
	secured := set.Config.Clone()
	secured.ServerName = host
	fallback := &pgconn.FallbackConfig{Host: config.Host, Port: config.Port}
	switch p.opts().TLS.Mode {
	case certs.Allow:
		fallback.TLSConfig = secured
		config.Fallbacks = append(config.Fallbacks, fallback)
	case certs.Prefer:
		config.TLSConfig = secured
		config.Fallbacks = append(config.Fallbacks, fallback)
	default:
		config.TLSConfig = secured
	}
	if p.opts().Wrap != nil {
		dial := config.DialFunc
		config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return p.opts().Wrap(conn), nil
		}
	}
	return nil
}

// sslRequest is SSLRequest of libpq/pqcomm.h, with its length.
const sslRequest = 8<<32 | 1234<<16 | 5679

// startTLS asks a server for TLS and does the handshake.
func startTLS(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	if _, err := conn.Write(binary.BigEndian.AppendUint64(nil, sslRequest)); err != nil {
		return nil, err
	}
	var answer [1]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return nil, err
	}
	if answer[0] != 'S' {
		return nil, errors.New("the server does not speak TLS any more")
	}
	secured := tls.Client(conn, config)
	return secured, secured.HandshakeContext(ctx)
}

// tlsFailure is what a client is told of a login that TLS has prevented; nil if
// it was something else. No text of the server's is in it.
func tlsFailure(err error) *wire.Error {
	var unverified *tls.CertificateVerificationError
	var alert tls.AlertError
	var garbage tls.RecordHeaderError
	text := ""
	switch {
	case errors.As(err, &unverified):
		text = "its certificate " + unverifiable(unverified.Err)
	case errors.As(err, &alert):
		text = "it answered the TLS handshake with: " + strings.TrimPrefix(alert.Error(), "tls: ")
	case errors.As(err, &garbage):
		text = "it does not speak TLS"
	case strings.Contains(err.Error(), "server refused TLS connection"): // pgconn has no better sign
		text = "it does not speak TLS, and the cluster's tls asks for it"
	default:
		return nil
	}
	return &wire.Error{Severity: wire.SeverityError, Code: "08001", Message: "server is not trusted: " + text,
		Hint: "See tls and tls_ca of the cluster in the configuration of tenantpool."}
}

// unverifiable says what is wrong with a certificate, and no names out of it.
func unverifiable(err error) string {
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &host):
		return fmt.Sprintf("is not for host %q", host.Host)
	case errors.As(err, &authority):
		return "is signed by an authority that tls_ca does not hold"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "has expired or is not valid yet"
	}
	return "cannot be verified"
}

// cancelOver sends a cancel request the way the connection itself goes, within
// the deadline.
func cancelOver(ctx context.Context, conn net.Conn, config *tls.Config, request []byte) error {
	socket := conn
	deadline, _ := ctx.Deadline()
	_ = socket.SetDeadline(deadline)
	defer context.AfterFunc(ctx, func() { _ = socket.SetDeadline(time.Unix(1, 0)) })()
	if config != nil {
		var err error
		if conn, err = startTLS(ctx, socket, config); err != nil {
			return err
		}
	}
	if _, err := conn.Write(request); err != nil {
		return err
	}
	return awaitEnd(conn)
}
