package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// sink takes what is logged, from any goroutine.
type sink struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *sink) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Split(strings.TrimSuffix(s.text.String(), "\n"), "\n")
}

func logged(format string, log func(*Log)) []string {
	var out sink
	l := New(Options{Level: "info", Format: format}, &out)
	log(l)
	l.Close()
	return out.lines()
}

func TestEachFormatSaysTheSameInItsOwnWay(t *testing.T) {
	warn := func(l *Log) { l.Warn("connect failed", "cluster", "main", "error", errors.New("no \"route\"\n")) }
	for format, want := range map[string]string{
		"text":    `^\d\d:\d\d:\d\d\.\d{3} WARN  connect failed  cluster=main error="no \\"route\\"\\n"$`,
		"logfmt":  `^time=\d{4}-\d\d-\d\dT\S+ level=WARN msg="connect failed" cluster=main error="no \\"route\\"\\n"$`,
		"journal": `^<4>level=WARN msg="connect failed" cluster=main error="no \\"route\\"\\n"$`,
	} {
		if lines := logged(format, warn); len(lines) != 1 || !regexp.MustCompile(want).MatchString(lines[0]) {
			t.Errorf("%s: %q does not match %s", format, lines, want)
		}
	}
	var object struct{ Level, Msg, Cluster, Error string }
	if err := json.Unmarshal([]byte(logged("json", warn)[0]), &object); err != nil || object.Msg != "connect failed" || object.Error != "no \"route\"\n" {
		t.Errorf("json: %+v, %v", object, err)
	}
	if lines := logged("text", func(l *Log) { l.Info("stopped") }); !strings.HasSuffix(lines[0], "INFO  stopped") {
		t.Errorf("a line without more: %q", lines[0])
	}
}

func TestLevelsAreThePrioritiesOfTheJournal(t *testing.T) {
	lines := logged("journal", func(l *Log) {
		_ = l.SetLevel("debug")
		l.Debug("a")
		l.Info("b")
		l.Warn("c")
		l.Error("d")
	})
	for i, want := range []string{"<7>", "<6>", "<4>", "<3>"} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("%q has not priority %s", lines[i], want)
		}
	}
}

func TestTheJournalIsKnownByTheFileThatSystemdNames(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	t.Setenv("JOURNAL_STREAM", fmt.Sprintf("%d:%d", st.Dev, st.Ino))
	if got := formatFor("auto", f); got != forJournal {
		t.Errorf("the journal is written as %s", got)
	}
	if got := formatFor("json", f); got != asJSON {
		t.Errorf("who asks for json gets %s", got)
	}
	t.Setenv("JOURNAL_STREAM", fmt.Sprintf("%d:%d", st.Dev, st.Ino+1))
	if got := formatFor("auto", f); got != logfmt {
		t.Errorf("another file is written as %s", got)
	}
}

func TestALevelChangesWhileTheLogIsInUse(t *testing.T) {
	lines := logged("logfmt", func(l *Log) {
		l.Debug("unseen")
		if err := l.SetLevel("debug"); err != nil || l.Level() != slog.LevelDebug {
			t.Errorf("level %v, %v", l.Level(), err)
		}
		l.Debug("seen")
		if err := l.SetLevel("loud"); err == nil || l.Level() != slog.LevelDebug {
			t.Errorf("a level that there is not: %v, level %v", err, l.Level())
		}
		_ = l.SetLevel("error")
		l.Warn("unseen")
	})
	if len(lines) != 1 || !strings.Contains(lines[0], "msg=seen") {
		t.Errorf("logged %q", lines)
	}
}

func TestWhatRepeatsIsToldOnceWithItsNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out sink
		l := New(Options{Level: "info", Format: "logfmt"}, &out)
		for i := range 417 {
			l.Warn("connect failed", "cluster", "main", "server", i)
		}
		l.Warn("connect failed", "cluster", "other")
		if n := len(out.lines()); n != alikeShown+1 {
			t.Errorf("%d lines at first, not %d", n, alikeShown+1)
		}
		time.Sleep(window + time.Second)
		synctest.Wait()
		lines := out.lines()
		if len(lines) != alikeShown+2 || !strings.HasSuffix(lines[alikeShown+1], "cluster=main server=416 repeated=412") {
			t.Errorf("in the end %q", lines)
		}
		l.Warn("connect failed", "cluster", "main")
		if n := len(out.lines()); n != alikeShown+3 {
			t.Errorf("a new window hides its first line: %q", out.lines())
		}
		l.Close()
	})
}

func TestStrangersWithManyNamesDoNotFillTheLog(t *testing.T) {
	lines := logged("logfmt", func(l *Log) {
		for i := range 10 * clientShown {
			l.Info("authentication failed", "client", fmt.Sprintf("10.0.0.1:%d", i), "user", fmt.Sprintf("user%d", i))
		}
		if n := len(l.runs.all); n > maxRuns {
			t.Errorf("%d runs are remembered", n)
		}
		for i := range 2 * clientShown {
			l.Info("stats", "tenant", i)
		}
	})
	told, own := 0, 0
	for _, line := range lines {
		if strings.Contains(line, "msg=stats") {
			own++
		} else {
			told++
		}
	}
	if told > 2*clientShown || own != 2*clientShown {
		t.Errorf("%d lines about strangers, %d of our own", told, own)
	}
	if !strings.Contains(strings.Join(lines, "\n"), "repeated=") {
		t.Error("how many were left out is not told")
	}
}

func TestWhatIsHiddenWhenTheLogClosesIsTold(t *testing.T) {
	lines := logged("logfmt", func(l *Log) {
		for range 9 {
			l.Error("lost proof")
		}
	})
	if len(lines) != alikeShown+1 || !strings.HasSuffix(lines[alikeShown], "repeated=4") {
		t.Errorf("logged %q", lines)
	}
}

func TestTheLastEventsAreRemembered(t *testing.T) {
	var out sink
	l := New(Options{Level: "debug", Format: "logfmt", Plain: []string{"stats"}}, &out)
	for i := range maxRecent + 10 {
		l.Info("connected", "server", i, "tenant", i)
	}
	l.Debug("of no interest")
	l.Info("stats", "tenant", "acme")
	l.Warn("schema missing", "tenant", "acme")
	all := l.Recent()
	if len(all) != maxRecent {
		t.Fatalf("%d events, not %d", len(all), maxRecent)
	}
	last := all[len(all)-1]
	if last.Level != "warn" || last.Text != "schema missing tenant=acme" || all[0].Text != "connected server=11 tenant=11" {
		t.Errorf("from %+v to %+v", all[0], last)
	}
}
