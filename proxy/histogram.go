package proxy

import (
	"math/bits"
	"time"
)

// Bounds of a Histogram: the first bucket ends at 1<<firstBound nanoseconds, and
// each further one at twice the one before; the last has no end.
const (
	firstBound       = 14 // 16 µs
	HistogramBuckets = 24 // the last but one ends at 69 s
)

// Histogram counts durations in buckets of fixed bounds, so that several can be
// added up. Whoever owns it may observe; it has no lock.
type Histogram struct {
	Buckets [HistogramBuckets]uint64 // each by itself, not cumulative
	Sum     time.Duration
}

// HistogramBound is the upper bound of bucket i, the last excepted.
func HistogramBound(i int) time.Duration { return 1 << (firstBound + i) }

// observe counts a duration in nanoseconds.
func (h *Histogram) observe(ns int64) {
	ns = max(ns, 0)
	i := bits.Len64(uint64(max(ns-1, 0)) >> firstBound) // an upper bound belongs to its bucket
	h.Buckets[min(i, HistogramBuckets-1)]++
	h.Sum += time.Duration(ns)
}

// Count is how many durations were observed.
func (h *Histogram) Count() (n uint64) {
	for _, b := range h.Buckets {
		n += b
	}
	return n
}

// add adds what another one has counted.
func (h *Histogram) add(o *Histogram) {
	for i, n := range o.Buckets {
		h.Buckets[i] += n
	}
	h.Sum += o.Sum
}
