package soak

// tally is what one client, or all of them, have done and seen.
type tally struct {
	transactions, rows, looks, departures int
	committed, unsure                     int // rows of the ledger: surely there, perhaps there
	tricks                                []int
	refusals                              map[string]int // by SQLSTATE
}

func newTally() tally { return tally{tricks: make([]int, len(tricks)), refusals: map[string]int{}} }

func (t *tally) refused(code string) { t.refusals[code]++ }

func (t *tally) add(o *tally) {
	t.transactions += o.transactions
	t.rows += o.rows
	t.looks += o.looks
	t.departures += o.departures
	t.committed += o.committed
	t.unsure += o.unsure
	for i, n := range o.tricks {
		t.tricks[i] += n
	}
	for code, n := range o.refusals {
		t.refusals[code] += n
	}
}
