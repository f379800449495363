package demo

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const watchInterval = 50 * time.Millisecond

// watchSQL lists the server connections that clients' statements run on.
const watchSQL = `SELECT pid, state, left(query, 60) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND usename = '` + login + `' AND application_name <> 'tenantpool control' ORDER BY backend_start`

// watch counts the pooler's server connections, as Postgres sees them, until its stage closes.
type watch struct {
	mu      sync.Mutex
	current int
	maximum int
	seen    []string // what the connections were at the maximum
}

// now is how many there are, most how many there were at most.
func (w *watch) now() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current
}

func (w *watch) most() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.maximum
}

func (s *stage) watchConnections(ctx context.Context) (*watch, error) {
	conn, err := s.server.Connect(ctx, "postgres")
	if err != nil {
		return nil, err
	}
	w := &watch{}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	s.later(func() { cancel(); <-done })
	go func() {
		defer close(done)
		defer conn.Close(context.WithoutCancel(ctx))
		w.run(ctx, conn)
	}()
	return w, nil
}

func (w *watch) run(ctx context.Context, conn *pgconn.PgConn) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		results, err := conn.Exec(ctx, watchSQL).ReadAll()
		if err != nil {
			return // the stage is closing, or the server is gone and all else fails too
		}
		w.note(results[0].Rows)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (w *watch) note(rows [][][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.current = len(rows)
	if w.current <= w.maximum {
		return
	}
	w.maximum, w.seen = w.current, nil
	for _, row := range rows {
		w.seen = append(w.seen, strings.Join(strings.Fields(string(row[0])+" "+string(row[1])+": "+string(row[2])), " "))
	}
}

// excess lists the connections at the maximum, if they were more than the limit.
func (w *watch) excess(limit int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.maximum <= limit {
		return nil
	}
	return w.seen
}
