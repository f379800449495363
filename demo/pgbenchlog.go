package demo

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// addLogs takes latencies and scripts from pgbench's transaction logs, a file for each thread.
func (o *outcome) addLogs(prefix string) {
	files, _ := filepath.Glob(prefix + ".*") // the prefix holds no pattern characters
	for _, file := range files {
		if err := o.addLogFile(file); err != nil {
			o.errors = append(o.errors, err.Error())
		}
	}
	if o.writes+o.checks != o.transactions {
		o.errors = append(o.errors, fmt.Sprintf("pgbench reports %d transactions and logs %d", o.transactions, o.writes+o.checks))
	}
}

// addLog reads lines of "client transaction latency script second microsecond".
func (o *outcome) addLog(r io.Reader) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 6 {
			return fmt.Errorf("a line of pgbench's log has %d fields: %q", len(f), lines.Text())
		}
		latency, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			return fmt.Errorf("pgbench's log: %w", err)
		}
		o.latencies = append(o.latencies, uint32(latency))
		if f[3] == "0" {
			o.writes++
		} else {
			o.checks++
		}
	}
	return lines.Err()
}

func (o *outcome) addLogFile(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return o.addLog(f)
}
