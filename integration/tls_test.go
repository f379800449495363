package integration

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/internal/pgtest"
)

func TestEveryClientDoesOverTLSWhatItDoesWithout(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p, _ := startTLSPooler(t, w, setup{size: 4})
		t.Run("pgx", func(t *testing.T) { pgxClients(t, w, p, "cache_statement") })
		empty := func() { w.exec(t, "TRUNCATE acme.notes, globex.notes") }
		for name, run := range map[string]func(t *testing.T){
			"psql": func(t *testing.T) {
				out, err := psql(t, w, p, "acme", "-f", "clients/client.sql").CombinedOutput()
				if got := string(out); err != nil || got != psqlOutput("acme") {
					t.Errorf("psql: %v, printed:\n%s", err, got)
				}
				cancelPsql(t, w, p)
			},
			"psycopg2": func(t *testing.T) {
				more := map[string]any{"sslmode": "verify-full", "sslrootcert": p.ca}
				runClient(t, p, exec.Command("/usr/bin/python3", "clients/client.py"), more)
			},
			"node-postgres": func(t *testing.T) {
				text, err := os.ReadFile(p.ca)
				must(t, err)
				runClient(t, p, nodeClient(), map[string]any{"ssl": map[string]any{"ca": string(text)}})
			},
		} {
			empty()
			t.Run(name, run)
		}
	})
}

// copySize is how much is copied each way.
const copySize = 10 << 20

func copyBothWays(t *testing.T, dsn string) {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), dsn)
	must(t, err)
	defer conn.Close(context.Background())
	var in bytes.Buffer
	for i := 0; in.Len() < copySize; i++ {
		fmt.Fprintf(&in, "%d\t%s\n", i, strings.Repeat("x", i%3000))
	}
	want := in.String()
	_, err = conn.CopyFrom(t.Context(), &in, "COPY notes FROM STDIN")
	must(t, err)
	var out bytes.Buffer
	_, err = conn.CopyTo(t.Context(), &out, "COPY (SELECT * FROM notes ORDER BY id) TO STDOUT")
	must(t, err)
	if out.String() != want {
		t.Errorf("COPY gave back %d bytes that differ from the %d given", out.Len(), len(want))
	}
}

func TestTenMegabytesAreCopiedBothWaysOverTLS(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p, _ := startTLSPooler(t, w, setup{size: 1})
		copyBothWays(t, p.dsn("acme"))
	})
}

func TestRecordsMayComeInAnyPieces(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p, _ := startTLSPooler(t, w, setup{size: 2})
		for name, shape := range map[string]func(from, to net.Conn){"bytewise": inBytes, "merged": inHeaps} {
			t.Run(name, func(t *testing.T) {
				host, port, _ := net.SplitHostPort(startRelay(t, p.address(), shape))
				e := p.endpoint
				e.host = host
				e.port, _ = strconv.Atoi(port)
				c := login(t, e, "acme")
				for i := range 20 {
					c.expect("SELECT name FROM whoami", "acme")
					long := strings.Repeat("x", 1000*i)
					c.expect("SELECT '"+long+"'", long)
				}
				c.send(query("SELECT 1"), query("SELECT 2"), query("SELECT 3"))
				for range 3 {
					c.until('Z')
				}
			})
		}
	})
}

// The client reads a little, and then not at all: what lies between lies in the pooler.
func TestARowOfAMegabyteThatIsReadSlowlyOverTLSIsNotKept(t *testing.T) {
	onEachInTurn(t, func(t *testing.T, w *world) {
		p, _ := startTLSPooler(t, w, setup{size: 2, plain: true})
		super := w.superuser(t)
		defer super.Close(context.Background())
		c := login(t, p.endpoint, "acme")
		sql := "SELECT repeat('x', 1000000) FROM generate_series(1, %d)"
		c.run(fmt.Sprintf(sql, 3))
		before := rss(t, p.process.PID())
		c.send(query(fmt.Sprintf(sql, bigResult/1000000)))
		most := c.readSlowly(t, func() int {
			w.awaitBlockedServer(t, super)
			return rss(t, p.process.PID())
		})
		t.Logf("grows by at most %d kB", (most-before)>>10)
		if most-before > bigResultGrows {
			t.Errorf("memory grows by %d bytes", most-before)
		}
		c.expect("SELECT name FROM whoami", "acme")
	})
}

const (
	idleTLSClients = 2_000
	idleTLSBytes   = 10_000 // that one more of them may cost
)

func TestTwoThousandIdleTLSClientsCostTenKilobytesEach(t *testing.T) {
	onEachInTurn(t, func(t *testing.T, w *world) {
		p, _ := startTLSPooler(t, w, setup{size: 4, trust: true, plain: true})
		crowd(t, p, 500) // what a first client costs is nobody's own
		before := rss(t, p.process.PID())
		clients := crowd(t, p, idleTLSClients)
		growth := rss(t, p.process.PID()) - before
		t.Logf("%d idle TLS clients: %d bytes each", idleTLSClients, growth/idleTLSClients)
		if growth > idleTLSClients*idleTLSBytes {
			t.Errorf("%d idle TLS clients cost %d bytes, %d each", idleTLSClients, growth, growth/idleTLSClients)
		}
		for i := 0; i < idleTLSClients; i += idleTLSClients / 50 {
			expectServed(t, clients[i], tenants[i%len(tenants)])
		}
	})
}

func TestBytesStuffedBehindAnSSLRequestAreNotBelieved(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p, _ := startTLSPooler(t, w, setup{trust: true, size: 1})
		plain := p.endpoint
		plain.ca = ""
		hello := startup(version30, "user", "app", "database", "acme")

		c := dialRaw(t, plain)
		c.send(packet(codeSSL, nil), hello)
		if e := onlyError(t, c); e.code != "08P01" || !strings.Contains(e.message, "unencrypted data") {
			t.Errorf("bytes in the same segment: %v", e)
		}

		c = dialRaw(t, plain)
		c.send(packet(codeSSL, nil))
		c.oneByte(t)
		c.send(hello, query("SELECT 1")) // in the place of the handshake
		if all := c.rest(); len(all) > 0 && all[0].kind == 'R' {
			t.Errorf("plain bytes where TLS should begin: %q", kinds(all))
		}
		login(t, p.endpoint, "acme").expect("SELECT name FROM whoami", "acme")
	})
}

func TestClientsWithoutTLSAreRefusedWhereItIsRequired(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		v := newVault(t)
		for mode, required := range map[string]bool{"allow": false, "prefer": false, "require": true} {
			p := startPooler(t, w, setup{trust: true, size: 1, global: v.lines(mode)})
			c := dialRaw(t, p.endpoint)
			c.send(startup(version30, "user", "app", "database", "acme"))
			switch e := c.authenticate("app", ""); {
			case !required && e != nil:
				t.Errorf("%s: %v", mode, e)
			case required && (e == nil || e.code != "28000" || e.severity != "FATAL" || e.hint == "" ||
				e.message != `no pool entry for host "127.0.0.1", user "app", database "acme", no encryption`):
				t.Errorf("%s: %v", mode, e)
			}
			secured := p.endpoint
			secured.ca = v.File
			login(t, secured, "acme").expect("SELECT name FROM whoami", "acme")
			p.stop(t)
		}
	})
}

func TestAUnixSocketNeverSpeaksTLS(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		v := newVault(t)
		s := setup{trust: true, size: 1, global: v.lines("verify-full") + fmt.Sprintf("tls_ca = %q\n", v.File)}
		file := s.write(t, w)
		dir, err := os.MkdirTemp("", "tp-") // a short name
		must(t, err)
		t.Cleanup(func() { os.RemoveAll(dir) })
		text, err := os.ReadFile(file)
		must(t, err)
		must(t, os.WriteFile(file, bytes.Replace(text, []byte("127.0.0.1:0"), []byte(dir), 1), 0o600))
		p := launchPooler(t, s, file)
		t.Cleanup(func() { p.stop(t) })
		p.log.await(t, regexp.MustCompile("msg=listening"))
		p.host, p.port = dir, 6432
		cmd := psql(t, w, p, "acme", "-c", "SELECT name FROM whoami")
		cmd.Env = append(cmd.Env, "PGSSLMODE=prefer")
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "acme\n" {
			t.Errorf("psql: %v, %s", err, out)
		}
		conn, err := net.Dial("unix", dir+"/.s.PGSQL.6432")
		must(t, err)
		defer conn.Close()
		if _, err := startTLS(conn, nil); err == nil || !strings.Contains(err.Error(), `"N"`) {
			t.Errorf("an SSLRequest: %v", err)
		}
	})
}

func TestAnOldTLSIsRefusedWhereTheConfigurationSaysSo(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		v := newVault(t)
		p := startPooler(t, w, setup{trust: true, size: 1, global: v.lines("allow") + `tls_min = "1.3"`})
		secured := p.endpoint
		secured.ca = v.File
		config := secured.clientTLS(t)
		config.MaxVersion = tls.VersionTLS12
		if _, err := startTLS(dialRaw(t, p.endpoint).tcp, config); err == nil {
			t.Error("a client that knows TLS 1.2 only had its handshake")
		}
		login(t, secured, "acme").expect("SELECT name FROM whoami", "acme")
	})
}

func TestDirectTLSNeedsTheProtocolsName(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p, _ := startTLSPooler(t, w, setup{trust: true, size: 1})
		dial := func(protocols ...string) (*rawClient, error) {
			plain := p.endpoint
			plain.ca = ""
			c := dialRaw(t, plain)
			config := p.clientTLS(t)
			config.NextProtos = protocols
			secured := tls.Client(c.tcp, config)
			c.conn, c.at = secured, p.endpoint
			c.in.Reset(secured)
			c.tcp.SetDeadline(time.Now().Add(patience))
			return c, secured.Handshake()
		}
		c, err := dial("postgresql")
		must(t, err)
		c.send(startup(version30, "user", "app", "database", "acme"))
		if e := c.authenticate("app", ""); e != nil {
			t.Fatal(e)
		}
		c.expect("SELECT name FROM whoami", "acme")

		if c, err = dial(); err == nil {
			c.conn.Write(startup(version30, "user", "app", "database", "acme"))
			if all := c.rest(); len(all) > 0 {
				t.Errorf("without ALPN: %q", kinds(all))
			}
		}
		if _, err = dial("http/1.1"); err == nil {
			t.Error("a client that speaks HTTP had its handshake")
		}
		if w.server.Binaries.Version >= "17" {
			cmd := psql(t, w, p, "acme", "-c", "SELECT name FROM whoami")
			cmd.Env = append(cmd.Env, "PGSSLNEGOTIATION=direct")
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != "acme\n" {
				t.Errorf("psql: %v, %s", err, out)
			}
		}
	})
}

func TestTheServerNameNamesTheTenant(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p, _ := startTLSPooler(t, w, setup{trust: true, size: 2, users: []string{"mallory"}, more: `
[[route]]
server_name = "{tenant}.DB.example.com"
users       = ["app"]
cluster     = "main"
tenants     = "schema"
`})
		attempt := func(serverName, user string) (*rawClient, *serverError) {
			config := p.clientTLS(t)
			config.ServerName = serverName
			c := dialTLS(t, p.endpoint, config)
			c.send(startup(version30, "user", user, "database", "whatever"))
			return c, c.authenticate(user, "")
		}
		for serverName, tenant := range map[string]string{"acme.db.example.com": "acme", "GLOBEX.db.Example.com": "globex"} {
			c, e := attempt(serverName, "app")
			if e != nil {
				t.Fatalf("%s: %v", serverName, e)
			}
			c.expect("SELECT name FROM whoami", tenant)
		}
		for _, who := range [][2]string{{"localhost", "app"}, {"acme.db.example.com", "mallory"}} {
			if _, e := attempt(who[0], who[1]); e == nil || e.code != "3D000" {
				t.Errorf("%s for %s: %v", who[1], who[0], e)
			}
		}
	})
}

func TestANewCertificateIsShownWhileClientsGoOn(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p, v := startTLSPooler(t, w, setup{trust: true, size: 4})
		stop := make(chan struct{})
		ended := make(chan error, 50)
		for i := range cap(ended) {
			c := login(t, p.endpoint, tenants[i%len(tenants)])
			go func() { ended <- c.goOn(tenants[i%len(tenants)], stop) }()
		}
		shown := func() string {
			c := dialTLS(t, p.endpoint, p.clientTLS(t))
			defer c.conn.Close()
			return c.conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
		}
		v.Issue(t, "pooler", pgtest.Leaf{User: "renewed", Hosts: poolerHosts})
		eventually(t, "the new certificate is shown", func() bool { return shown() == "renewed" })

		must(t, os.WriteFile(v.cert, []byte("rubbish"), 0o600))
		for strings.Count(p.log.String(), "certificates cannot be reloaded") == 0 {
			if got := shown(); got != "renewed" {
				t.Fatalf("behind a broken file the certificate of %q is shown", got)
			}
		}
		v.Issue(t, "pooler", pgtest.Leaf{User: "third", Hosts: poolerHosts})
		eventually(t, "the third certificate is shown", func() bool { return shown() == "third" })
		if n := strings.Count(p.log.String(), "certificates cannot be reloaded"); n != 1 {
			t.Errorf("a broken file was told of %d times", n)
		}
		close(stop)
		for range cap(ended) {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
}

// goOn asks a tenant's client for its name until stop.
func (c *rawClient) goOn(tenant string, stop <-chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		if _, err := c.conn.Write(query("SELECT name FROM whoami")); err != nil {
			return err
		}
		for {
			m, err := c.read()
			if err != nil {
				return err
			}
			if m.kind == 'D' && m.row()[0] != tenant {
				return fmt.Errorf("a client of %s was given a row of %s", tenant, m.row()[0])
			}
			if m.kind == 'Z' {
				break
			}
		}
	}
}

func TestClientCertificatesAreVerified(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		v := newVault(t)
		cert, key := v.Issue(t, "client", pgtest.Leaf{User: "app"})
		stranger := pgtest.NewAuthority(t, t.TempDir(), "stranger")
		strangeCert, strangeKey := stranger.Issue(t, "client", pgtest.Leaf{User: "app"})
		for _, mode := range []string{"require", "verify-ca", "verify-full"} {
			p := startPooler(t, w, setup{trust: true, size: 1, global: v.lines(mode) + fmt.Sprintf("tls_ca = %q\n", v.File)})
			p.ca = v.File
			attempt := func(cert, key string) string {
				cmd := psql(t, w, p, "acme", "-c", "SELECT name FROM whoami")
				cmd.Env = append(cmd.Env, "PGSSLCERT="+cert, "PGSSLKEY="+key)
				out, _ := cmd.CombinedOutput()
				return string(out)
			}
			if got := attempt(cert, key); got != "acme\n" {
				t.Errorf("%s, a good certificate: %s", mode, got)
			}
			if got := attempt(strangeCert, strangeKey); !strings.Contains(got, "alert unknown ca") {
				t.Errorf("%s, a stranger's certificate: %s", mode, got)
			}
			switch got := attempt("none", "none"); {
			case mode == "require" && got != "acme\n":
				t.Errorf("%s, no certificate: %s", mode, got)
			case mode != "require" && !strings.Contains(got, "certificate required"):
				t.Errorf("%s, no certificate: %s", mode, got)
			}
			p.stop(t)
		}
	})
}

func TestAClientThatDoesNotTrustThePoolerSaysWhy(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p, _ := startTLSPooler(t, w, setup{trust: true, size: 1})
		good := p.ca
		p.ca = pgtest.NewAuthority(t, t.TempDir(), "stranger").File
		out, err := psql(t, w, p, "acme", "-c", "SELECT 1").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "certificate verify failed") {
			t.Errorf("an unknown authority: %v, %s", err, out)
		}
		p.ca = good
		cmd := psql(t, w, p, "acme", "-c", "SELECT 1")
		cmd.Env = append(cmd.Env, "PGHOST=other.example.com", "PGHOSTADDR=127.0.0.1")
		out, err = cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "does not match host name") {
			t.Errorf("another name: %v, %s", err, out)
		}
		p.log.await(t, regexp.MustCompile("TLS handshake failed"))
	})
}

func TestAClientThatDiesInsideARecordHarmsNobody(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p, _ := startTLSPooler(t, w, setup{trust: true, size: 1})
		for i := range 20 {
			c := login(t, p.endpoint, "acme")
			c.run("BEGIN")
			c.send(query("INSERT INTO notes VALUES (1, 'lost')"))
			if i%2 == 0 {
				c.until('Z')
			}
			c.tcp.Write([]byte{0x17, 3, 3, 1, 0, 1, 2, 3}) // the beginning of a record
			c.vanish(i%4 < 2)
			login(t, p.endpoint, "globex").expect("SELECT name FROM whoami", "globex")
		}
		w.eventually(t, "SELECT count(*) = 0 FROM pg_locks WHERE relation = 'acme.notes'::regclass")
		if n := w.value(t, "SELECT count(*) FROM acme.notes"); n != "0" {
			t.Errorf("%s rows of transactions that were never committed", n)
		}
	})
}

// A client may end its side by a close_notify, or without one as over a plain connection: what it has
// sent is done.
func TestAClientThatEndsItsSideOfTLSIsServedToTheEnd(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p, _ := startTLSPooler(t, w, setup{trust: true, size: 1})
		for i, end := range []func(c *rawClient) error{
			func(c *rawClient) error { return c.conn.(*tls.Conn).CloseWrite() },
			func(c *rawClient) error { return c.tcp.CloseWrite() },
		} {
			c := login(t, p.endpoint, "acme")
			c.send(query(fmt.Sprintf("INSERT INTO notes VALUES (%d, 'last')", i)))
			must(t, end(c))
			c.rest()
			w.eventually(t, fmt.Sprintf("SELECT count(*) = 1 FROM acme.notes WHERE id = %d", i))
			login(t, p.endpoint, "globex").expect("SELECT name FROM whoami", "globex")
		}
	})
}

func TestARecordThatIsForgedEndsItsClientOnly(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p, _ := startTLSPooler(t, w, setup{trust: true, size: 1})
		for _, forged := range []string{"\x17\x03\x03\x00\x20" + strings.Repeat("x", 32), "Q\x00\x00\x00\x0dSELECT 1\x00", "\x17\x03\x03\xff\xff", "\x15\x03\x03\x00\x02\x02\x28"} {
			c := login(t, p.endpoint, "acme")
			c.expect("SELECT name FROM whoami", "acme")
			c.tcp.Write([]byte(forged))
			if all := c.rest(); len(all) > 0 {
				t.Errorf("%q is answered with %q", forged, kinds(all))
			}
			login(t, p.endpoint, "globex").expect("SELECT name FROM whoami", "globex")
		}
	})
}
