package admin

import (
	"sync"
	"time"
)

// Event is something that has happened, for SHOW EVENTS. It holds no SQL and no secrets.
type Event struct {
	At                    time.Time
	Kind                  string
	Cluster, Tenant, Text string
}

// Events keep the last of what has happened. They are safe for use by several goroutines.
type Events struct {
	mu   sync.Mutex
	ring [keptEvents]Event
	n    int // how many there have been
}

const keptEvents = 200

// Add notes an event. Its time is now unless it says another.
func (e *Events) Add(ev Event) {
	if ev.At.IsZero() {
		ev.At = time.Now()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ring[e.n%keptEvents] = ev
	e.n++
}

// Last gives what is kept, the oldest first.
func (e *Events) Last() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Event
	for i := max(0, e.n-keptEvents); i < e.n; i++ {
		all = append(all, e.ring[i%keptEvents])
	}
	return all
}
