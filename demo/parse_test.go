package demo

import (
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestPercentilesAreNearestRanks(t *testing.T) {
	hundred := make([]uint32, 100)
	for i := range hundred {
		hundred[i] = uint32(i + 1)
	}
	for _, c := range []struct {
		values []uint32
		p      int
		want   uint32
	}{
		{nil, 50, 0},
		{[]uint32{7}, 1, 7},
		{[]uint32{7}, 99, 7},
		{[]uint32{1, 2}, 50, 1},
		{[]uint32{1, 2, 3}, 50, 2},
		{hundred, 50, 50},
		{hundred, 99, 99},
		{hundred, 100, 100},
	} {
		if got := percentile(c.values, c.p); got != c.want {
			t.Errorf("p%d of %d values: got %d, want %d", c.p, len(c.values), got, c.want)
		}
	}
}

func TestATransactionLogTellsTheScriptsApart(t *testing.T) {
	var o outcome
	log := "0 1 1500 0 1700000000 1\n1 1 900 1 1700000000 2\n0 2 700 0 1700000001 3\n"
	if err := o.addLog(strings.NewReader(log)); err != nil {
		t.Fatal(err)
	}
	want := outcome{writes: 2, checks: 1, latencies: []uint32{1500, 900, 700}}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("got %+v, want %+v", o, want)
	}
}

func TestABrokenTransactionLogIsAnError(t *testing.T) {
	for _, log := range []string{"0 1 1500 0 1700000000\n", "0 1 failed 0 1700000000 1\n", "0 1 -4 0 1700000000 1\n"} {
		if err := new(outcome).addLog(strings.NewReader(log)); err == nil {
			t.Errorf("%q was accepted", log)
		}
	}
}

func TestAReportGivesTheTotals(t *testing.T) {
	var o outcome
	o.addReport("number of transactions actually processed: 4321\nnumber of failed transactions: 0 (0.000%)\ntps = 432.5 (without initial connection time)\n")
	if o.transactions != 4321 || o.tps != 432.5 || len(o.errors) != 0 {
		t.Errorf("got %+v", o)
	}
}

func TestAReportWithFailuresOrWithoutTotalsIsAnError(t *testing.T) {
	for _, report := range []string{
		"",
		"number of transactions actually processed: 10\nnumber of failed transactions: 3 (30.000%)\ntps = 1.0 (without)\n",
	} {
		var o outcome
		if o.addReport(report); len(o.errors) != 1 {
			t.Errorf("%q: errors %q", report, o.errors)
		}
	}
}

func TestFewerLoggedTransactionsThanReportedAreAnError(t *testing.T) {
	o := outcome{transactions: 1}
	if o.addLogs("no-such-log"); len(o.errors) != 1 {
		t.Errorf("errors %q", o.errors)
	}
}

func TestMessagesAreTakenApartWhereverTheyAreCut(t *testing.T) {
	const text = "pgbench (15.20)\n" +
		"progress: 1.0 s, 250.5 tps, lat 3.250 ms stddev 1.000, 0 failed\n" +
		"pgbench: error: client 1 script 1 aborted in command 1 query 0: ERROR:  invalid input syntax for type integer: \"foreign rows: 7\"\n"
	for cut := range len(text) {
		m := &messages{tenant: "acme", meter: newMeter(io.Discard, "", load{}, nil)}
		for _, part := range []string{text[:cut], text[cut:]} {
			if n, err := m.Write([]byte(part)); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
		}
		if got := m.meter.rates["acme"]; got != (rate{250.5, 3.25}) {
			t.Errorf("cut at %d: progress %v", cut, got)
		}
		if len(m.errors) != 1 || m.foreign != 7 || m.meter.failures != 1 {
			t.Errorf("cut at %d: %d errors, %d foreign rows", cut, len(m.errors), m.foreign)
		}
	}
}

func TestTheMeterAddsUpTenantsAndWeighsTheirLatencies(t *testing.T) {
	m := newMeter(io.Discard, "", load{}, nil)
	m.progress("acme", 100, 2)
	m.progress("globex", 1, 1)
	m.progress("globex", 300, 4)
	if got := m.sum(); got != (rate{400, 3.5}) {
		t.Errorf("got %v", got)
	}
}

func TestALiveLineIsOverwrittenOnATerminalOnly(t *testing.T) {
	for terminal, want := range map[bool]string{true: "\r%\x1b[K\r%\x1b[K\n", false: "%\n%\n"} {
		var out strings.Builder
		m := newMeter(&out, "tenantpool", load{"simple", 8, 1}, nil)
		m.terminal = terminal
		m.print("1/8 s", rate{1234, 5}, false)
		m.print("1/8 s", rate{1234, 5}, true)
		line := "tenantpool simple     1/8 s    1,234 tps    5.00 ms  0 errors"
		if got := strings.ReplaceAll(out.String(), line, "%"); got != want {
			t.Errorf("terminal %v: got %q", terminal, got)
		}
	}
}

func TestSwitchesAreTheLastFiguresOfEachTenant(t *testing.T) {
	log := `time=1 level=INFO msg=stats tenant=acme transactions=10 switches=3
time=1 level=INFO msg=ready switches=9
time=2 level=INFO msg="stats" tenant=acme transactions=20 switches=5
`
	results := []*result{{tenant: "acme", switches: "-"}, {tenant: "globex", switches: "-"}}
	if found := addSwitches(log, results); found != 1 || results[0].switches != "5" || results[1].switches != "-" {
		t.Errorf("found %d: %q, %q", found, results[0].switches, results[1].switches)
	}
}

func TestThousandsAreGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: got %s", n, got)
		}
	}
}

func TestTheRateOfAllIsByTheWallClock(t *testing.T) {
	all := together{
		runs:    []outcome{{tps: 9, latencies: []uint32{1000, 2000}}, {tps: 9, latencies: []uint32{6000}}, {}},
		elapsed: 2 * time.Second,
	}
	if got := all.rate(); got != (rate{tps: 1.5, latency: 3}) {
		t.Errorf("rate %v", got)
	}
	if got := new(together).rate(); got != (rate{}) {
		t.Errorf("rate of nothing %v", got)
	}
}
