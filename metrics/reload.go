package metrics

import (
	"sync"
	"time"
)

// reload remembers how the configuration was read last.
type reload struct {
	mu sync.Mutex
	ok bool
	at time.Time // of the last that went well
}

func (r *reload) note(ok bool, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ok = ok; ok {
		r.at = at
	}
}

func (r *reload) last() (ok bool, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ok, r.at
}

// Reloaded notes that the configuration was read anew: ok, or with a fault, so
// that the one before stays in use.
func (s *Server) Reloaded(ok bool) { s.reload.note(ok, time.Now()) }
