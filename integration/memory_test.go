package integration

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	idleClients = 10_000
	idleBytes   = 1024 // that one more of them may cost
)

func TestTenThousandIdleClientsCostAKilobyteEach(t *testing.T) {
	needsPooler(t)
	onEachInTurn(t, func(t *testing.T, w *world) {
		n := idleClients
		if limit := fileLimit(t) - 500; limit < n {
			t.Logf("the limit of open files allows %d clients only, not %d", limit, n)
			n = limit
		}
		p := startPooler(t, w, setup{size: 4, trust: true, plain: true, global: "max_clients = 12000"})
		crowd(t, p, 200) // what a first client costs is nobody's own
		before := rss(t, p.process.PID())
		clients := crowd(t, p, n)
		growth := rss(t, p.process.PID()) - before
		t.Logf("%d idle clients: %d bytes each", n, growth/n)
		if growth > n*idleBytes {
			t.Errorf("%d idle clients cost %d bytes, %d each", n, growth, growth/n)
		}
		for i := 0; i < n; i += n / 50 {
			expectServed(t, clients[i], tenants[i%len(tenants)])
		}
	})
}

// crowd logs n clients in and leaves them idle.
func crowd(t *testing.T, p *pooler, n int) []net.Conn {
	t.Helper()
	clients := make([]net.Conn, n)
	errs := make(chan error, 20)
	for worker := range cap(errs) {
		go func() {
			for i := worker; i < n; i += cap(errs) {
				var err error
				if clients[i], err = idler(p, tenants[i%len(tenants)]); err != nil {
					errs <- fmt.Errorf("client %d: %w", i, err)
					return
				}
			}
			errs <- nil
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() {
		for _, c := range clients {
			c.Close()
		}
	})
	return clients
}

// idler is a client with nothing but its socket.
func idler(p *pooler, tenant string) (net.Conn, error) {
	conn, err := net.Dial("tcp", p.address())
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(patience))
	if p.ca != "" {
		config, err := p.verifying()
		if err != nil {
			return nil, err
		}
		if conn, err = startTLS(conn, config); err != nil {
			return nil, err
		}
	}
	if _, err := conn.Write(startup(version30, "user", "app", "database", tenant)); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(conn, 1024)
	for {
		m, err := readReply(in)
		switch {
		case err != nil:
			return nil, err
		case m.kind == 'E':
			return conn, parseError(m.body)
		case m.kind == 'Z':
			return conn, nil
		}
	}
}

func expectServed(t *testing.T, conn net.Conn, tenant string) {
	t.Helper()
	conn.SetDeadline(time.Now().Add(patience))
	_, err := conn.Write(query("SELECT name FROM whoami"))
	must(t, err)
	in := bufio.NewReaderSize(conn, 1024)
	for {
		m, err := readReply(in)
		must(t, err)
		if m.kind == 'D' && m.row()[0] != tenant {
			t.Errorf("a client of %s was given a row of %s", tenant, m.row()[0])
		}
		if m.kind == 'Z' {
			return
		}
	}
}

// Before the descriptors run out, clients are told to come back later; those who are in are served.
func TestClientsAreRefusedBeforeDescriptorsRunOut(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 4, trust: true, files: 300})
		var in []net.Conn
		refused := 0
		for i := range 400 {
			conn, err := idler(p, tenants[i%len(tenants)])
			if err == nil {
				in = append(in, conn)
				continue
			}
			refused++
			e, ok := err.(*serverError)
			if !ok || e.severity != "FATAL" || e.code != "53300" || e.hint == "" {
				t.Fatalf("client %d was refused with %v; want FATAL 53300 and a hint", i, err)
			}
			conn.Close()
		}
		if len(in) < 100 || refused < 100 {
			t.Errorf("with 300 files, %d clients were let in and %d refused", len(in), refused)
		}
		for i, conn := range in {
			expectServed(t, conn, tenants[i%len(tenants)])
		}
		for _, conn := range in {
			conn.Close()
		}
		eventually(t, "new clients are let in", func() bool {
			conn, err := idler(p, "acme")
			if conn != nil {
				conn.Close()
			}
			return err == nil
		})
	})
}

const (
	bigResult      = 1 << 30
	bigResultPause = 128 << 20 // the client rests after so many bytes
	bigResultGrows = 1 << 20
)

// The client reads a little, and then not at all until the server itself has to wait: what lies
// between them lies in the pooler.
func TestAResultOfAGigabyteThatIsReadSlowlyIsNotKept(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2, trust: true, plain: true})
		super := w.superuser(t)
		defer super.Close(context.Background())
		for _, sql := range []string{
			"COPY (SELECT repeat('x', 8000) FROM generate_series(1, %d)) TO STDOUT",
			"SELECT repeat('x', 8000) FROM generate_series(1, %d)",
		} {
			c := login(t, p.endpoint, "acme")
			c.run(fmt.Sprintf(sql, 200))
			before := rss(t, p.process.PID())
			c.send(query(fmt.Sprintf(sql, bigResult/8000)))
			most := c.readSlowly(t, func() int {
				w.awaitBlockedServer(t, super)
				return rss(t, p.process.PID())
			})
			t.Logf("%.9s: grows by at most %d kB", sql, (most-before)>>10)
			if most-before > bigResultGrows {
				t.Errorf("%.9s: memory grows by %d bytes", sql, most-before)
			}
			c.expect("SELECT name FROM whoami", "acme")
		}
	})
}

// readSlowly reads a big result to its end, with rests in which it measures something, and returns
// the greatest measure.
func (c *rawClient) readSlowly(t *testing.T, measure func() int) (most int) {
	t.Helper()
	for read, rest := 0, 0; ; {
		if read >= rest && read < bigResult-bigResultPause {
			most = max(most, measure())
			rest += bigResultPause
		}
		head, err := c.in.Peek(5)
		must(t, err)
		kind, n := head[0], 1+int(binary.BigEndian.Uint32(head[1:]))
		c.conn.SetReadDeadline(time.Now().Add(patience))
		_, err = c.in.Discard(n)
		must(t, err)
		if read += n; kind == 'Z' {
			return most
		}
	}
}

// awaitBlockedServer waits until a server process cannot write any more.
func (w *world) awaitBlockedServer(t *testing.T, super *pgconn.PgConn) {
	t.Helper()
	sql := "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'ClientWrite' AND " + w.lent()
	eventually(t, sql, func() bool { return firstValue(t, super, sql) == "t" })
}
