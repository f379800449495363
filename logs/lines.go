package logs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// format is how a line is written.
type format string

const (
	forPeople  format = "text"    // time, level and message, then key=value
	logfmt     format = "logfmt"  // key=value only
	asJSON     format = "json"    // an object
	forJournal format = "journal" // a priority and logfmt; the journal knows the time
)

// formatFor chooses what auto means for w: text on a terminal, priorities if w is
// the journal of systemd, else logfmt.
func formatFor(word string, w io.Writer) format {
	if word != "auto" && word != "" {
		return format(word)
	}
	f, ok := w.(*os.File)
	if !ok {
		return logfmt
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		return logfmt
	case info.Mode()&os.ModeCharDevice != 0:
		return forPeople
	case isJournal(info, os.Getenv("JOURNAL_STREAM")):
		return forJournal
	}
	return logfmt
}

// isJournal says that a file is the one that systemd has named, "device:inode".
func isJournal(info os.FileInfo, stream string) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// lines writes records, each by one write.
type lines struct {
	out    io.Writer
	format format
	recent *recent

	mu  sync.Mutex
	buf bytes.Buffer // holds one line
}

// inner writes a record into buf, without what head has written.
func (l *lines) inner() slog.Handler {
	o := &slog.HandlerOptions{Level: slog.LevelDebug}
	switch l.format {
	case asJSON:
		return slog.NewJSONHandler(&l.buf, o)
	case forPeople:
		o.ReplaceAttr = without(slog.TimeKey, slog.LevelKey, slog.MessageKey)
	case forJournal:
		o.ReplaceAttr = without(slog.TimeKey)
	}
	return slog.NewTextHandler(&l.buf, o)
}

func without(keys ...string) func([]string, slog.Attr) slog.Attr {
	return func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && slices.Contains(keys, a.Key) {
			return slog.Attr{}
		}
		return a
	}
}

// head writes what stands before the record's own line.
func (l *lines) head(r slog.Record) {
	switch l.format {
	case forPeople:
		fmt.Fprintf(&l.buf, "%s %-5s %s  ", r.Time.Format("15:04:05.000"), r.Level, r.Message)
	case forJournal:
		fmt.Fprintf(&l.buf, "<%d>", priority(r.Level))
	}
}

// priority is what syslog calls a level.
func priority(level slog.Level) int {
	switch {
	case level >= slog.LevelError:
		return 3
	case level >= slog.LevelWarn:
		return 4
	case level >= slog.LevelInfo:
		return 6
	}
	return 7
}

func (l *lines) write(ctx context.Context, inner slog.Handler, r slog.Record) error {
	l.recent.note(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Reset()
	l.head(r)
	if err := inner.Handle(ctx, r); err != nil {
		return err
	}
	line := l.buf.Bytes()
	if l.format == forPeople {
		line = append(bytes.TrimRight(line, " \n"), '\n')
	}
	_, err := l.out.Write(line)
	return err
}

// words is a record as one line of text, without its time and level.
func words(r slog.Record) string {
	var b strings.Builder
	h := slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: without(slog.TimeKey, slog.LevelKey, slog.MessageKey)})
	_ = h.Handle(context.Background(), r)
	return strings.TrimSpace(r.Message + " " + b.String())
}
