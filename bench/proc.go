package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the unit of /proc/stat, USER_HZ, which is 100 on every
// architecture that Go runs on.
const ticksPerSecond = 100

// parseSchedstat reads the time spent on a CPU (user and system) from the text
// of a task's schedstat: its first number, in nanoseconds.
func parseSchedstat(text []byte) (time.Duration, error) {
	fields := bytes.Fields(text)
	if len(fields) != 3 {
		return 0, fmt.Errorf("schedstat: %q", text)
	}
	ns, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("schedstat: %w", err)
	}
	return time.Duration(ns), nil
}

// A memory is what a process holds in RAM, in bytes.
type memory struct {
	RSS  int64 // everything, mapped files included
	Anon int64 // its own pages
}

// parseStatus reads VmRSS and RssAnon from the text of /proc/PID/status.
func parseStatus(text []byte) (memory, error) {
	var m memory
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		var to *int64
		switch name {
		case "VmRSS":
			to = &m.RSS
		case "RssAnon":
			to = &m.Anon
		default:
			continue
		}
		kB, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			return memory{}, fmt.Errorf("status: %s: %w", name, err)
		}
		*to = kB << 10
	}
	if m.RSS == 0 {
		return memory{}, fmt.Errorf("status: no VmRSS")
	}
	return m, nil
}

// parseBusy reads from the text of /proc/stat how long all CPUs together have
// been busy: everything but idle and waiting for disks. Stolen time counts,
// because it was missing here.
func parseBusy(text []byte) (time.Duration, error) {
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("stat: %q", line)
	}
	var ticks int64
	for i, field := range fields[1:9] { // user nice system idle iowait irq softirq steal
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("stat: %w", err)
		}
		if i != 3 && i != 4 {
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// children are the processes that a process has started and that still run.
func children(pid int) ([]int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, field := range strings.Fields(string(text)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("children: %w", err)
		}
		pids = append(pids, child)
	}
	return pids, nil
}
