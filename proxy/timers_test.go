package proxy

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheNextTimerIsTheOneThatRunsOutFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ts timers
		var a, b, c timer
		ts.set(&a, waitTimer, 10*time.Second, clock())
		time.Sleep(time.Second)
		ts.set(&b, waitTimer, 20*time.Second, clock())
		ts.set(&c, idleTxTimer, time.Minute, clock())
		for _, step := range []struct {
			do   func()
			wait int
		}{
			{func() {}, 9001},
			{func() { ts.set(&a, waitTimer, 30*time.Second, clock()) }, 20001}, // anew: now behind b
			{func() { ts.stop(&b) }, 30001},
			{func() { ts.stop(&a) }, 60001},
			{func() { ts.set(&c, queryTimer, time.Second, clock()) }, 1001},
			{func() { ts.stop(&c) }, -1},
			{func() { ts.stop(&c) }, -1},
		} {
			step.do()
			if ms := ts.wait(); ms != step.wait {
				t.Errorf("sleeps for %d ms, want %d", ms, step.wait)
			}
		}
	})
}

func TestATimerThatIsSwitchedOffIsNeverSet(t *testing.T) {
	var ts timers
	var a timer
	ts.set(&a, queryTimer, 0, clock())
	if a.kind != noTimer || ts.wait() != -1 {
		t.Error("it is set")
	}
	ts.set(&a, queryTimer, time.Second, clock())
	ts.set(&a, queryTimer, 0, clock())
	if a.kind != noTimer || ts.wait() != -1 {
		t.Error("it still runs")
	}
}

// Timers of all durations are set, set anew and stopped at random: those that
// are left run out in order, each once.
func TestTimersOfManyDurations(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var ts timers
	all := make([]timer, 200)
	for i := range 10_000 {
		at := &all[random.IntN(len(all))]
		if random.IntN(3) == 0 {
			ts.stop(at)
		} else {
			ts.set(at, waitTimer, time.Duration(1+random.IntN(1000)), int64(i))
		}
	}
	running := 0
	for i := range all {
		if all[i].kind != noTimer {
			running++
		}
	}
	last := int64(0)
	for ; len(ts.heap) > 0; running-- {
		first := ts.heap[0]
		if first.deadline < last || first.at != 0 {
			t.Fatal("out of order")
		}
		last = first.deadline
		ts.stop(first)
	}
	if running != 0 {
		t.Errorf("%d timers were lost", running)
	}
}

func BenchmarkTimers(b *testing.B) {
	var ts timers
	all := make([]timer, 1000)
	for i := 0; b.Loop(); i++ {
		ts.set(&all[i%len(all)], queryTimer, time.Minute, int64(i))
		ts.stop(&all[(i+len(all)/2)%len(all)])
	}
}
