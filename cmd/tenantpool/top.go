package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"
)

// topOrders are what the tenants may be sorted by, each by key s.
var topOrders = []string{"wait", "tps", "clients", "errors", "name"}

// top is the live table while it is shown.
type top struct {
	o      *operator
	order  int
	before map[string]record // of the tenants, at the last look
	at     time.Time
}

// tenantLine is one tenant with its rates since the last look.
type tenantLine struct {
	record
	tps, qps, errors, received, sent float64
}

// runTop shows tenants and pools in the terminal, over and over. Where there is no terminal, it shows
// them once.
func runTop(args []string, stdout, stderr io.Writer) int {
	f := newConsoleFlags("top", stderr)
	every := f.Duration("every", 2*time.Second, "how often to look")
	once := f.Bool("once", false, "look twice and leave")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	o, err := f.connect(context.Background())
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	defer o.close()
	t := &top{o: o}
	if file, ok := stdout.(*os.File); ok && !*once && term.IsTerminal(int(file.Fd())) && term.IsTerminal(int(os.Stdin.Fd())) {
		err = t.live(file, *every)
	} else {
		err = t.twice(stdout, *every)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	return 0
}

// twice takes two looks and shows what they tell.
func (t *top) twice(out io.Writer, every time.Duration) error {
	if _, err := t.look(); err != nil {
		return err
	}
	time.Sleep(every)
	lines, err := t.look()
	if err == nil {
		_, err = io.WriteString(out, strings.Join(lines, "\n")+"\n")
	}
	return err
}

// live shows the table until q is pressed.
func (t *top) live(out *os.File, every time.Duration) error {
	old, err := term.MakeRaw(int(os.Stdin.Fd()))
	if err != nil {
		return err
	}
	fmt.Fprint(out, "\x1b[?1049h\x1b[?25l")
	defer func() {
		fmt.Fprint(out, "\x1b[?25h\x1b[?1049l")
		_ = term.Restore(int(os.Stdin.Fd()), old)
	}()
	keys := make(chan byte)
	go func() {
		defer close(keys)
		key := make([]byte, 1)
		for {
			if n, err := os.Stdin.Read(key); n == 0 || err != nil {
				return
			}
			keys <- key[0]
		}
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		lines, err := t.look()
		if err != nil {
			return err
		}
		paint(out, lines)
		select {
		case <-tick.C:
		case key, ok := <-keys:
			switch {
			case !ok || key == 'q' || key == 'Q' || key == 3:
				return nil
			case key == 's' || key == 'S':
				t.order = (t.order + 1) % len(topOrders)
			}
		}
	}
}

// paint writes lines over what the terminal shows, cut to its size.
func paint(out *os.File, lines []string) {
	width, height, err := term.GetSize(int(out.Fd()))
	if err != nil || width <= 0 {
		width, height = 80, 24
	}
	var b strings.Builder
	b.WriteString("\x1b[H")
	for _, line := range lines[:min(len(lines), height-1)] {
		if len(line) > width {
			line = strings.ToValidUTF8(line[:width], "")
		}
		b.WriteString(line + "\x1b[K\r\n")
	}
	b.WriteString("\x1b[J")
	fmt.Fprint(out, b.String())
}

// look asks the console and makes the lines to show.
func (t *top) look() ([]string, error) {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	tenants, err := t.o.ask(ctx, "SHOW TENANTS")
	if err != nil {
		return nil, err
	}
	pools, err := t.o.ask(ctx, "SHOW POOLS")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	lines := []string{fmt.Sprintf("tenantpool %s  %d tenants  sorted by %s  (s: sort, q: quit)", now.Format(time.TimeOnly), len(tenants), topOrders[t.order]), "",
		fmt.Sprintf("%-24s %-9s %7s %6s %7s %9s %8s %8s %9s %7s %9s %9s", "TENANT", "STATE", "CLIENTS", "ACTIVE", "WAITING", "MAXWAIT", "TPS", "QPS", "AVG QUERY", "ERR/S", "IN KB/S", "OUT KB/S")}
	for _, l := range t.measure(tenants, now) {
		lines = append(lines, fmt.Sprintf("%-24.24s %-9s %7s %6s %7s %9s %8.1f %8.1f %9s %7.1f %9.1f %9.1f", l.record["name"], l.record["state"], l.record["clients"],
			l.record["active"], l.record["waiting"], micros(l.number("maxwait_us")), l.tps, l.qps, micros(l.number("avg_query_us")), l.errors, l.received/1024, l.sent/1024))
	}
	lines = append(lines, "", fmt.Sprintf("%-24s %7s %6s %6s %7s %9s  %s", "DATABASE", "SERVERS", "ACTIVE", "IDLE", "WAITING", "MAXWAIT", "PROBLEM"))
	for _, p := range pools {
		lines = append(lines, fmt.Sprintf("%-24.24s %7d %6s %6s %7s %9s  %s", p["database"], p.number("sv_active")+p.number("sv_idle")+p.number("sv_login"),
			p["sv_active"], p["sv_idle"], p["cl_waiting"], micros(p.number("maxwait")*1e6+p.number("maxwait_us")), p["problem"]))
	}
	return lines, nil
}

func micros(n int64) string {
	return (time.Duration(n) * time.Microsecond).Round(100 * time.Microsecond).String()
}

// measure makes rates of what has been counted since the last look, and sorts.
func (t *top) measure(tenants []record, now time.Time) []tenantLine {
	took := max(now.Sub(t.at).Seconds(), 0.001)
	lines := make([]tenantLine, len(tenants))
	seen := make(map[string]record, len(tenants))
	for i, r := range tenants {
		seen[r["name"]] = r
		lines[i] = tenantLine{record: r}
		if old, ok := t.before[r["name"]]; ok {
			rate := func(column string) float64 { return float64(r.number(column)-old.number(column)) / took }
			lines[i] = tenantLine{r, rate("xact_count"), rate("query_count"), rate("errors"), rate("bytes_received"), rate("bytes_sent")}
		}
	}
	t.before, t.at = seen, now
	slices.SortStableFunc(lines, func(a, b tenantLine) int {
		switch topOrders[t.order] {
		case "wait":
			return cmp.Or(cmp.Compare(b.number("maxwait_us"), a.number("maxwait_us")), cmp.Compare(b.tps, a.tps))
		case "tps":
			return cmp.Compare(b.tps, a.tps)
		case "clients":
			return cmp.Compare(b.number("clients"), a.number("clients"))
		case "errors":
			return cmp.Compare(b.errors, a.errors)
		}
		return cmp.Compare(a.record["name"], b.record["name"])
	})
	return lines
}
