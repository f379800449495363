package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAPartReplacesItsOwnSectionOnly(t *testing.T) {
	const others = "# Results\n\n## Medians\n\n| a |\n\n## What an idle client weighs\n\n1 byte\n"
	path := filepath.Join(t.TempDir(), "results.md")
	p := part{title: parts[0].title}
	if err := os.WriteFile(path, []byte(others), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, figure := range []string{"1 µs", "2 µs"} {
		if err := p.publish(path, p.title+"\n\n"+figure+"\n"); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if want := others + "\n" + p.title + "\n\n" + figure + "\n"; err != nil || string(text) != want {
			t.Errorf("%q, %v, want %q", text, err, want)
		}
	}
	if kept := ofParts(others); len(kept) != 1 || !strings.Contains(kept[0], "1 byte") {
		t.Errorf("a whole run would keep %q", kept)
	}
}

func TestSwitchingIsChosenByItsNameToo(t *testing.T) {
	for text, others := range map[string]bool{"switch": false, "": true, "200": true} {
		found, err := selectScenarios(text)
		if err != nil || others != (len(found) > 0) {
			t.Errorf("%q: %d scenarios, %v", text, len(found), err)
		}
	}
}

func TestEveryLendingIsComparedWithTheSameSession(t *testing.T) {
	for _, l := range lendings {
		if than := lendings[l.than]; !l.one && (!than.one || than.sql != l.sql) {
			t.Errorf("%s is compared with %s", l.about, than.about)
		}
	}
	costs := make([]cost, len(lendings))
	if got := strings.Count(lendingTable(costs), "\n"); got != len(lendings)+2 {
		t.Errorf("%d lines in the table", got)
	}
}

// A tap counts how often the pooler speaks after the server has, not how much.
func TestATapCountsRoundTrips(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	tap, err := openTap(echo.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer tap.listener.Close()
	for startup, want := range map[string]int64{"application_name\x00tenantpool\x00": 3, "application_name\x00tenantpool control\x00": 0} {
		before := tap.trips.Load()
		c, err := net.Dial("tcp", tap.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		for _, say := range []string{startup, "one", "two and some more", "three"} {
			if _, err := io.WriteString(c, say); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, make([]byte, len(say))); err != nil {
				t.Fatal(err)
			}
		}
		c.Close()
		if got := tap.trips.Load() - before; got != want {
			t.Errorf("%q: %d round trips, want %d", startup, got, want)
		}
	}
}
