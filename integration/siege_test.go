package integration

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// siege is what besets the place where clients log in: connections that say next to nothing, and
// connections whose first packet lies about its length. TENANTPOOL_SIEGE multiplies it.
type siege struct {
	slow  int
	liars int
	real  int // logins that must work meanwhile, 200 a second
}

func besiege(t *testing.T) siege {
	s := siege{slow: 400, liars: 1000, real: 200}
	if text := os.Getenv("TENANTPOOL_SIEGE"); text != "" {
		n, err := strconv.Atoi(text)
		must(t, err)
		s = siege{s.slow * n, s.liars * n, s.real * n}
	}
	return s
}

// Real clients log in as before. How long it takes them is logged beside the time without a siege,
// not judged: the machine may be busy.
func TestRealClientsLogInDuringASiege(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		s := besiege(t)
		p := startPooler(t, w, setup{size: 4, global: "max_clients = 20000"})
		calm := s.logins(t, p.dsn("acme"))
		before := rss(t, p.process.PID())
		var wait sync.WaitGroup
		lifted := make(chan struct{})
		wait.Go(func() { s.starters(t, p.address(), lifted) })
		wait.Go(func() { s.lies(t, p.address()) })
		during := s.logins(t, p.dsn("globex"))
		most := rss(t, p.process.PID())
		close(lifted)
		wait.Wait()
		t.Logf("%d slow starters, %d lying lengths, %d logins: p50 %v, p99 %v; without a siege p50 %v, p99 %v; memory %d kB, before %d kB",
			s.slow, s.liars, s.real, percentile(during, 50), percentile(during, 99), percentile(calm, 50), percentile(calm, 99), most>>10, before>>10)
		login(t, p.endpoint, "acme").expect("SELECT name FROM whoami", "acme")
	})
}

// logins logs in 200 times a second, each with one query, and returns how long each took.
func (s siege) logins(t *testing.T, dsn string) []time.Duration {
	t.Helper()
	took := make([]time.Duration, s.real)
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	var wait sync.WaitGroup
	for i := range took {
		<-pace.C
		wait.Go(func() {
			ctx, stop := context.WithTimeout(context.Background(), patience)
			defer stop()
			began := time.Now()
			conn, err := pgconn.Connect(ctx, dsn)
			if err != nil {
				t.Errorf("a real login: %v", err)
				return
			}
			took[i] = time.Since(began)
			if _, err := conn.Exec(ctx, "SELECT 1").ReadAll(); err != nil {
				t.Errorf("a query behind a real login: %v", err)
			}
			conn.Close(ctx)
		})
	}
	wait.Wait()
	return took
}

// starters connect, send the beginning of a startup packet in pieces, and never come to its end.
func (s siege) starters(t *testing.T, address string, lifted chan struct{}) {
	packet := startup(version30, "user", "app", "database", "acme")
	conns := make([]net.Conn, 0, s.slow)
	for range s.slow {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Errorf("a slow starter: %v", err)
			break
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for i := 0; i < len(packet)-1; i++ {
		for _, conn := range conns {
			_, _ = conn.Write(packet[i : i+1])
		}
		select {
		case <-pace.C:
		case <-lifted:
			return
		}
	}
	<-lifted
}

// lies opens one connection after the other, on eight at a time, with first packets of false lengths.
func (s siege) lies(t *testing.T, address string) {
	lengths := []uint32{0, 1, 7, 8, 9, 10_001, 1 << 20, 1<<31 - 1, 1 << 31, 1<<32 - 1}
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := worker; i < s.liars; i += 8 {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					t.Errorf("a liar: %v", err)
					return
				}
				packet := startup(version30, "user", "app", "database", "acme")
				binary.BigEndian.PutUint32(packet, lengths[i%len(lengths)])
				_, _ = conn.Write(packet)
				conn.Close()
			}
		})
	}
	wait.Wait()
}

func percentile(all []time.Duration, p int) time.Duration {
	slices.Sort(all)
	return all[(len(all)-1)*p/100].Round(100 * time.Microsecond)
}
