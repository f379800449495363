package integration

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"tenantpool/internal/pgtest"
)

// vault is an authority and what it has signed for the pooler: PEM files.
type vault struct {
	*pgtest.Authority
	cert, key string
}

// poolerHosts are the names by which tests reach a pooler.
var poolerHosts = []string{"127.0.0.1", "localhost", "acme.db.example.com", "globex.db.example.com"}

func newVault(t testing.TB) vault {
	t.Helper()
	v := vault{Authority: pgtest.NewAuthority(t, t.TempDir(), "authority")}
	v.cert, v.key = v.Issue(t, "pooler", pgtest.Leaf{Hosts: poolerHosts})
	return v
}

// lines are the tls keys for clients at the top of a configuration.
func (v vault) lines(mode string) string {
	return fmt.Sprintf("tls = %q\ntls_cert = %q\ntls_key = %q\n", mode, v.cert, v.key)
}

// startTLSPooler runs a pooler whose clients speak TLS and verify it.
func startTLSPooler(t *testing.T, w *world, s setup) (*pooler, vault) {
	t.Helper()
	needsPooler(t)
	v := newVault(t)
	s.global += "\n" + v.lines("require")
	p := startPooler(t, w, s)
	p.ca = v.File
	return p, v
}

// clientTLS is the TLS of a client that verifies the endpoint.
func (e endpoint) clientTLS(t testing.TB) *tls.Config {
	t.Helper()
	c, err := e.verifying()
	must(t, err)
	return c
}

func (e endpoint) verifying() (*tls.Config, error) {
	text, err := os.ReadFile(e.ca)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return &tls.Config{RootCAs: roots, ServerName: e.host, NextProtos: []string{"postgresql"}}, err
}

// startTLS asks for TLS and does the handshake.
func startTLS(conn net.Conn, c *tls.Config) (*tls.Conn, error) {
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(packet(codeSSL, nil)); err != nil {
		return nil, err
	}
	answer := make([]byte, 1)
	if _, err := io.ReadFull(conn, answer); err != nil || answer[0] != 'S' {
		return nil, fmt.Errorf("an SSLRequest is answered with %q, %v", answer, err)
	}
	secured := tls.Client(conn, c)
	return secured, secured.Handshake()
}

// dialTLS is a client over TLS of any kind that has not logged in yet.
func dialTLS(t testing.TB, e endpoint, c *tls.Config) *rawClient {
	t.Helper()
	plain := e
	plain.ca = ""
	raw := dialRaw(t, plain)
	secured, err := startTLS(raw.tcp, c)
	must(t, err)
	raw.conn = secured
	raw.in.Reset(raw.conn)
	raw.at = e
	return raw
}

// startRelay passes bytes on between a client and address, cut or glued by shape, until both ends close.
// It returns where it listens.
func startRelay(t testing.TB, address string, shape func(from, to net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				client.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
				go func() {
					defer way[1].Close()
					shape(way[0], way[1])
				}()
			}
		}
	}()
	return ln.Addr().String()
}

// inBytes writes every byte by itself.
func inBytes(from, to net.Conn) {
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		for i := range n {
			if _, err := to.Write(b[i : i+1]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// inHeaps waits a moment for more before it writes, so that many records come at once and in parts.
func inHeaps(from, to net.Conn) {
	var held bytes.Buffer
	b := make([]byte, 3001)
	for {
		from.SetReadDeadline(time.Now().Add(3 * time.Millisecond))
		n, err := from.Read(b)
		held.Write(b[:n])
		if timeout, ok := err.(net.Error); err == nil && held.Len() < 64<<10 || ok && timeout.Timeout() && held.Len() == 0 {
			continue
		}
		if _, werr := held.WriteTo(to); werr != nil {
			return
		}
		if timeout, ok := err.(net.Error); err != nil && !(ok && timeout.Timeout()) {
			return
		}
	}
}
