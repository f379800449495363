package integration

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"tenantpool/internal/pgtest"
)

// onEachTLS is onEach with a server of the test's own that takes app over TLS only. hba says how app
// proves itself there.
func onEachTLS(t *testing.T, hba string, test func(t *testing.T, w *world, v vault)) {
	t.Helper()
	needsPooler(t)
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			v := serverVault(t)
			server := pgtest.StartOwn(t, pgtest.Options{Version: version,
				Settings: map[string]string{"ssl": "on", "ssl_cert_file": v.cert, "ssl_key_file": v.key, "ssl_ca_file": v.File},
				HBA:      []string{"hostssl all app 127.0.0.1/32 " + hba, "host all app 127.0.0.1/32 reject"}})
			test(t, newWorld(t, server), v)
		})
	}
}

// serverVault is a vault whose key the server's account owns.
func serverVault(t *testing.T) vault {
	t.Helper()
	dir, err := os.MkdirTemp("", "tenantpool-tls-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	v := vault{Authority: pgtest.NewAuthority(t, dir, "authority")}
	v.cert, v.key = v.Issue(t, "server", pgtest.Leaf{Hosts: []string{"127.0.0.1"}})
	account, err := pgtest.Unprivileged()
	must(t, err)
	must(t, account.Own(v.key))
	return v
}

// cluster are the tls keys of a cluster.
func (v vault) cluster(mode string) string {
	return fmt.Sprintf("tls = %q\ntls_ca = %q\n", mode, v.File)
}

// attempt is what a client of a pooler with these lines in its cluster gets: its tenant's name and
// whether its server connection is encrypted, or an error.
func attempt(t *testing.T, w *world, s setup) string {
	t.Helper()
	s.trust, s.size = true, 1
	p := startPooler(t, w, s)
	defer p.stop(t)
	c, e := tryLogin(t, p.endpoint, "app", "", "acme")
	if e != nil {
		return e.severity + " " + e.code + " " + e.message
	}
	c.expect("SELECT name FROM whoami", "acme")
	return c.value("SELECT 'TLS ' || ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
}

func TestModesTowardsAServerWithTLSMeanWhatLibpqMeans(t *testing.T) {
	onEachTLS(t, "trust", func(t *testing.T, w *world, v vault) {
		stranger := pgtest.NewAuthority(t, t.TempDir(), "stranger")
		strange := fmt.Sprintf("tls_ca = %q\n", stranger.File)
		untrusted := "FATAL 08001 server is not trusted: its certificate is signed by an authority that tls_ca does not hold"
		for cluster, want := range map[string]string{
			`tls = "disable"`:                 "FATAL 28000 pg_hba.conf rejects connection",
			`tls = "allow"`:                   "TLS true",
			`tls = "prefer"`:                  "TLS true",
			`tls = "require"`:                 "TLS true",
			"tls = \"require\"\n" + strange:   untrusted,
			"tls = \"verify-ca\"\n" + strange: untrusted,
			v.cluster("verify-ca"):            "TLS true",
			v.cluster("verify-full"):          "TLS true",
			`tls = "verify-full"`:             untrusted, // by the system's authorities
		} {
			if got := attempt(t, w, setup{cluster: cluster}); !strings.HasPrefix(got, want) {
				t.Errorf("%s\ngives %q, want %q", cluster, got, want)
			}
		}
		elsewhere := setup{host: fmt.Sprintf("localhost:%d", w.server.Port)}
		elsewhere.cluster = v.cluster("verify-ca")
		if got := attempt(t, w, elsewhere); got != "TLS true" {
			t.Errorf("verify-ca by another name: %q", got)
		}
		elsewhere.cluster = v.cluster("verify-full")
		if got := attempt(t, w, elsewhere); got != `FATAL 08001 server is not trusted: its certificate is not for host "localhost"` {
			t.Errorf("verify-full by another name: %q", got)
		}
	})
}

func TestModesTowardsAServerWithoutTLSMeanWhatLibpqMeans(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		v := newVault(t)
		refused := "FATAL 08001 server is not trusted: it does not speak TLS, and the cluster's tls asks for it"
		for cluster, want := range map[string]string{
			`tls = "allow"`: "TLS false", `tls = "prefer"`: "TLS false", `tls = "require"`: refused, v.cluster("verify-full"): refused,
		} {
			if got := attempt(t, w, setup{cluster: cluster}); got != want {
				t.Errorf("%s\ngives %q, want %q", cluster, got, want)
			}
		}
		if got := attempt(t, w, setup{host: w.server.SocketDir + ":" + fmt.Sprint(w.server.Port), cluster: `tls = "require"`}); got != "TLS false" {
			t.Errorf("a Unix socket, which never speaks TLS: %q", got)
		}
	})
}

func TestEveryConversationIsAnsweredOverTLSAsByTheServerItself(t *testing.T) {
	onEachTLS(t, "trust", func(t *testing.T, w *world, v vault) {
		r := &referee{super: w.superuser(t), world: w}
		defer r.super.Close(context.Background())
		firstValue(t, r.super, "SET lock_timeout = '5s'")
		server := endpoint{host: w.server.Host, port: w.server.Port, database: w.database, ca: v.File}
		all := allConversations()
		want := make([]string, len(all))
		for i, c := range all {
			want[i] = r.hold(t, c, server, manner{})
		}
		p, _ := startTLSPooler(t, w, setup{size: 1, trust: true, cluster: v.cluster("verify-full")})
		for _, bytewise := range []bool{false, true} {
			t.Run(fmt.Sprintf("bytewise %v", bytewise), func(t *testing.T) { r.compare(t, all, want, p.endpoint, bytewise) })
		}
	})
}

func TestTenMegabytesAreCopiedBothWaysOverTLSOnBothSides(t *testing.T) {
	onEachTLS(t, "trust", func(t *testing.T, w *world, v vault) {
		p, _ := startTLSPooler(t, w, setup{size: 1, cluster: v.cluster("verify-full")})
		copyBothWays(t, p.dsn("acme"))
		p.stop(t)
		w.exec(t, "TRUNCATE acme.notes")
		p = startPooler(t, w, setup{size: 1, cluster: v.cluster("require")})
		copyBothWays(t, p.dsn("acme")) // TLS with the server only
	})
}

func TestThePoolerProvesItselfToServersOverTLS(t *testing.T) {
	onEachTLS(t, "cert", func(t *testing.T, w *world, v vault) {
		lines := func(name string, l pgtest.Leaf) string {
			cert, key := v.Issue(t, name, l)
			return v.cluster("verify-full") + fmt.Sprintf("tls_cert = %q\ntls_key = %q\n", cert, key)
		}
		if got := attempt(t, w, setup{cluster: lines("app", pgtest.Leaf{User: "app"})}); got != "TLS true" {
			t.Errorf("with its certificate: %q", got)
		}
		if got := attempt(t, w, setup{cluster: lines("mallory", pgtest.Leaf{User: "mallory"})}); !strings.HasPrefix(got, "FATAL 28000 certificate authentication failed") {
			t.Errorf("with another's certificate: %q", got)
		}
		if got := attempt(t, w, setup{cluster: v.cluster("verify-full")}); !strings.HasPrefix(got, "FATAL 28000 connection requires a valid client certificate") {
			t.Errorf("without a certificate: %q", got)
		}
	})
}

func TestAPasswordGoesToAServerBoundToItsTLS(t *testing.T) {
	onEachTLS(t, "scram-sha-256", func(t *testing.T, w *world, v vault) {
		w.exec(t, "SET password_encryption = 'scram-sha-256'; ALTER ROLE app PASSWORD 'a secret'")
		right := attempt(t, w, setup{cluster: v.cluster("verify-full") + `password = "a secret"`})
		wrong := attempt(t, w, setup{cluster: v.cluster("verify-full") + `password = "another"`})
		if right != "TLS true" || !strings.HasPrefix(wrong, "FATAL 28P01") {
			t.Errorf("the right password: %q; another: %q", right, wrong)
		}
		cluster := v.cluster("verify-full") + `password = "a secret"`
		between := v.startBetween(t, endpoint{host: w.server.Host, port: w.server.Port}.address())
		if got := attempt(t, w, setup{host: between, cluster: cluster}); !strings.HasPrefix(got, "FATAL 28") || !strings.Contains(got, "channel binding") {
			t.Errorf("with somebody between who is trusted too: %q", got)
		}
	})
}

// startBetween reads along between the pooler and the server at address: it speaks TLS with both, to
// the pooler with a certificate that its authority vouches for. It returns where it listens.
func (v vault) startBetween(t *testing.T, address string) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(v.Issue(t, "between", pgtest.Leaf{Hosts: []string{"127.0.0.1"}}))
	must(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	relay := func(plain net.Conn) {
		defer plain.Close()
		if _, err := io.ReadFull(plain, make([]byte, 8)); err != nil {
			return
		}
		_, _ = plain.Write([]byte("S"))
		client := tls.Server(plain, &tls.Config{Certificates: []tls.Certificate{pair}})
		raw, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		defer raw.Close()
		server, err := startTLS(raw, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		go io.Copy(server, client)
		_, _ = io.Copy(client, server)
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go relay(conn)
		}
	}()
	return ln.Addr().String()
}

// Every connection to the server, those that carry a cancel request included, begins with an
// SSLRequest.
func TestACancelRequestReachesTheServerOverTLS(t *testing.T) {
	onEachTLS(t, "trust", func(t *testing.T, w *world, v vault) {
		var first struct {
			sync.Mutex
			codes []uint32
		}
		note := func(from, to net.Conn) {
			if from.LocalAddr().(*net.TCPAddr).Port == w.server.Port || from.RemoteAddr().(*net.TCPAddr).Port == w.server.Port {
				io.Copy(to, from)
				return
			}
			var head [8]byte
			if _, err := io.ReadFull(from, head[:]); err != nil {
				return
			}
			first.Lock()
			first.codes = append(first.codes, binary.BigEndian.Uint32(head[4:]))
			first.Unlock()
			to.Write(head[:])
			io.Copy(to, from)
		}
		relay := startRelay(t, fmt.Sprintf("127.0.0.1:%d", w.server.Port), note)
		p, _ := startTLSPooler(t, w, setup{trust: true, size: 1, host: relay, cluster: v.cluster("verify-full")})
		c := login(t, p.endpoint, "acme")
		c.expect("SELECT name FROM whoami", "acme")
		first.Lock()
		before := len(first.codes)
		first.Unlock()
		for range 3 {
			c.send(query("SELECT pg_sleep(60)"))
			w.awaitSleep(t)
			c.cancel()
			if e := firstError(c.until('Z')); e == nil || e.code != "57014" {
				t.Fatalf("a cancelled sleep: %v", e)
			}
		}
		c.expect("SELECT name FROM whoami", "acme")
		first.Lock()
		defer first.Unlock()
		if len(first.codes) != before+3 || slices.ContainsFunc(first.codes, func(code uint32) bool { return code != codeSSL }) {
			t.Errorf("connections to the server begin with %d; %d of them were there before the cancels", first.codes, before)
		}
	})
}

func TestTheLastWordsOfAServerComeThroughTLSOnce(t *testing.T) {
	onEachTLS(t, "trust", func(t *testing.T, w *world, v vault) {
		p, _ := startTLSPooler(t, w, setup{trust: true, size: 1, cluster: v.cluster("verify-full")})
		c := login(t, p.endpoint, "acme")
		c.send(query("SELECT pg_sleep(60)"))
		w.awaitSleep(t)
		w.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "+w.lent())
		all := c.rest()
		if e := firstError(all); strings.Count(kinds(all), "E") != 1 || e.code != "57P01" || e.severity != "FATAL" {
			t.Errorf("got %q, %v", kinds(all), e)
		}
		idle := login(t, p.endpoint, "globex")
		idle.expect("SELECT name FROM whoami", "globex")
		w.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "+w.lent())
		w.eventually(t, "SELECT count(*) = 0 FROM pg_stat_activity WHERE "+w.lent())
		idle.expect("SELECT name FROM whoami", "globex") // on another connection
	})
}

func TestAServerConnectionIsClosedInOrderOverTLS(t *testing.T) {
	onEachTLS(t, "trust", func(t *testing.T, w *world, v vault) {
		p := startPooler(t, w, setup{trust: true, size: 2, cluster: v.cluster("verify-full")})
		c := login(t, p.endpoint, "acme")
		c.expect("SELECT name FROM whoami", "acme")
		p.stop(t)
		w.eventually(t, "SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'app'")
		log, err := os.ReadFile(w.server.LogFile)
		must(t, err)
		for _, bad := range []string{"SSL error", "could not receive data", "unexpected EOF"} {
			if strings.Contains(string(log), bad) {
				t.Errorf("the server's log contains %q", bad)
			}
		}
	})
}

func TestAServerIsTrustedByTheAuthorityThatStandsInTheFileNow(t *testing.T) {
	onEachTLS(t, "trust", func(t *testing.T, w *world, v vault) {
		dir := t.TempDir()
		file := filepath.Join(dir, "trusted.crt")
		stranger := pgtest.NewAuthority(t, dir, "stranger")
		put := func(from string) {
			text, err := os.ReadFile(from)
			must(t, err)
			must(t, os.WriteFile(file+".new", text, 0o644))
			must(t, os.Rename(file+".new", file))
		}
		put(stranger.File)
		p := startPooler(t, w, setup{trust: true, size: 1, cluster: fmt.Sprintf("tls = \"verify-full\"\ntls_ca = %q\n", file)})
		if _, e := tryLogin(t, p.endpoint, "app", "", "acme"); e == nil || e.code != "08001" {
			t.Errorf("by a stranger: %v", e)
		}
		put(v.File)
		eventually(t, "the server is trusted", func() bool {
			_, e := tryLogin(t, p.endpoint, "app", "", "acme")
			return e == nil
		})
	})
}
