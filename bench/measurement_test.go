package main

import (
	"testing"
	"time"
)

var epoch = time.Unix(1700000000, 0)

func at(d time.Duration) time.Time { return epoch.Add(d) }

// steadyLoad is 100 transactions a second for three seconds, the n-th of each
// second taking n milliseconds.
func steadyLoad() []Txn {
	var txns []Txn
	for i := range 300 {
		txns = append(txns, Txn{at(time.Duration(i+1) * 10 * time.Millisecond), time.Duration(i%100+1) * time.Millisecond})
	}
	return txns
}

// steadySamples are taken each half second from before the load to after it.
func steadySamples() []Sample {
	var samples []Sample
	for i := range 9 {
		used := time.Duration(i) * time.Millisecond
		samples = append(samples, Sample{
			At: at(time.Duration(i-1) * time.Second / 2), Pooler: 5 * used, Server: 10 * used, Load: 20 * used, Busy: 35 * used,
			Memory: memory{RSS: int64(i+1) << 20, Anon: 1 << 20},
		})
	}
	return samples
}

func TestTheWindowLeavesOutTheWarmUpAndTheEdges(t *testing.T) {
	m, err := measure(steadyLoad(), steadySamples(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	// The first transaction ends at 10 ms and the last at 3 s, so samples count from 1.01 s to 3 s.
	if m.Window != 1500*time.Millisecond || m.Txns != 150 || m.TPS != 100 {
		t.Errorf("%v, %d transactions, %v tps", m.Window, m.Txns, m.TPS)
	}
	if m.CPU != 100*time.Microsecond || m.ServerCPU != 200*time.Microsecond || m.AllCPU != 700*time.Microsecond {
		t.Errorf("per transaction: pooler %v, server %v, all %v", m.CPU, m.ServerCPU, m.AllCPU)
	}
	if m.Memory != (memory{RSS: 8 << 20, Anon: 1 << 20}) {
		t.Errorf("the highest memory within: %v", m.Memory)
	}
	if m.P50 != 63*time.Millisecond || m.P99 != 100*time.Millisecond {
		t.Errorf("p50 %v, p99 %v", m.P50, m.P99)
	}
	if m.Noise != 0 {
		t.Errorf("noise: %v", m.Noise)
	}
}

func TestTheOrderOfTheLogDoesNotMatter(t *testing.T) {
	txns := steadyLoad()
	want, err := measure(txns, steadySamples(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	txns[0], txns[299], txns[7] = txns[299], txns[7], txns[0]
	if got, err := measure(txns, steadySamples(), time.Second); err != nil || got != want {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

func TestWhatNobodyOfUsUsedIsNoise(t *testing.T) {
	samples := steadySamples()
	for i := range samples {
		samples[i].Busy += time.Duration(i) * 100 * time.Millisecond
	}
	quiet, err := measure(steadyLoad(), steadySamples(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if noisy, err := measure(steadyLoad(), samples, time.Second); err != nil || noisy.Noise <= quiet.Noise {
		t.Errorf("noise %v, %v; without it %v", noisy.Noise, err, quiet.Noise)
	}
}

func TestTooShortARunGivesNoFigures(t *testing.T) {
	samples := steadySamples()
	for name, txns := range map[string][]Txn{
		"no transaction":     nil,
		"one transaction":    steadyLoad()[:1],
		"only warm-up":       steadyLoad()[:120],
		"none in the window": {steadyLoad()[0], {at(5 * time.Second), time.Millisecond}},
	} {
		if m, err := measure(txns, samples, time.Second); err == nil {
			t.Errorf("%s: %v", name, m)
		}
	}
}
