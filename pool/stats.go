package pool

// Counts only ever grow.
type Counts struct {
	Logins       uint64
	FailedLogins uint64
	Checkouts    uint64
	Waits        uint64 // checkouts that had to wait
	Refused      uint64 // checkouts refused at once or while waiting
	RoleAlarms   uint64 // logins whose stored settings had changed
	LostProofs   uint64 // paths found moved though nothing run could have moved them
	Discards     [reasons]uint64
}

// Discarded is how many connections were closed for a reason.
func (c Counts) Discarded(r Reason) uint64 { return c.Discards[r] }

// Stats is a picture of a pool at one moment.
type Stats struct {
	Limit   int // how many there may be
	Size    int // all server connections
	Idle    int
	Lent    int
	Dialing int // logging in
	Closing int // closed by us, not yet gone
	Waiting int
	Counts
}

// Stats takes the picture.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{
		Limit:   p.opts().Size,
		Size:    p.size,
		Idle:    p.all.n,
		Lent:    p.lent,
		Dialing: p.dialing,
		Closing: p.leaving,
		Waiting: int(p.waiting.Load()),
		Counts:  p.counts,
	}
}
