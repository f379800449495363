package logs

import (
	"io"
	"log/slog"
	"time"
)

// Options say how to log.
type Options struct {
	Level  string   // the least grave that is logged: debug, info, warn, error
	Format string   // auto, text, logfmt or json
	Plain  []string // messages of no interest to Recent
}

// Log is a logger whose level can be changed, and that remembers. Its methods
// may be called from any goroutine.
type Log struct {
	*slog.Logger
	level  slog.LevelVar
	recent *recent
	runs   *runs
}

// New makes a log that writes to w. Close it, so that nothing that was collapsed
// is lost.
func New(o Options, w io.Writer) *Log {
	l := &Log{recent: newRecent(o.Plain)}
	_ = l.SetLevel(o.Level)
	l.runs = newRuns(time.Now)
	out := &lines{out: w, format: formatFor(o.Format, w), recent: l.recent}
	l.Logger = slog.New(&handler{log: l, lines: out, inner: out.inner()})
	return l
}

// SetLevel changes the level from now on; the error names those there are.
func (l *Log) SetLevel(word string) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(word)); err != nil {
		return err
	}
	l.level.Set(level)
	return nil
}

// Level is the least grave that is logged now.
func (l *Log) Level() slog.Level { return l.level.Level() }

// Recent gives the last events, oldest first.
func (l *Log) Recent() []Event { return l.recent.all() }

// Close writes how often what was collapsed has repeated.
func (l *Log) Close() { l.runs.close() }
