package proxy

import (
	"testing"
	"time"
)

func TestAPaceLetsABurstPassAndThenItsRate(t *testing.T) {
	var p pace
	r := rate{perSecond: 100, burst: 5}
	now := int64(time.Hour)
	for i := range 20 {
		delay, ok := p.book(r, 1, now, time.Second)
		want := time.Duration(max(0, i-4)) * 10 * time.Millisecond
		if !ok || delay != want {
			t.Errorf("query %d waits for %v, want %v", i, delay, want)
		}
	}
	now += int64(time.Minute) // a pause is worth one burst, no more
	for i := range 6 {
		if delay, _ := p.book(r, 1, now, time.Second); (delay > 0) != (i == 5) {
			t.Errorf("query %d after a pause waits for %v", i, delay)
		}
	}
}

func TestWhoWouldWaitTooLongBooksNothing(t *testing.T) {
	var p pace
	r := rate{perSecond: 10, burst: 1}
	now := int64(time.Hour)
	for range 11 {
		if _, ok := p.book(r, 1, now, time.Second); !ok {
			t.Fatal("refused within the limit")
		}
	}
	for range 3 {
		if delay, ok := p.book(r, 1, now, time.Second); ok || delay != 1100*time.Millisecond {
			t.Errorf("%v, %v", delay, ok)
		}
	}
	if delay, ok := p.book(r, 1, now, 0); !ok || delay != 1100*time.Millisecond {
		t.Errorf("without a limit: %v, %v", delay, ok)
	}
}

func TestWhatPassesUnaskedIsPaidForLater(t *testing.T) {
	var p pace
	r := rate{perSecond: 1000}
	now := int64(time.Hour)
	p.spend(r, 5000, now)
	if delay, _ := p.book(r, 0, now, 0); delay != 4*time.Second {
		t.Errorf("waits for %v", delay)
	}
	if delay, _ := p.book(r, 0, now+int64(4*time.Second), 0); delay != 0 {
		t.Errorf("still waits for %v", delay)
	}
}
