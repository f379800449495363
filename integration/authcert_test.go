package integration

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgproto3/v2"
	"github.com/jackc/pgx/v5/pgconn"
)

// signer signs certificates, its own among them, and keeps all as files of one directory.
type signer struct {
	dir, ca string
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
}

func newSigner(t testing.TB) *signer {
	t.Helper()
	s := &signer{dir: t.TempDir()}
	s.cert = &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	s.ca, _ = s.sign(t, "ca", s.cert)
	return s
}

// sign writes NAME.crt and NAME.key.
func (s *signer) sign(t testing.TB, name string, c *x509.Certificate) (cert, key string) {
	t.Helper()
	fresh, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	if s.key == nil {
		s.key = fresh
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(100*24*time.Hour)
	raw, err := x509.CreateCertificate(rand.Reader, c, s.cert, &fresh.PublicKey, s.key)
	must(t, err)
	rawKey, err := x509.MarshalPKCS8PrivateKey(fresh)
	must(t, err)
	cert, key = filepath.Join(s.dir, name+".crt"), filepath.Join(s.dir, name+".key")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: rawKey}), 0o600))
	return cert, key
}

// client is what a client needs in its connection string to show a certificate of that name.
func (s *signer) client(t testing.TB, name string) string {
	t.Helper()
	cert, key := s.sign(t, "client", &x509.Certificate{Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return fmt.Sprintf(" sslcert=%s sslkey=%s", cert, key)
}

// tlsLines are the tls keys at the top of a configuration.
func (s *signer) tlsLines(t testing.TB) string {
	t.Helper()
	cert, key := s.sign(t, "pooler", &x509.Certificate{Subject: pkix.Name{CommonName: "pooler"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	return fmt.Sprintf("tls = \"prefer\"\ntls_cert = %q\ntls_key = %q\ntls_ca = %q\n", cert, key, s.ca)
}

// connectAs logs in with more connection parameters and gives the answer to askWho, or the error.
func connectAs(t testing.TB, p *pooler, user, secret, database, more string) (string, error) {
	t.Helper()
	config, err := pgconn.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s password='%s' dbname=%s %s", p.host, p.port, user, secret, database, more))
	must(t, err)
	conn, err := pgconn.ConnectConfig(t.Context(), config)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.Background())
	return firstValue(t, conn, askWho), nil
}

// heard is what an error of the pooler tells, with the names in it replaced.
func heard(t testing.TB, err error, user, database string) string {
	t.Helper()
	e := pgError(t, err)
	return strings.NewReplacer(`"`+user+`"`, "USER", `"`+database+`"`, "DATABASE").Replace(
		fmt.Sprintf("%s %s %s %s %s", e.Severity, e.Code, e.Message, e.Detail, e.Hint))
}

func TestACertificateProvesTheUserItNames(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		s, stranger := newSigner(t), newSigner(t)
		p := startPooler(t, w, setup{global: s.tlsLines(t), auth: withMethod("cert"), more: byUser, users: []string{"ghost"}})
		secure := "sslmode=verify-full sslrootcert=" + s.ca
		if name, err := connectAs(t, p, "acme", "", "acme", secure+s.client(t, "acme")); err != nil || name != "acme" {
			t.Errorf("acme: %q, %v", name, err)
		}
		try := func(user, database, more string) string {
			_, err := connectAs(t, p, user, "", database, more)
			return heard(t, err, user, database)
		}
		wrong := try("globex", "app", secure+s.client(t, "acme"))
		if wrong != "FATAL 28000 certificate authentication failed for user USER  " {
			t.Errorf("another's certificate gives %s", wrong)
		}
		for what, other := range map[string]string{
			"an unknown user":         try("nobody", "app", secure+s.client(t, "nobody")),
			"a user without tenant":   try("ghost", "app", secure+s.client(t, "ghost")),
			"a certificate's case":    try("acme", "app", secure+s.client(t, "ACME")),
			"an empty name":           try("acme", "app", secure+s.client(t, "")),
			"a name with a NUL in it": try("acme", "app", secure+s.client(t, "acme\x00.test")),
		} {
			if other != wrong {
				t.Errorf("%s gives %s, another's certificate %s", what, other, wrong)
			}
		}
		if other, unknown := try("acme", "globex", secure+s.client(t, "acme")), try("acme", "nowhere", secure+s.client(t, "acme")); other != unknown {
			t.Errorf("another's database gives %s, an unknown one %s", other, unknown)
		}
		for _, more := range []string{"sslmode=disable", secure} {
			if got := try("acme", "acme", more); got != "FATAL 28000 connection requires a valid client certificate  " {
				t.Errorf("%s: %s", more, got)
			}
		}
		if name, err := connectAs(t, p, "acme", "", "acme", secure+stranger.client(t, "acme")); err == nil {
			t.Errorf("a stranger's certificate lets in as %s", name)
		}
	})
}

func TestMapsSayWhomACertificateProves(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		s := newSigner(t)
		p := startPooler(t, w, setup{global: s.tlsLines(t), auth: byRules, beside: map[string]string{
			"hba.conf": "hostssl acme all all cert map=certs\nhostssl globex all all scram-sha-256 clientcert=verify-full map=certs\n" +
				"hostssl initech all all scram-sha-256 clientcert=verify-ca\nhostnossl all all all reject\n",
			"ident.conf": `certs "/^(.*)@acme\.test$" \1` + "\n",
		}})
		secure := "sslmode=verify-full sslrootcert=" + s.ca
		for _, c := range []struct{ user, secret, database, cn, want string }{
			{"acme", "", "acme", "acme@acme.test", ""},
			{"app", "", "acme", "acme@acme.test", "28000"},
			{"acme", "", "acme", "acme", "28000"},
			{"globex", password("globex"), "globex", "globex@acme.test", ""},
			{"globex", "wrong", "globex", "globex@acme.test", "28P01"},
			{"globex", password("globex"), "globex", "acme@acme.test", "28P01"},
			{"initech", password("initech"), "initech", "anybody", ""},
			{"initech", "wrong", "initech", "initech", "28P01"},
		} {
			name, err := connectAs(t, p, c.user, c.secret, c.database, secure+s.client(t, c.cn))
			switch {
			case c.want == "" && (err != nil || name != c.database):
				t.Errorf("%+v: %q, %v", c, name, err)
			case c.want != "" && (err == nil || pgError(t, err).Code != c.want):
				t.Errorf("%+v: %q, %v", c, name, err)
			}
		}
		_, err := connectAs(t, p, "acme", "", "acme", "sslmode=disable")
		if got := heard(t, err, "acme", "acme"); got != `FATAL 28000 pg_hba.conf rejects connection for host "127.0.0.1", user USER, database USER, no encryption  ` {
			t.Error(got)
		}
	})
}

func TestSCRAMIsBoundToTheTLSConnection(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		s := newSigner(t)
		for method, secrets := range map[string]map[string]string{"scram-sha-256": nil, "md5": {"acme": w.verifier(t, password("acme"))}} {
			p := startPooler(t, w, setup{global: s.tlsLines(t), auth: withMethod(method), secrets: secrets})
			for _, binding := range []string{"disable", "prefer", "require"} {
				more := "sslmode=verify-full sslrootcert=" + s.ca + " channel_binding=" + binding
				if name, err := connectAs(t, p, "acme", password("acme"), "acme", more); err != nil || name != "acme" {
					t.Errorf("%s, channel_binding=%s: %q, %v", method, binding, name, err)
				}
				_, err := connectAs(t, p, "acme", "wrong", "acme", more)
				if got := heard(t, err, "acme", "acme"); got != "FATAL 28P01 password authentication failed for user USER  " {
					t.Errorf("%s, channel_binding=%s, a wrong password: %s", method, binding, got)
				}
			}
			cmd := psql(t, w, p, "acme", "-c", askWho)
			cmd.Env = append(cmd.Env, "PGUSER=acme", "PGPASSWORD="+password("acme"), "PGSSLMODE=verify-full", "PGSSLROOTCERT="+s.ca, "PGCHANNELBINDING=require")
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != "acme\n" {
				t.Errorf("%s, psql: %v, printed %s", method, err, out)
			}
		}
	})
}

// A client that can bind, and was not offered it, has been lied to by somebody in between.
func TestACertificateThatWasTakenOutOfTheOfferIsNoticed(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		s := newSigner(t)
		p := startPooler(t, w, setup{global: s.tlsLines(t)})
		config, err := pgconn.ParseConfig(fmt.Sprintf("host=%s port=%d user=acme password=x dbname=acme sslmode=verify-full sslrootcert=%s", p.host, p.port, s.ca))
		must(t, err)
		config.AfterNetConnect = func(_ context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
			return conn, dishonest(conn)
		}
		_, err = pgconn.ConnectConfig(t.Context(), config)
		if err == nil || !strings.Contains(err.Error(), "SCRAM channel binding negotiation error (SQLSTATE 28000)") {
			t.Errorf("got %v", err)
		}
	})
}

// dishonest logs in as a client that says it could bind but was not offered to. It returns what it is
// told.
func dishonest(conn net.Conn) error {
	if _, err := conn.Write(startup(version30, "user", "acme", "database", "acme")); err != nil {
		return err
	}
	frontend := pgproto3.NewFrontend(pgproto3.NewChunkReader(conn), conn)
	if _, err := frontend.Receive(); err != nil {
		return err
	}
	if _, err := conn.Write(encode(&pgproto3.SASLInitialResponse{AuthMechanism: "SCRAM-SHA-256", Data: []byte("y,,n=,r=nonce")})); err != nil {
		return err
	}
	m, err := frontend.Receive()
	if e, ok := m.(*pgproto3.ErrorResponse); ok {
		return fmt.Errorf("%s (SQLSTATE %s)", e.Message, e.Code)
	}
	return fmt.Errorf("got %T, %w", m, err)
}
