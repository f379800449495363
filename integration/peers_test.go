package integration

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tenantpool/internal/pgtest"
)

// startSiblings runs two poolers that know each other: the first reaches the second through its Unix
// socket, the second the first over TCP, or over TLS.
func startSiblings(t *testing.T, w *world, overTLS bool) (a, b *pooler) {
	t.Helper()
	port, err := pgtest.FreePort()
	must(t, err)
	dir, remove, err := pgtest.TempDir(nil)
	must(t, err)
	t.Cleanup(func() { remove() })
	first := setup{size: 2, trust: true, global: "peer_id = 1",
		more: fmt.Sprintf("[[peer]]\nid = 2\naddress = %q\n", filepath.Join(dir, ".s.PGSQL.6432"))}
	second := setup{size: 2, trust: true, socket: dir, global: "peer_id = 2",
		more: fmt.Sprintf("[[peer]]\nid = 1\naddress = \"127.0.0.1:%d\"\n", port)}
	var v vault
	if overTLS {
		v = newVault(t)
		first.global += "\n" + v.lines("require")
		second.more += fmt.Sprintf("tls = \"verify-full\"\ntls_ca = %q\n", v.File)
	}
	file := first.write(t, w)
	text, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, []byte(strings.Replace(string(text), "127.0.0.1:0", fmt.Sprintf("127.0.0.1:%d", port), 1)), 0o600))
	a, b = awaitPooler(t, launchPooler(t, first, file)), startPooler(t, w, second)
	if overTLS {
		a.ca = v.File
	}
	return a, b
}

// split listens at one address for several poolers and gives each connection to the next one in turn.
func split(t *testing.T, poolers ...*pooler) endpoint {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for turn := 0; ; turn++ {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", poolers[turn%len(poolers)].address())
			if err != nil {
				client.Close()
				continue
			}
			go func() { io.Copy(server, client); server.(*net.TCPConn).CloseWrite() }()
			go func() { io.Copy(client, server); client.Close(); server.Close() }()
		}
	}()
	return endpoint{host: "127.0.0.1", port: ln.Addr().(*net.TCPAddr).Port}
}

// A cancel request that lands on the sibling of the pooler that it is for acts all the same, and on
// nobody else.
func TestACancelThatLandsOnASiblingActs(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		a, b := startSiblings(t, w, false)
		at := split(t, a, b)
		for _, version := range []uint32{version30, version32} {
			for range 2 { // once from each to the other
				c := dialRaw(t, at)
				c.send(startup(version, "user", "app", "database", "acme"))
				if e := c.authenticate("app", ""); e != nil {
					t.Fatal(e)
				}
				c.send(query("SELECT pg_sleep(3600)"))
				w.awaitSleep(t)
				c.cancel() // the splitter gives it to the other one
				if e := firstError(c.until('Z')); e == nil || e.code != "57014" {
					t.Errorf("version %x: a cancelled query gave %v", version, e)
				}
				c.vanish(false)
				skipTurn(t, at)
			}
		}
	})
}

// skipTurn takes one turn of a splitter.
func skipTurn(t *testing.T, at endpoint) {
	t.Helper()
	conn, err := net.Dial("tcp", at.address())
	must(t, err)
	conn.Close()
}

// witness listens in the place of a pooler, and holds what it is sent until it is let go.
type witness struct {
	ln         net.Listener
	came       atomic.Int64
	open, most atomic.Int64
	packets    chan []byte
	release    chan struct{}
}

func listenAsSibling(t *testing.T) *witness {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	f := &witness{ln: ln, packets: make(chan []byte, 100), release: make(chan struct{})}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			f.came.Add(1)
			if n := f.open.Add(1); n > f.most.Load() {
				f.most.Store(n)
			}
			go f.hold(conn)
		}
	}()
	return f
}

func (f *witness) hold(conn net.Conn) {
	defer conn.Close()
	packet := make([]byte, 100)
	n, _ := conn.Read(packet)
	f.packets <- packet[:n]
	<-f.release
	f.open.Add(-1)
}

// cancelAsync sends a cancel request for a made-up session, and tells done when the pooler has dealt
// with it.
func cancelAsync(t *testing.T, at endpoint, secret []byte, done *sync.WaitGroup) {
	done.Go(func() { (&rawClient{t: t, at: at, pid: 4711, key: secret}).cancel() })
}

// What no sibling owns is sent to nobody, what one owns is sent to it once and no further, and through
// 16 sockets at most.
func TestForwardedCancelsAreBounded(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		f := listenAsSibling(t)
		p := startPooler(t, w, setup{trust: true, global: "peer_id = 1",
			more: fmt.Sprintf("[[peer]]\nid = 3\naddress = %q\n", f.ln.Addr())})
		var nobodys, ours sync.WaitGroup
		for _, secret := range [][]byte{
			{1 << 2, 2, 3, 4}, {5 << 2, 2, 3, 4}, {0, 0, 0, 0}, {63 << 2, 0, 0, 0}, // one's own, others'
			{3 << 2, 2, 3, 4, 0xF7}, {3 << 2, 2, 3, 4, 0}, // sent on already, and of no length that a key has
			append([]byte{3 << 2}, make([]byte, 30)...), append([]byte{3 << 2}, make([]byte, 200)...),
		} {
			cancelAsync(t, p.endpoint, secret, &nobodys)
		}
		nobodys.Wait()
		if n := f.came.Load(); n != 0 {
			t.Fatalf("%d requests were sent on that are nobody's", n)
		}
		for range 40 {
			cancelAsync(t, p.endpoint, []byte{3<<2 | 1, 2, 3, 4}, &ours)
		}
		eventually(t, "16 are sent on", func() bool { return f.came.Load() == 16 })
		packet := <-f.packets
		if len(packet) != 17 || packet[16] != 0xF7 || string(packet[12:16]) != "\x0d\x02\x03\x04" {
			t.Errorf("it was sent on as %x", packet)
		}
		close(f.release)
		ours.Wait()
		if came, most := f.came.Load(), f.most.Load(); came != 40 || most > 16 {
			t.Errorf("%d came, %d at once", came, most)
		}
		f.ln.Close() // it is down from here on
		for range 20 {
			cancelAsync(t, p.endpoint, []byte{3 << 2, 2, 3, 4}, &ours)
		}
		ours.Wait() // nobody is kept waiting
		login(t, p.endpoint, "acme").expect("SELECT name FROM whoami", "acme")
	})
}

// Keys are not sent about in plain text where a pooler asks for TLS.
func TestACancelIsForwardedOverTLS(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		a, b := startSiblings(t, w, true)
		c := login(t, a.endpoint, "acme")
		c.send(query("SELECT pg_sleep(3600)"))
		w.awaitSleep(t)
		(&rawClient{t: t, at: b.endpoint, pid: c.pid, key: c.key}).cancel()
		if e := firstError(c.until('Z')); e == nil || e.code != "57014" {
			t.Errorf("a cancelled query gave %v", e)
		}
	})
}
