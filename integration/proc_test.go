package integration

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// raiseFileLimit lets this process open as many files as the system allows it.
func raiseFileLimit() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
}

// fileLimit is how many files this process may open.
func fileLimit(t testing.TB) int {
	t.Helper()
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	return int(min(limit.Cur, 1<<30))
}

// rss is the resident memory of a process in bytes, to the page.
func rss(t testing.TB, pid int) int {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	must(t, err)
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "Rss:"); ok {
			var kB int
			_, err := fmt.Sscanf(rest, "%d kB", &kB)
			must(t, err)
			return kB << 10
		}
	}
	t.Fatalf("process %d: no Rss in smaps_rollup", pid)
	return 0
}
