package demo

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// meter sums up what the pgbench of every tenant reports each second, in one line.
type meter struct {
	out      io.Writer
	terminal bool
	name     string
	load     load
	watch    *watch // nil: nobody counts the server connections

	mu       sync.Mutex
	rates    map[string]rate // the last report of each tenant
	failures int
}

type rate struct{ tps, latency float64 }

func newMeter(out io.Writer, name string, l load, w *watch) *meter {
	return &meter{out: out, terminal: isTerminal(out), name: name, load: l, watch: w, rates: map[string]rate{}}
}

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// progress takes one tenant's last second: transactions per second and their latency in ms.
func (m *meter) progress(tenant string, tps, latency float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rates[tenant] = rate{tps, latency}
}

func (m *meter) failure() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failures++
}

// during calls f and shows the progress each second until it returns.
func (m *meter) during(f func() error) error {
	end := make(chan struct{})
	var shown sync.WaitGroup
	shown.Go(func() { m.show(end) })
	err := f()
	close(end)
	shown.Wait()
	return err
}

func (m *meter) show(end <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for second := 1; ; second++ {
		select {
		case <-end:
			return
		case <-tick.C:
			if sum := m.sum(); sum.tps > 0 { // before the first reports there is nothing to show
				m.print(fmt.Sprintf("%d/%d s", min(second, m.load.seconds), m.load.seconds), sum, false)
			}
		}
	}
}

// sum adds up the tenants; the latency is the mean over their transactions.
func (m *meter) sum() rate {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all rate
	for _, r := range m.rates {
		all.tps += r.tps
		all.latency += r.tps * r.latency
	}
	if all.tps > 0 {
		all.latency /= all.tps
	}
	return all
}

// final replaces the progress by the result.
func (m *meter) final(r rate) { m.print(fmt.Sprintf("%d s", m.load.seconds), r, true) }

// print writes one line: over the last one on a terminal, below it elsewhere.
func (m *meter) print(when string, r rate, last bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	line := fmt.Sprintf("%-10s %-8s %7s  %7s tps  %6.2f ms", m.name, m.load.protocol, when, thousands(int(r.tps)), r.latency)
	if m.watch != nil {
		line += fmt.Sprintf("  %d servers", m.watch.now())
	}
	line += fmt.Sprintf("  %d errors", m.failures)
	switch {
	case !m.terminal:
		fmt.Fprintln(m.out, line)
	case last:
		fmt.Fprintf(m.out, "\r%s\x1b[K\n", line)
	default:
		fmt.Fprintf(m.out, "\r%s\x1b[K", line)
	}
}
