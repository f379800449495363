package integration

import (
	"bytes"
	"regexp"
	"sync"
	"testing"
	"time"
)

// logBuffer takes what a program logs and lets a test wait for a line of it.
type logBuffer struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{} // closed when text has grown
}

func newLogBuffer() *logBuffer { return &logBuffer{grown: make(chan struct{})} }

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.grown)
	b.grown = make(chan struct{})
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// tail is the end of the log, enough of it to see what went wrong.
func (b *logBuffer) tail() string {
	text := b.String()
	return text[max(0, len(text)-20<<10):]
}

// await waits for a line that matches and returns the matching part.
func (b *logBuffer) await(t testing.TB, line *regexp.Regexp) string {
	t.Helper()
	return b.awaitNth(t, line, 1)
}

// awaitNth waits for the nth line that matches.
func (b *logBuffer) awaitNth(t testing.TB, line *regexp.Regexp, nth int) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		b.mu.Lock()
		found, grown := line.FindAllString(b.text.String(), nth), b.grown
		b.mu.Unlock()
		if len(found) == nth {
			return found[nth-1]
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("waited in vain for a log line %q in:\n%s", line, b.tail())
		}
	}
}
