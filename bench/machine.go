package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// describe says where, when, with what and how the results were measured.
func describe(ctx context.Context, lab *Lab, contenders []Contender, load string) string {
	rows := [][2]string{
		{"date", time.Now().UTC().Format("2006-01-02 15:04 MST")},
		{"machine", fmt.Sprintf("%s, %d CPUs, %s, %s", cpuModel(), runtime.NumCPU(), totalMemory(), runtime.GOARCH)},
		{"system", fmt.Sprintf("%s, Linux %s", systemName(), firstLine("/proc/sys/kernel/osrelease"))},
		{"load before", load + " (1, 5, 15 minutes)"},
		{"server", "PostgreSQL " + lab.server.Binaries.Release},
		{"load generator", firstOutput(ctx, lab.pgbench, "--version") + fmt.Sprintf(", -j %d", threads)},
	}
	for _, c := range contenders {
		rows = append(rows, [2]string{c.Name(), c.Version()})
	}
	rows = append(rows,
		[2]string{"compiler", runtime.Version()},
		[2]string{"revision", firstOutput(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12")},
		[2]string{"run", fmt.Sprintf("%d rounds of %d s after %s of warm-up, %d server connections, TCP on loopback, scale %d, TLS where a scenario names it",
			lab.options.Rounds, lab.options.Seconds, warmup, poolSize, scale)})
	var text strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&text, "* %s: %s\n", row[0], row[1])
	}
	return text.String()
}

func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // without it the model is unknown
	return or(valueOf(string(text), "model name", ":"), "unknown CPU")
}

func totalMemory() string {
	text, _ := os.ReadFile("/proc/meminfo") // without it the size is unknown
	var kB int64
	if _, err := fmt.Sscanf(valueOf(string(text), "MemTotal", ":"), "%d kB", &kB); err != nil {
		return "unknown memory"
	}
	return fmt.Sprintf("%.0f GiB", float64(kB)/(1<<20))
}

func systemName() string {
	text, _ := os.ReadFile("/etc/os-release") // without it the name is unknown
	return or(strings.Trim(valueOf(string(text), "PRETTY_NAME", "="), `"`), "unknown system")
}

// valueOf finds the first line "name separator value" and returns the value,
// "" if there is none.
func valueOf(text, name, separator string) string {
	for line := range strings.Lines(text) {
		before, after, found := strings.Cut(line, separator)
		if found && strings.TrimSpace(before) == name {
			return strings.TrimSpace(after)
		}
	}
	return ""
}

// loadAverage is the machine's load; measure it before making some.
func loadAverage() string {
	fields := strings.Fields(firstLine("/proc/loadavg"))
	return strings.Join(fields[:min(3, len(fields))], " ")
}

func firstLine(path string) string {
	text, _ := os.ReadFile(path) // without it the line is empty
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

func firstOutput(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}
