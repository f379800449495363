package proxy

import "crypto/x509"

// peerCertificate is the client's certificate, nil unless one was shown and an
// authority vouches for it.
func (g *login) peerCertificate() *x509.Certificate { return g.tls.peerCertificate() }

// tlsServerEndPoint is what binds a SCRAM exchange to this TLS connection (RFC
// 5929), nil if nothing does.
func (g *login) tlsServerEndPoint() []byte { return g.tls.tlsServerEndPoint() }
