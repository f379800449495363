package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// A Txn is one transaction that pgbench ran.
type Txn struct {
	End     time.Time
	Latency time.Duration
}

// parseTxn reads a line of pgbench's transaction log:
// client_id transaction_no time script_no time_epoch time_us, the third and
// the last in microseconds.
func parseTxn(line []byte) (Txn, error) {
	fields := bytes.Fields(line)
	if len(fields) < 6 {
		return Txn{}, fmt.Errorf("transaction log: short line %q", line)
	}
	latency, err := parseInt(fields[2])
	if err != nil {
		return Txn{}, fmt.Errorf("transaction log: %q: %w", line, err)
	}
	seconds, err := parseInt(fields[4])
	if err != nil {
		return Txn{}, fmt.Errorf("transaction log: %q: %w", line, err)
	}
	micros, err := parseInt(fields[5])
	if err != nil {
		return Txn{}, fmt.Errorf("transaction log: %q: %w", line, err)
	}
	end := time.Unix(seconds, micros*int64(time.Microsecond))
	return Txn{End: end, Latency: time.Duration(latency) * time.Microsecond}, nil
}

func parseInt(text []byte) (int64, error) { return strconv.ParseInt(string(text), 10, 64) }

// parseLog appends the transactions of one log file.
func parseLog(txns []Txn, r io.Reader) ([]Txn, error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		txn, err := parseTxn(lines.Bytes())
		if err != nil {
			return nil, err
		}
		txns = append(txns, txn)
	}
	return txns, lines.Err()
}

// readLogs reads and removes the log files of one run of pgbench, one for each
// of its threads.
func readLogs(prefix string) ([]Txn, error) {
	paths, err := filepath.Glob(prefix + ".*")
	if err != nil {
		return nil, err
	}
	var txns []Txn
	for _, path := range paths {
		if txns, err = readLog(txns, path); err != nil {
			return nil, err
		}
	}
	return txns, nil
}

func readLog(txns []Txn, path string) ([]Txn, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if txns, err = parseLog(txns, f); err != nil {
		return nil, err
	}
	return txns, os.Remove(path)
}
