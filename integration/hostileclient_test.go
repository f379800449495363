package integration

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stage is where a client stands when it turns hostile: what it has done until then.
type stage struct {
	name  string
	reach func(c *rawClient)
	leave func(c *rawClient) ([]byte, error) // how it ends, and what it was sent; nil: hearOut
}

// beforeLogin are stages of clients that are nobody yet, under SCRAM.
var beforeLogin = []stage{
	{"before startup", func(*rawClient) {}, nil},
	{"after an SSLRequest", func(c *rawClient) { c.send(packet(codeSSL, nil)); c.in.ReadByte() }, nil},
	{"asked for SASL", func(c *rawClient) { c.send(acmeStartup); c.next() }, nil},
	{"inside SASL", func(c *rawClient) {
		c.send(acmeStartup)
		first, err := (&proof{user: "app", secret: "wrong"}).answer(c.next().body)
		must(c.t, err)
		c.send(first)
		c.next()
	}, nil},
}

// atWork are stages of clients that have logged in.
var atWork = []stage{
	{"idle", func(*rawClient) {}, nil},
	{"active", func(c *rawClient) { c.send(query("SELECT pg_sleep(0.002), name FROM whoami")) }, nil},
	{"in a transaction", func(c *rawClient) { c.run("BEGIN") }, nil},
	{"in a failed transaction", func(c *rawClient) { c.run("BEGIN"); c.try("SELECT 1/0") }, nil},
	{"in a copy in", func(c *rawClient) { c.send(query("COPY notes FROM STDIN")); c.until('G') }, nil},
	{"in a copy out, unread", func(c *rawClient) { c.send(query(bigCopyOut)); c.until('H') }, runAway},
	{"in a batch without sync", func(c *rawClient) {
		c.send(parse("s", "SELECT name FROM whoami"), bind("", "s"), execute("", 0), flush)
		c.until('C')
	}, nil},
	{"in a failed batch", func(c *rawClient) { c.send(parse("", "SELECT nothing"), flush); c.until('E') }, nil},
	{"pinned", func(c *rawClient) { c.try("SELECT pg_advisory_lock_shared(7)") }, nil},
	{"lingering", func(c *rawClient) { c.send([]byte("y\x00\x00\x00\x04")); c.until('E') }, nil},
}

const bigCopyOut = "COPY (SELECT repeat('x', 8000) FROM generate_series(1, 600)) TO STDOUT"

// waiting is the stage of a client that no server is free for.
var waiting = stage{"waiting for a server", func(c *rawClient) { c.send(query("SELECT name FROM whoami")) }, nil}

var acmeStartup = startup(version30, "user", "app", "database", "acme")

// hearOut says that no more is coming, and reads what the pooler has to say until it closes.
func hearOut(c *rawClient) ([]byte, error) {
	_ = c.tcp.CloseWrite()
	c.conn.SetReadDeadline(time.Now().Add(patience))
	heard, err := io.ReadAll(c.in)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		return heard, errors.New("the connection stays open")
	}
	return heard, nil
}

// runAway resets the connection without having read what it was sent.
func runAway(c *rawClient) ([]byte, error) {
	c.vanish(true)
	return nil, nil
}

// A disguise is how a message of a type is said: truly, or with a lie.
type disguise struct {
	name string
	say  func(c *rawClient, kind byte)
}

// lie is a disguise that is a header of this length with a body.
func lie(name string, length uint32, body string) disguise {
	return disguise{name, func(c *rawClient, kind byte) {
		hurl(c, append(binary.BigEndian.AppendUint32([]byte{kind}, length), body...))
	}}
}

// disguises are all of them; the first serves for types that do not exist too.
var disguises = []disguise{
	lie("an empty body", 4, ""),
	lie("a length of two gigabytes", 1<<31-1, "SELECT"),
	{"the least that is well formed", func(c *rawClient, kind byte) { hurl(c, leastOf(kind)) }},
	{"byte by byte", func(c *rawClient, kind byte) {
		for _, b := range leastOf(kind) {
			hurl(c, []byte{b})
		}
	}},
	lie("a length of nothing", 0, ""),
	lie("a length below its own", 3, "abc"),
	lie("a negative length", 1<<32-1, "abc"),
	lie("a body that does not come", 104, ""),
	lie("a gigabyte that does not come", 1<<30-2, "SELECT"),
	lie("garbage", 24, strings.Repeat("\xff\xfe", 10)),
	lie("nothing but zeros", 24, strings.Repeat("\x00", 20)),
	{"a Query inside its body", func(c *rawClient, kind byte) {
		q := query("SELECT name FROM whoami")
		hurl(c, join(binary.BigEndian.AppendUint32([]byte{kind}, uint32(4+len(q))), q, leastOf(kind), q))
	}},
}

// hurl sends to a peer that may have closed already.
func hurl(c *rawClient, b []byte) {
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	_, _ = c.conn.Write(b)
}

// frontendTypes are all types that a client may send.
const frontendTypes = "QPBDECSHFdcfXp"

// leastOf is a small legal message of a type.
func leastOf(kind byte) []byte {
	switch kind {
	case 'Q':
		return query("SELECT name FROM whoami")
	case 'P':
		return parse("", "SELECT name FROM whoami")
	case 'B':
		return bind("", "")
	case 'D':
		return describeStatement("")
	case 'E':
		return execute("", 0)
	case 'C':
		return closePortal("")
	case 'F':
		return functionCall(1377) // no such function
	case 'd':
		return copyData("1\tx\n")
	case 'f':
		return copyFail("no")
	case 'p':
		return []byte("p\x00\x00\x00\x08abc\x00")
	}
	return []byte{kind, 0, 0, 0, 4}
}

// strike is one client that turns hostile.
type strike struct {
	stage    stage
	kind     byte
	disguise disguise
}

// attacks are every type in every stage: those that exist in every disguise, and the others, if asked
// for, in the first few.
func attacks(stages []stage, others int) []strike {
	var all []strike
	for _, st := range stages {
		for kind := range 256 {
			use := disguises[:others]
			if !everywhere() && kind%8 != 0 {
				use = nil // what is unknown is all one
			}
			if strings.IndexByte(frontendTypes, byte(kind)) >= 0 {
				use = disguises
			}
			for _, sh := range use {
				all = append(all, strike{st, byte(kind), sh})
			}
		}
	}
	return all
}

// land carries one attack out, as a client of acme. Whatever it is sent, nothing is of another tenant.
func (a strike) land(t *testing.T, c *rawClient) {
	defer c.vanish(false)
	a.stage.reach(c)
	a.disguise.say(c, a.kind)
	leave := a.stage.leave
	if leave == nil {
		leave = hearOut
	}
	heard, err := leave(c)
	if bytes.Contains(heard, []byte("globex")) || bytes.Contains(heard, []byte("initech")) {
		err = errors.New("it heard of another tenant")
	}
	if err != nil {
		t.Errorf("%s, type %q, %s: %v after %.300q", a.stage.name, a.kind, a.disguise.name, err, heard)
	}
}

// strikers is how many attack at once.
const strikers = 6

// strikeAll carries out all attacks, with clients that connect makes.
func strikeAll(t *testing.T, all []strike, connect func(t *testing.T) *rawClient) {
	t.Helper()
	var next atomic.Int64
	var wait sync.WaitGroup
	for range strikers {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(all)) && !t.Failed(); i = next.Add(1) - 1 {
				all[i].land(t, connect(t))
			}
		})
	}
	wait.Wait()
	t.Logf("%d attacks", len(all))
}

// beside runs do while a client of globex asks for its row again and again, and expects no other answer.
// How long its answers take, and what the pooler's memory does, is logged.
func beside(t *testing.T, p *pooler, do func()) {
	t.Helper()
	good := login(t, p.endpoint, "globex")
	before := rss(t, p.process.PID())
	done := make(chan struct{})
	asked := make(chan error, 1)
	var took []time.Duration
	go func() {
		asked <- watch(done, func() error {
			defer func(began time.Time) { took = append(took, time.Since(began)) }(time.Now())
			good.send(query("SELECT name FROM whoami"))
			answer := good.until('Z')
			if rows, err := result(answer); err != nil || kinds(answer) != "TDCZ" || rows[0][0] != "globex" {
				return fmt.Errorf("the client beside got %q %v, %v", kinds(answer), rows, err)
			}
			return nil
		})
	}()
	do()
	close(done)
	if err := <-asked; err != nil {
		t.Error(err)
	}
	good.vanish(false)
	t.Logf("a client beside: %d answers, p50 %v, p99 %v; memory %d kB, before %d kB",
		len(took), percentile(took, 50), percentile(took, 99), rss(t, p.process.PID())>>10, before>>10)
}

// expectAllLent checks that the pooler can still lend every one of its server connections, and that
// each is as new.
func expectAllLent(t *testing.T, w *world, p *pooler, size int) {
	t.Helper()
	w.eventually(t, "SELECT count(*) = 0 FROM pg_stat_activity WHERE state <> 'idle' AND "+w.lent())
	pids := map[string]bool{}
	clients := make([]*rawClient, size)
	for i := range clients {
		clients[i] = login(t, p.endpoint, tenants[i%len(tenants)])
		eventually(t, "a server connection", func() bool { _, err := clients[i].try("BEGIN"); return err == nil })
		pids[clients[i].value("SELECT pg_backend_pid()")] = true
		clients[i].expect("SELECT name FROM whoami", tenants[i%len(tenants)])
	}
	if len(pids) != size {
		t.Errorf("%d server connections for %d open transactions", len(pids), size)
	}
	for _, c := range clients {
		c.run("ROLLBACK")
		c.vanish(false)
	}
}

func TestNoMessageOfAClientInAnyStateHarmsAnother(t *testing.T) {
	needsPooler(t)
	const size = strikers + 2
	onNewest(t, func(t *testing.T, w *world) {
		s := setup{size: size, global: `client_gone_grace = "50ms"` + "\n" + fmt.Sprintf("max_pinned = %d", size)}
		t.Run("before login", func(t *testing.T) {
			t.Parallel()
			p := startPooler(t, w, s)
			beside(t, p, func() {
				strikeAll(t, attacks(beforeLogin, 1), func(t *testing.T) *rawClient { return dialRaw(t, p.endpoint) })
			})
			expectAllLent(t, w, p, 3)
		})
		for mode, others := range map[string]int{"transaction": 1, "session": 0} {
			t.Run(mode, func(t *testing.T) {
				t.Parallel()
				s := s
				s.trust, s.mode = true, mode
				p := startPooler(t, w, s)
				beside(t, p, func() {
					strikeAll(t, attacks(atWork, others), func(t *testing.T) *rawClient { return login(t, p.endpoint, "acme") })
				})
				expectAllLent(t, w, p, size)
			})
		}
	})
}

func TestNoMessageOfAClientThatWaitsHarmsAnother(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, trust: true, global: `query_wait_timeout = "20ms"`})
		holder := login(t, p.endpoint, "globex")
		eventually(t, "a first server connection", func() bool { _, err := holder.try("BEGIN"); return err == nil })
		strikeAll(t, attacks([]stage{waiting}, 1), func(t *testing.T) *rawClient { return login(t, p.endpoint, "acme") })
		holder.expect("SELECT name FROM whoami", "globex")
		holder.run("COMMIT")
		expectAllLent(t, w, p, 1)
	})
}
