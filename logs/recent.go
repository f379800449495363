package logs

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Event is one line of the log.
type Event struct {
	Time  time.Time
	Level string // "info", "warn" or "error"
	Text  string
}

// maxRecent is how many are kept.
const maxRecent = 100

// recent keeps the last events.
type recent struct {
	plain []string // messages that are not kept

	mu     sync.Mutex
	events []Event
}

func newRecent(plain []string) *recent { return &recent{plain: plain} }

func (k *recent) note(r slog.Record) {
	if r.Level < slog.LevelInfo || slices.Contains(k.plain, r.Message) {
		return
	}
	e := Event{r.Time, strings.ToLower(r.Level.String()), words(r)}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.events) == maxRecent {
		k.events = append(k.events[:0], k.events[1:]...)
	}
	k.events = append(k.events, e)
}

func (k *recent) all() []Event {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.events)
}
