package proxy

// assembly collects what a pass over some input wants to send on. As long as
// that is one unbroken run of the input, nothing is copied.
type assembly struct {
	src      []byte
	from, to int    // the run of src taken and not yet copied
	scratch  []byte // what was sent on before it
}

// start begins a pass over src.
func (a *assembly) start(src []byte) {
	a.src, a.from, a.to, a.scratch = src, 0, 0, a.scratch[:0]
}

// take sends on src[from:to].
func (a *assembly) take(from, to int) {
	if from != a.to {
		a.cut()
		a.from = from
	}
	a.to = to
}

// add returns the scratch, behind everything taken so far, for the caller to
// append to and hand to added.
func (a *assembly) add() []byte {
	a.cut()
	return a.scratch
}

func (a *assembly) added(b []byte) { a.scratch = b }

func (a *assembly) cut() {
	a.scratch = append(a.scratch, a.src[a.from:a.to]...)
	a.from = a.to
}

// done ends the pass and returns all that is to be sent, valid until the next
// start.
func (a *assembly) done() []byte {
	b := a.src[a.from:a.to]
	if len(a.scratch) > 0 {
		a.cut()
		b = a.scratch
	}
	a.src = nil
	if cap(a.scratch) > 4*readSize {
		a.scratch = nil
	}
	return b
}
