package registry

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"tenantpool/pool"
)

// DefaultQuery reads the table of docs/registry.sql.
const DefaultQuery = "SELECT * FROM tenantpool.tenants"

// Options say what a Source reads.
type Options struct {
	Server   pool.Options // where, and as whom
	Query    string
	Channel  string        // that tells of changes; "" is none
	Interval time.Duration // between two readings of everything; 0 is off
	Log      *slog.Logger
}

// Source reads one registry into a Catalog.
type Source struct {
	o    Options
	into *Catalog
	feed *pool.Feed
	seed maphash.Seed

	key  string // the column that holds names; "" is not known
	sum  uint64 // of all rows as last read; 0 is not known
	lost string // what was logged of a registry that cannot be read

	mu     sync.Mutex
	again  bool               // read everything soon
	awake  context.CancelFunc // ends a wait
	ended  chan struct{}
	cancel context.CancelFunc
}

// Start begins to read. Stop ends it.
func Start(o Options, into *Catalog) *Source {
	o.Query = strings.TrimRight(o.Query, "; \t\n")
	ctx, cancel := context.WithCancel(context.Background())
	s := &Source{o: o, into: into, feed: pool.NewFeed(o.Server), seed: maphash.MakeSeed(),
		ended: make(chan struct{}), cancel: cancel, awake: func() {}}
	go s.run(ctx)
	return s
}

// Once reads everything a single time, without a Source that goes on.
func Once(ctx context.Context, o Options, into *Catalog) error {
	o.Query, o.Channel = strings.TrimRight(o.Query, "; \t\n"), ""
	s := &Source{o: o, into: into, feed: pool.NewFeed(o.Server), seed: maphash.MakeSeed()}
	defer s.feed.Close(ctx)
	if err := s.feed.Connect(ctx, ""); err != nil {
		return err
	}
	return s.readAll(ctx)
}

// Stop ends the reading and waits for its end.
func (s *Source) Stop() {
	s.cancel()
	<-s.ended
}

// Refresh has everything read again soon.
func (s *Source) Refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again = true
	s.awake()
}

// How long a reading may take, and how long it is left alone after a failure.
const (
	readTimeout = time.Minute
	firstPause  = 500 * time.Millisecond
	maxPause    = 10 * time.Second
)

func (s *Source) run(ctx context.Context) {
	defer close(s.ended)
	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := s.follow(ctx)
		if ctx.Err() != nil {
			break
		}
		s.trouble(err)
		if time.Since(began) > maxPause {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
	closing, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	s.feed.Close(closing)
}

// trouble logs why the registry cannot be read, once.
func (s *Source) trouble(err error) {
	if err == nil || err.Error() == s.lost {
		return
	}
	s.lost = err.Error()
	s.o.Log.Warn("the registry cannot be read; what was read of it stays in force", "cluster", s.o.Server.Cluster, "error", err)
}

// follow reads everything, and then what changes, until something fails.
func (s *Source) follow(ctx context.Context) error {
	if err := s.within(ctx, func(ctx context.Context) error { return s.feed.Connect(ctx, s.o.Channel) }); err != nil {
		return err
	}
	s.sum = 0
	for {
		if err := s.within(ctx, s.readAll); err != nil {
			return err
		}
		if s.lost != "" {
			s.lost = ""
			s.o.Log.Info("the registry can be read again", "cluster", s.o.Server.Cluster)
		}
		if err := s.changes(ctx); err != nil {
			return err
		}
	}
}

func (s *Source) within(ctx context.Context, do func(context.Context) error) error {
	ctx, stop := context.WithTimeout(ctx, readTimeout)
	defer stop()
	return do(ctx)
}

// maxNames is how many rows are read by their names at once; for more it is
// quicker to read all.
const maxNames = 2000

// changes reads what notifications name, until it is time to read everything.
func (s *Source) changes(ctx context.Context) error {
	wait, stop := context.WithCancel(ctx)
	if s.o.Interval > 0 {
		wait, stop = context.WithTimeout(ctx, s.o.Interval)
	}
	defer stop()
	s.mu.Lock()
	s.awake = stop
	s.mu.Unlock()
	for {
		s.mu.Lock()
		again := s.again
		s.again = false
		s.mu.Unlock()
		if again || wait.Err() != nil {
			return ctx.Err()
		}
		heard, err := s.feed.Await(wait)
		if err != nil {
			return err
		}
		if len(heard) == 0 {
			continue
		}
		if s.key == "" || slices.Contains(heard, "") || len(heard) > maxNames {
			return nil
		}
		if err := s.within(ctx, func(ctx context.Context) error { return s.readSome(ctx, heard) }); err != nil {
			return err
		}
	}
}

// readAll reads every row. If nothing has changed since, that is all.
func (s *Source) readAll(ctx context.Context) error {
	began := time.Now()
	var rows [][]byte
	var sum, size uint64
	err := s.feed.Read(ctx, "SELECT pg_catalog.row_to_json(t)::pg_catalog.text FROM (\n"+s.o.Query+"\n) AS t", nil, func(row []byte) {
		rows = append(rows, slices.Clone(row))
		sum += maphash.Bytes(s.seed, row)
		size++
	})
	if err != nil {
		return err
	}
	if sum += size + 1; sum == s.sum {
		return nil
	}
	if len(rows) > 0 {
		s.key = keyOf(rows[0])
	}
	s.into.all(rows)
	s.sum = sum
	s.o.Log.Info("registry read", "cluster", s.o.Server.Cluster, "rows", len(rows), "refused", len(s.into.Refused()),
		"took", time.Since(began).Round(time.Millisecond))
	return nil
}

// keyOf is the column that holds names.
func keyOf(row []byte) string {
	var columns map[string]json.RawMessage
	_ = json.Unmarshal(row, &columns) // the server has made it
	if _, ok := columns["name"]; ok {
		return "name"
	}
	return "schema_name"
}

// readSome reads the rows of some names.
func (s *Source) readSome(ctx context.Context, names []string) error {
	slices.Sort(names)
	names = slices.Compact(names)
	s.sum = 0
	var rows [][]byte
	err := s.feed.Read(ctx, "SELECT pg_catalog.row_to_json(t)::pg_catalog.text FROM (\n"+s.o.Query+
		"\n) AS t WHERE t."+s.key+"::pg_catalog.text OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])",
		[][]byte{pool.TextArray(names)}, func(row []byte) { rows = append(rows, slices.Clone(row)) })
	if err == nil {
		s.into.some(names, rows)
	}
	return err
}
