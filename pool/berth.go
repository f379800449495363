package pool

import "time"

// place says where a connection is in the pool's hands.
type place uint8

const (
	joining   place = iota // logging in; then idle, lent or leaving
	idle                   // then lent, inspected or leaving
	lent                   // then idle, lent again or leaving
	inspected              // then idle, lent or leaving
	leaving                // closing; then left
	left                   // the server has gone
)

// berth is the pool's side of a connection, guarded by the pool's mutex.
type berth struct {
	account *accountPlace // who it has logged in as
	heir    *accountPlace // while leaving: whom it makes room for
	turn    time.Time     // until when it need not make room while it is waited for
	place   place
	anchor  *anchor
	stale   bool         // is closed when it is given back
	suspect bool         // was to be inspected while joining
	tenant  *tenantPlace // who it is lent to
	began   int64        // when it was, as Pool.now
	keeper  HolderID     // while idle: the session it was last made ready for
	lists   [kinds]*idleList
	links   [kinds]struct{ prev, next *Conn }
	since   time.Time // idle since
	joined  time.Time // when it came to the pool
	spread  float64   // its share of Options.Lifetime, 0.9 to 1.1
	era     int       // Pool.era when its login began
}

// anchor is how a session remembers a connection without keeping its memory.
type anchor struct{ c *Conn }

// listKind is one of the lists an idle connection is in at once.
type listKind uint8

const (
	ofAll    listKind = iota // of the pool
	ofTenant                 // of its account, or of the tenant whose traces it holds if it is the cluster's login's
	ofState                  // of the state it carries, or of those that carry none
	kinds
)

// idleList is a list through the connections themselves, latest used first.
type idleList struct {
	first, last *Conn
	n           int
}

func (l *idleList) push(c *Conn, k listKind) {
	c.lists[k] = l
	c.links[k].prev, c.links[k].next = nil, l.first
	if l.first == nil {
		l.last = c
	} else {
		l.first.links[k].prev = c
	}
	l.first = c
	l.n++
}

// unlist takes c out of the list of kind k that it is in, if any.
func (c *Conn) unlist(k listKind) {
	l := c.lists[k]
	if l == nil {
		return
	}
	at := &c.links[k]
	if at.prev == nil {
		l.first = at.next
	} else {
		at.prev.links[k].next = at.next
	}
	if at.next == nil {
		l.last = at.prev
	} else {
		at.next.links[k].prev = at.prev
	}
	c.lists[k] = nil
	at.prev, at.next = nil, nil
	l.n--
}
