package pool

import "time"

// A connection of one account is of no use to another: when the pool is full,
// room is made by closing one. Nobody waits while an idle connection could make
// room: the one idle longest goes first, and one that has not been used yet goes
// last. When all are lent, a connection that is given back is closed instead if
// somebody of another account has waited for too long.

// turn is how long a connection serves its own account, while somebody of that
// account waits for it, before it may have to make room: ten times what its
// login took, so that logins cost a tenth of the time at most, however long
// transactions are; within limits, so that nobody waits for long. A login with
// SCRAM and its checks took 13 ms at best and 30 ms in the median on two
// processors that twelve others wanted; near idle it is less, over a network more.
const (
	turnPerLogin = 10
	minTurn      = 20 * time.Millisecond
	maxTurn      = time.Second
)

func turnAfter(login time.Duration) time.Duration {
	return min(max(turnPerLogin*login, minTurn), maxTurn)
}

// worked says that the connection was of use to a session.
func (c *Conn) worked() bool { return c.user != 0 || c.met != nil }

// neediest is the account to which the next place goes, nil if nobody waits for
// one who could log in.
func (p *Pool) neediest() (best *accountPlace) {
	if len(p.hungry) == 0 {
		return nil
	}
	now := p.now()
	for i := len(p.hungry) - 1; i >= 0; i-- {
		if i >= len(p.hungry) {
			continue // some have left on the way
		}
		if a := p.hungry[i]; p.lacks(a) && p.mayDial(a) && (best == nil || p.before(a, best, now)) {
			best = a
		}
	}
	return best
}

// claimant is the account that must have the place of c, which was given back
// and which others of its own account wait for; nil if it is theirs.
func (p *Pool) claimant(c *Conn, now time.Time) *accountPlace {
	own := c.account
	if len(p.hungry) < 2 || p.wanted(own) == 0 || p.size < p.opts().Size || now.Before(c.turn) || !c.worked() {
		return nil
	}
	if b := p.neediest(); b != nil && b != own && p.before(b, own, p.now()) {
		return b
	}
	return nil
}

// victim is the idle connection that makes room: the one idle longest of those
// that have worked, else of those that have not. One that somebody waits for is
// about to be lent.
func (p *Pool) victim() *Conn {
	var unused *Conn
	for c := p.all.last; c != nil; c = c.links[ofAll].prev {
		switch {
		case p.wanted(c.account) > 0:
		case c.worked():
			return c
		case unused == nil:
			unused = c
		}
	}
	return unused
}

// evict closes c, which is in no list, to make room for a.
func (p *Pool) evict(c *Conn, a *accountPlace) {
	c.heir = a
	a.due++
	p.due++
	p.leave(c)
	go p.end(c, ReasonEvicted)
}
