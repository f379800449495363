package main

import (
	"math"
	"testing"
)

func TestAPercentileIsTheNearestRank(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for _, test := range []struct {
		values []int
		p      float64
		want   int
	}{
		{hundred, 0.50, 50},
		{hundred, 0.99, 99},
		{hundred, 0.991, 100},
		{hundred, 1, 100},
		{hundred, 0, 1},
		{[]int{7}, 0.5, 7},
		{[]int{7}, 0.99, 7},
		{[]int{1, 2, 3}, 0.5, 2},
		{[]int{1, 2, 3, 4}, 0.5, 2},
	} {
		if got := percentile(test.values, test.p); got != test.want {
			t.Errorf("percentile %v of %d values is %d, want %d", test.p, len(test.values), got, test.want)
		}
	}
}

func TestTheMedianIsTheMiddleAndLeavesItsArgumentAlone(t *testing.T) {
	values := []float64{9, 1, 5}
	if got := median(values); got != 5 {
		t.Errorf("median of three: %v", got)
	}
	if values[0] != 9 {
		t.Errorf("median sorted its argument: %v", values)
	}
	if got := median([]float64{4, 1, 2, 10}); got != 3 {
		t.Errorf("median of four: %v", got)
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of none: %v", got)
	}
}

func TestTheSpreadIsRelativeToTheMedian(t *testing.T) {
	if got := spread([]float64{90, 100, 120}); got != 0.3 {
		t.Errorf("spread: %v", got)
	}
	if got := spread(nil); !math.IsNaN(got) {
		t.Errorf("spread of none: %v", got)
	}
}
