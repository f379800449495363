package pool

import "time"

// A statement that runs cannot be taken back, so a tenant with long ones must
// not get so many places that the others wait for their end. What a tenant has
// lately had use for, within its share of the pool by weight, is kept for it while
// it is about: nobody whose turns are long may borrow that. Whoever's turns are
// brief may borrow everything, for it is back before anybody misses it.

// brief is how long a turn may take of a tenant that may borrow what is kept for
// others.
const brief = 10 * time.Millisecond

// share is what a tenant may rely on.
type share struct {
	places int  // its share of the pool's places
	kept   int  // of these, those kept for it beside what it holds
	wants  int  // most that it held and waited for at once in this period
	wanted int  // and in the one before
	about  bool // it is among Pool.about
}

// appear notes what use a tenant has for the pool as one more of its sessions
// comes.
func (p *Pool) appear(t *tenantPlace) {
	if !t.about {
		t.about = true
		p.about = append(p.about, t)
		p.weights += t.weight
		t.places = p.placesOf(t)
	}
	t.wants = max(t.wants, t.lent+t.waiting+1)
}

func (p *Pool) placesOf(t *tenantPlace) int {
	return int(float64(p.opts().Size) * t.weight / p.weights)
}

// keep brings up to date what is kept for a tenant.
func (p *Pool) keep(t *tenantPlace) {
	kept := max(0, min(max(t.wants, t.wanted), t.places)-t.lent)
	p.kept += kept - t.kept
	t.kept = kept
}

// free says that there is a place that is kept for nobody.
func (p *Pool) free() bool { return p.opts().Size-p.lent > p.kept }

// borrows says that the next connection would be more than the tenant's share,
// and for long.
func (t *tenantPlace) borrows(now int64) bool {
	return t.lent >= t.places && t.turn(now) > int64(brief)
}

// review ends a period, once a second: the shares are those of the tenants that were about in
// this one or the one before. Somebody may get a connection by that, which the
// caller sees to.
func (p *Pool) review(now int64) {
	about := p.about[:0]
	p.weights = 0
	for _, t := range p.about {
		t.wanted, t.wants = t.wants, t.lent+t.waiting
		t.about = t.wanted+t.wants > 0
		if t.about {
			about = append(about, t)
			p.weights += t.weight
		} else {
			p.keep(t)
		}
	}
	clear(p.about[len(about):])
	p.about = about
	for _, t := range about {
		t.places = p.placesOf(t)
		p.keep(t)
	}
	for _, l := range p.lines {
		p.refresh(l, now)
	}
}
