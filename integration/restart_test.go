package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/internal/pgtest"
)

// restarts is how many a test makes: 3, or what TENANTPOOL_RESTARTS says.
func restarts() int {
	if n, err := strconv.Atoi(os.Getenv("TENANTPOOL_RESTARTS")); err == nil {
		return n
	}
	return 3
}

// manager plays the service manager: it starts the pooler and hears what that says
// of itself.
type manager struct {
	file   string // the configuration
	bin    string
	notes  *net.UnixConn
	heard  chan string
	socket *os.File // handed to each process; nil: it opens its own
}

func newManager(t *testing.T, w *world, global string) (m *manager, e endpoint) {
	t.Helper()
	port, err := pgtest.FreePort()
	must(t, err)
	file := setup{size: 8, global: global}.write(t, w)
	text, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, []byte(strings.Replace(string(text), "127.0.0.1:0", fmt.Sprintf("127.0.0.1:%d", port), 1)), 0o600))
	dir, err := os.MkdirTemp("", "notify") // short, for the name of a socket
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	notes, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unixgram"})
	must(t, err)
	t.Cleanup(func() { notes.Close() })
	m = &manager{file: file, bin: program(t, false), notes: notes, heard: make(chan string, 1000)}
	go m.listen()
	return m, endpoint{host: "127.0.0.1", port: port}
}

// listen hears what the poolers say, until the test ends.
func (m *manager) listen() {
	buf := make([]byte, 4096)
	for {
		n, err := m.notes.Read(buf)
		if err != nil {
			return
		}
		m.heard <- string(buf[:n])
	}
}

// start starts a pooler and waits until it says that it is ready.
func (m *manager) start(t *testing.T) *pooler {
	t.Helper()
	cmd := exec.Command(m.bin, "run", "-c", m.file)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.notes.LocalAddr().String(), "WATCHDOG_USEC=200000")
	if m.socket != nil {
		cmd = exec.Command("/bin/sh", "-c", `export LISTEN_PID=$$; exec "$0" "$@"`, m.bin, "run", "-c", m.file)
		cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.notes.LocalAddr().String(), "LISTEN_FDS=1", "LISTEN_FDNAMES=clients")
		cmd.ExtraFiles = []*os.File{m.socket}
	}
	p := &pooler{log: newLogBuffer()}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	var err error
	p.process, err = pgtest.StartProcess(cmd, nil)
	must(t, err)
	t.Cleanup(func() { p.stop(t) })
	m.await(t, "READY=1")
	return p
}

// await waits until the pooler has said something.
func (m *manager) await(t *testing.T, want string) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case said := <-m.heard:
			if strings.Contains(said, want) {
				return
			}
		case <-late:
			t.Fatalf("the pooler does not say %s", want)
		}
	}
}

// end drains a pooler and waits for its end.
func (p *pooler) end(t *testing.T) {
	t.Helper()
	must(t, p.process.Signal(syscall.SIGTERM))
	select {
	case <-p.process.Done():
	case <-time.After(patience):
		t.Error("the pooler did not end on SIGTERM; what it does instead is in its log")
		must(t, p.process.Signal(syscall.SIGQUIT))
	}
	if err := p.process.Err(); err != nil {
		t.Errorf("the pooler ended with %v\n%s", err, p.log.String())
	}
	p.process = nil
}

// throng is clients that come and go, and clients that stay, while poolers are
// restarted.
type throng struct {
	e       endpoint
	done    atomic.Bool
	running sync.WaitGroup

	connects, transactions, sent atomic.Int64 // sent: sent away between two transactions

	mu    sync.Mutex
	wrong []string // refused connects and transactions that were cut
}

func (c *throng) bad(what string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = append(c.wrong, fmt.Sprintf("%s: %v", what, err))
}

func (c *throng) connect() *pgconn.PgConn {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgconn.Connect(ctx, c.e.dsn("acme"))
	if err != nil {
		c.bad("refused", err)
		return nil
	}
	c.connects.Add(1)
	return conn
}

// comer connects, asks one thing and leaves, again and again.
func (c *throng) comer() {
	for !c.done.Load() {
		conn := c.connect()
		if conn == nil {
			continue
		}
		if _, err := conn.Exec(context.Background(), "SELECT name FROM whoami").ReadAll(); err != nil {
			c.bad("the first query of a client", err)
		}
		conn.Close(context.Background())
		c.transactions.Add(1)
	}
}

// stayer holds one transaction after the other, and comes again when it is sent
// away between two of them.
func (c *throng) stayer() {
	conn := c.connect()
	for !c.done.Load() {
		if conn == nil || conn.IsClosed() {
			conn = c.connect()
			continue
		}
		if _, err := conn.Exec(context.Background(), "BEGIN").ReadAll(); err != nil {
			var e *pgconn.PgError
			if errors.As(err, &e) && e.Code != "57P01" {
				c.bad("BEGIN", err)
			}
			c.sent.Add(1)
			conn.Close(context.Background())
			continue
		}
		_, err := conn.Exec(context.Background(), "INSERT INTO notes VALUES (1, 'x'); SELECT pg_sleep(0.05)").ReadAll()
		if err == nil {
			_, err = conn.Exec(context.Background(), "COMMIT").ReadAll()
		}
		if err != nil {
			c.bad("a transaction was cut", err)
			conn.Close(context.Background())
			continue
		}
		c.transactions.Add(1)
	}
	if conn != nil {
		conn.Close(context.Background())
	}
}

// gather starts so many of both, and waits until each has had an answer.
func (c *throng) gather(t *testing.T, n int) {
	for range n {
		c.running.Go(c.comer)
		c.running.Go(c.stayer)
	}
	c.progress(t)
}

// progress waits until the clients have done something more.
func (c *throng) progress(t *testing.T) {
	t.Helper()
	before := c.transactions.Load()
	eventually(t, "the clients' next transactions", func() bool { return c.transactions.Load() >= before+20 })
}

func (c *throng) disperse(t *testing.T) {
	t.Helper()
	c.done.Store(true)
	c.running.Wait()
	t.Logf("%d connects, %d transactions, %d times sent away between two; refused or cut: %d",
		c.connects.Load(), c.transactions.Load(), c.sent.Load(), len(c.wrong))
	for i, what := range c.wrong {
		if t.Error(what); i == 9 {
			break
		}
	}
}

func TestARestartBesideTheOldPoolerRefusesNobody(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		m, e := newManager(t, w, "reuse_port = true")
		old := m.start(t)
		c := &throng{e: e}
		c.gather(t, 4)
		for range restarts() {
			next := m.start(t)
			old.end(t)
			c.progress(t)
			old = next
		}
		c.disperse(t)
		m.await(t, "WATCHDOG=1")
		old.end(t)
	})
}

func TestARestartWithAnInheritedSocketRefusesNobody(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		m, e := newManager(t, w, "")
		ln, err := net.Listen("tcp", e.address())
		must(t, err)
		m.socket, err = ln.(*net.TCPListener).File()
		must(t, err)
		ln.Close() // the file stays
		defer m.socket.Close()
		p := m.start(t)
		c := &throng{e: e}
		c.gather(t, 4)
		for range restarts() {
			p.end(t)
			p = m.start(t)
			c.progress(t)
		}
		c.disperse(t)
		p.end(t)
	})
}

func TestASharedUnixSocketIsHandedOver(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		dir, err := os.MkdirTemp("", "sock")
		must(t, err)
		defer os.RemoveAll(dir)
		m, e := newManager(t, w, "reuse_port = true")
		text, err := os.ReadFile(m.file)
		must(t, err)
		must(t, os.WriteFile(m.file, []byte(strings.Replace(string(text), "listen    = [", fmt.Sprintf("listen = [%q, ", dir), 1)), 0o600))
		path := filepath.Join(dir, fmt.Sprintf(".s.PGSQL.%d", e.port))
		old := m.start(t)
		c := &throng{e: endpoint{host: dir, port: e.port}}
		c.gather(t, 2)
		for range min(restarts(), 10) {
			next := m.start(t)
			old.end(t)
			c.progress(t)
			old = next
		}
		c.disperse(t)
		old.end(t)
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("the socket is left: %v", err)
		}
	})
}
