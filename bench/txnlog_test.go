package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestALogLineGivesItsEndAndLatency(t *testing.T) {
	want := Txn{End: time.Unix(1700000000, 25_000), Latency: 1234 * time.Microsecond}
	for _, line := range []string{"3 17 1234 0 1700000000 25", "3 17 1234 0 1700000000 25 99", "3 17 1234 0 1700000000 25 99 0"} {
		if got, err := parseTxn([]byte(line)); err != nil || !got.End.Equal(want.End) || got.Latency != want.Latency {
			t.Errorf("%q: %v, %v", line, got, err)
		}
	}
}

func TestALogLineThatSaysNothingIsRefused(t *testing.T) {
	lines := []string{"", "3 17 1234 0 1700000000", "3 17 failed 0 1700000000 25", "3 17 skipped 0 1700000000 25", "3 17 1 0 x 25", "3 17 1 0 1 x"}
	for _, line := range lines {
		if got, err := parseTxn([]byte(line)); err == nil {
			t.Errorf("%q was read as %v", line, got)
		}
	}
}

func TestOneBadLineSpoilsTheLog(t *testing.T) {
	txns, err := parseLog(nil, strings.NewReader("0 1 5 0 100 1\n0 2 6 0 100 2\n"))
	if err != nil || len(txns) != 2 {
		t.Errorf("%v, %v", txns, err)
	}
	if txns, err := parseLog(nil, strings.NewReader("0 1 5 0 100 1\n0 2 6\n")); err == nil {
		t.Errorf("read as %v", txns)
	}
}

func TestTheLogsOfAllThreadsAreReadOnce(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"txn.12": "0 1 5 0 100 1\n", "txn.12.1": "1 1 7 0 100 2\n", "other": "no log\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	txns, err := readLogs(filepath.Join(dir, "txn"))
	latencies := latenciesWithin(txns, time.Unix(0, 0), time.Unix(200, 0))
	if err != nil || !slices.Equal(latencies, []time.Duration{5 * time.Microsecond, 7 * time.Microsecond}) {
		t.Errorf("%v, %v", latencies, err)
	}
	if again, err := readLogs(filepath.Join(dir, "txn")); err != nil || len(again) != 0 {
		t.Errorf("read again: %v, %v", again, err)
	}
}
