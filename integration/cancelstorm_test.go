package integration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// stormSize is how many cancel requests the storm sends on each server: 2,000, or $TENANTPOOL_CANCELS.
func stormSize(t *testing.T) int {
	if text := os.Getenv("TENANTPOOL_CANCELS"); text != "" {
		n, err := strconv.Atoi(text)
		must(t, err)
		return n
	}
	return 2000
}

// storm is a crowd of clients who run short queries on few servers. Some of their queries are
// cancelled, at random moments: early, late, and when they have ended.
type storm struct {
	sync.Mutex
	sent   int // cancel requests
	acted  int // queries that were cancelled
	missed int // queries that ended before
	wrong  []string
}

func TestACancelNeverHitsAnotherClientsQuery(t *testing.T) {
	onNewest(t, func(t *testing.T, w *world) {
		for size := 1; size <= 4; size++ {
			p := startPooler(t, w, setup{size: size})
			st := &storm{}
			var wait sync.WaitGroup
			const clients = 8
			for i := range clients {
				wait.Go(func() { st.client(p.dsn(tenants[i%len(tenants)]), stormSize(t)/4/clients, uint64(i)) })
			}
			wait.Wait()
			t.Logf("%d servers: %d cancel requests, %d acted, %d came too late", size, st.sent, st.acted, st.missed)
			for _, what := range st.wrong {
				t.Error(what)
			}
			if st.acted == 0 || st.missed == 0 {
				t.Error("the storm did not cancel at every moment")
			}
		}
	})
}

// client runs queries until n of them had a cancel request, with as many that had none.
func (st *storm) client(dsn string, n int, seed uint64) {
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Minute)
	defer stop()
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		st.note(err.Error())
		return
	}
	defer conn.Close(ctx)
	random := rand.New(rand.NewPCG(seed, 4711))
	for range n {
		st.exchange(ctx, conn, random, true)
		st.exchange(ctx, conn, random, false)
	}
}

// exchange runs one query of 1 to 5 ms. It is over when its answer is here and its cancel request,
// if any, has been dealt with: whatever is cancelled later was not meant.
func (st *storm) exchange(ctx context.Context, conn *pgconn.PgConn, random *rand.Rand, cancel bool) {
	sleep := 1 + random.IntN(5)
	after := time.Duration(random.IntN(7000)) * time.Microsecond
	over := make(chan error, 1)
	if cancel {
		go func() {
			time.Sleep(after) // the random moment is what is tried here, nothing waits for it
			over <- conn.CancelRequest(ctx)
		}()
	} else {
		over <- nil
	}
	_, err := conn.Exec(ctx, fmt.Sprintf("SELECT pg_sleep(0.00%d)", sleep)).ReadAll()
	if e := <-over; e != nil {
		st.note("a cancel request failed: " + e.Error())
	}
	st.judge(err, cancel)
}

func (st *storm) judge(err error, cancel bool) {
	var pg *pgconn.PgError
	canceled := errors.As(err, &pg) && pg.Code == "57014"
	st.Lock()
	defer st.Unlock()
	switch {
	case canceled && !cancel:
		st.wrong = append(st.wrong, "a query was cancelled though nobody asked for it")
	case err != nil && !canceled:
		st.wrong = append(st.wrong, err.Error())
	case canceled:
		st.sent++
		st.acted++
	case cancel:
		st.sent++
		st.missed++
	}
}

func (st *storm) note(what string) {
	st.Lock()
	st.wrong = append(st.wrong, what)
	st.Unlock()
}

// How soon a cancel acts is logged, not judged: the machine may be busy.
func TestACancelEndsALongQuery(t *testing.T) {
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2})
		ctx := context.Background()
		conn, err := pgconn.Connect(ctx, p.dsn("acme"))
		must(t, err)
		defer conn.Close(ctx)
		var took []time.Duration
		for range 20 {
			asked := make(chan time.Time, 1)
			go func() {
				w.awaitSleep(t)
				asked <- time.Now()
				_ = conn.CancelRequest(ctx)
			}()
			_, err := conn.Exec(ctx, "SELECT pg_sleep(2)").ReadAll()
			took = append(took, time.Since(<-asked))
			var pg *pgconn.PgError
			if !errors.As(err, &pg) || pg.Code != "57014" {
				t.Fatalf("a cancelled query: %v", err)
			}
		}
		slices.Sort(took)
		t.Logf("from the cancel request to the answer: median %v, most %v", took[len(took)/2], took[len(took)-1])
	})
}
