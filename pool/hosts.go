package pool

import (
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Host is where a server of the cluster is to be found.
type Host struct {
	Name string // a name, an address, or a directory that holds a socket
	Port uint16
}

// address is one place at which a server of the cluster listens or has listened:
// a host, or one of the addresses of its name. All but its first two fields is
// guarded by the pool's mutex.
type address struct {
	host Host   // by whose name it was found, and its certificate is checked
	ip   string // "" of a socket

	gate    gate      // shut while its last login has failed
	unfit   bool      // of these: because it answers and is not the server that is wanted
	epoch   int       // how often its connections were retired
	doubted time.Time // when it was last asked what it is
}

// String is the address as logs have it.
func (a *address) String() string {
	if a.ip == "" {
		return a.host.Name
	}
	return net.JoinHostPort(a.ip, strconv.Itoa(int(a.host.Port)))
}

// origin is where a connection leads, and since when.
type origin struct {
	at    *address
	epoch int
}

// retired says that a connection is not to be lent again: its server is not the
// one that is wanted, or its host's name leads elsewhere.
func (o origin) retired() bool { return o.at != nil && o.epoch != o.at.epoch }

// try is one login in the course of an open.
type try struct {
	at   *address
	want Target
}

// tries gives the order in which addresses are tried: those that worked last
// come before those that answered as the wrong server, and those that failed come
// last, until their pause is over. Where one server alone can be right, the one
// that was is asked first.
func (p *Pool) tries(all []*address, now time.Time) (order []try) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var open, unfit, failed []*address
	for _, a := range all {
		switch {
		case a.gate.err == nil || !now.Before(a.gate.next):
			open = append(open, a)
		case a.unfit:
			unfit = append(unfit, a)
		default:
			failed = append(failed, a)
		}
	}
	if p.opts().LoadBalance {
		rand.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
	}
	if i := slices.Index(open, p.leader); i > 0 && p.opts().Target.exclusive() {
		open = slices.Insert(slices.Delete(open, i, i+1), 0, p.leader)
	}
	target := p.opts().Target
	if target == PreferStandby {
		for _, a := range open {
			order = append(order, try{a, Standby})
		}
		target, open, unfit = AnyServer, unfit, open
	}
	for _, a := range slices.Concat(open, unfit, failed) {
		order = append(order, try{a, target})
	}
	return order
}

// worked notes a login at an address. Where one server alone can be right, the
// connections to all others are retired; where a standby is only preferred, those
// to another server, once a standby is there again. It returns since when the
// address is good.
func (p *Pool) worked(t try) origin {
	p.mu.Lock()
	a := t.at
	a.gate.passed()
	a.unfit = false
	moved := false
	switch {
	case p.opts().Target.exclusive():
		moved = p.leader != nil && p.leader != a
		if moved {
			p.retireOthers(a)
		}
		p.leader = a
	case p.opts().Target == PreferStandby:
		moved = t.want == Standby && p.leader != nil && p.leader != a
		if moved {
			p.retire(p.leader)
		}
		if t.want == Standby {
			p.leader = nil
		} else {
			p.leader = a // the second best
		}
	}
	o := origin{a, a.epoch}
	p.mu.Unlock()
	if moved {
		p.event(Event{Kind: EventMoved, Text: a.String()})
		p.tidy(time.Now())
	}
	return o
}

// failed notes an unsuccessful login. Who answers like a server that will take
// other logins keeps its place.
func (p *Pool) failed(a *address, err error) {
	var wrong *wrongServer
	var pg *pgconn.PgError
	unfit := errors.As(err, &wrong)
	if errors.As(err, &pg) && pg.Code != "57P03" {
		return
	}
	p.mu.Lock()
	a.gate.failed(err, time.Now())
	a.unfit = unfit
	retired := unfit && p.opts().Target != PreferStandby
	if retired {
		p.retire(a)
	}
	p.mu.Unlock()
	if retired {
		p.tidy(time.Now())
	}
}

// retire has the connections to an address closed when they are given back. The
// caller has idle ones closed by tidy.
func (p *Pool) retire(a *address) { a.epoch++ }

func (p *Pool) retireOthers(a *address) {
	for _, other := range p.addresses {
		if other != a {
			p.retire(other)
		}
	}
}

// Doubt notes that what a server said on c makes one doubt that it still is the
// server that is wanted: it ended sessions, or took no writes. It is asked, once a
// second at most, and if it is not, its connections are retired. A client cannot
// have them retired by an error of its own making.
func (p *Pool) Doubt(c *Conn) {
	if p.opts().Target == AnyServer || c.at == nil {
		return
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed && !c.retired() && now.Sub(c.at.doubted) >= minDelay {
		c.at.doubted = now
		want := p.opts().Target
		if want == PreferStandby {
			want = Standby
		}
		go p.examine(try{c.at, want})
	}
}

// lookBack asks whether a standby is there again, while another server stands in
// for it.
func (p *Pool) lookBack(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opts().Target != PreferStandby || p.leader == nil || p.closed {
		return
	}
	for _, a := range p.addresses {
		if a != p.leader && now.After(a.gate.next) && now.Sub(a.doubted) >= minDelay {
			a.doubted = now
			go p.examine(try{a, Standby})
		}
	}
}
