package proxy

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTimersOfOneKindRunOutInTheOrderTheyWereSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ts timers
		ts.last[waitTimer], ts.last[idleTxTimer] = 10*time.Second, time.Minute
		var a, b, c timer
		ts.set(&a, waitTimer, clock())
		time.Sleep(time.Second)
		ts.set(&b, waitTimer, clock())
		ts.set(&c, idleTxTimer, clock())
		if ts.first[waitTimer] != &a || ts.tail[waitTimer] != &b {
			t.Fatal("not in order")
		}
		if ms := ts.wait(); ms != 9001 {
			t.Errorf("sleeps for %d ms with 9 s to go", ms)
		}
		ts.set(&a, waitTimer, clock()) // anew: now behind b
		if ts.first[waitTimer] != &b || ts.tail[waitTimer] != &a {
			t.Error("a timer set anew keeps its place")
		}
		ts.stop(&b)
		ts.stop(&a)
		if ms := ts.wait(); ms != 60001 {
			t.Errorf("sleeps for %d ms with a minute to go", ms)
		}
		ts.stop(&c)
		if ms := ts.wait(); ms != -1 {
			t.Errorf("sleeps for %d ms with nothing to wait for", ms)
		}
	})
}

func TestATimerThatIsSwitchedOffIsNeverSet(t *testing.T) {
	var ts timers
	var a timer
	ts.set(&a, queryTimer, clock())
	if a.kind != noTimer || ts.wait() != -1 {
		t.Error("it is set")
	}
	ts.stop(&a) // and stopping it again is harmless
}
