package logs

import (
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Of lines that are alike but for the client's address and the server's process
// id, the first few in a window are written; so are the first of those that tell
// of clients with one message, whoever they are. Of the rest one line at the
// window's end tells how many there were.
const (
	window      = 10 * time.Second
	alikeShown  = 5
	clientShown = 50 * int(window/time.Second)
	maxRuns     = 2000 // remembered at once
)

// run is what is alike in one window.
type run struct {
	ends   time.Time
	shown  int
	hidden int
	last   slog.Record // of the hidden
	write  func(slog.Record)
	timer  *time.Timer
}

// runs are the runs under way.
type runs struct {
	now func() time.Time

	mu  sync.Mutex
	all map[string]*run
}

func newRuns(now func() time.Time) *runs { return &runs{now: now, all: make(map[string]*run)} }

// admit says whether r is to be written now. If not, write is called later with
// how often it has repeated.
func (rs *runs) admit(r slog.Record, with []slog.Attr, write func(slog.Record)) bool {
	alike, ofClient := keys(r, with)
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.count(alike, alikeShown, r, write) && (ofClient == "" || rs.count(ofClient, clientShown, r, write))
}

// count counts r in the run of a key.
func (rs *runs) count(key string, limit int, r slog.Record, write func(slog.Record)) bool {
	now := rs.now()
	k := rs.all[key]
	if k == nil || k.hidden == 0 && !now.Before(k.ends) {
		rs.makeRoom(now)
		k = &run{ends: now.Add(window), write: write}
		rs.all[key] = k
	}
	if k.shown < limit {
		k.shown++
		return true
	}
	k.hidden++
	k.last = r.Clone()
	if k.timer == nil {
		k.timer = time.AfterFunc(k.ends.Sub(now), func() { rs.end(key, k) })
	}
	return false
}

// makeRoom forgets runs that hide nothing: those that are over, or if that is
// not enough, all of them.
func (rs *runs) makeRoom(now time.Time) {
	for _, all := range []bool{false, true} {
		if len(rs.all) < maxRuns {
			return
		}
		for key, k := range rs.all {
			if k.hidden == 0 && (all || !now.Before(k.ends)) {
				delete(rs.all, key)
			}
		}
	}
}

// end writes how often what a run hid has repeated.
func (rs *runs) end(key string, k *run) {
	rs.mu.Lock()
	hidden := k.hidden
	k.hidden = 0
	if rs.all[key] == k {
		delete(rs.all, key)
	}
	rs.mu.Unlock()
	if hidden > 0 {
		k.last.AddAttrs(slog.Int("repeated", hidden))
		k.write(k.last)
	}
}

// close ends all runs.
func (rs *runs) close() {
	rs.mu.Lock()
	open := make(map[string]*run, len(rs.all))
	for key, k := range rs.all {
		if k.timer != nil {
			k.timer.Stop()
			open[key] = k
		}
	}
	rs.mu.Unlock()
	for key, k := range open {
		rs.end(key, k)
	}
}

// keys are what is alike to r, and if it tells of a client, the message of its kind.
func keys(r slog.Record, with []slog.Attr) (alike, ofClient string) {
	var b strings.Builder
	b.WriteString(r.Level.String() + "\x00" + r.Message)
	add := func(a slog.Attr) bool {
		switch a.Key {
		case "client":
			ofClient = "client\x00" + r.Message
		case "server":
		default:
			b.WriteString("\x00" + a.Key + "=" + a.Value.String())
		}
		return true
	}
	for _, a := range with {
		add(a)
	}
	r.Attrs(add)
	return b.String(), ofClient
}
