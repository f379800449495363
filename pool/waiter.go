package pool

import "tenantpool/wire"

// Customer is told how its wait ended: exactly one call per queued Waiter,
// unless Abandon returned true. The calls come from any goroutine, outside all
// locks, and must not block.
type Customer interface {
	Granted(*Conn) // owns the connection from here on
	Refused(*wire.Error)
}

// Waiter is a session's side of a checkout, embedded in the session and used
// again and again. Its fields may change between checkouts only. It must not be
// copied.
type Waiter struct {
	Customer   Customer
	Holder     HolderID
	Want       *State
	MaxServers int32 // connections its tenant may hold at once; 0 is no limit
	MaxWaiting int32 // waiters of its tenant beyond are refused; 0 is no limit
	Weight     int32 // of its tenant; 0 leaves it as it is

	at         *statePlace // while queued
	last       *anchor     // of the connection it had last
	list       *waiterList // where it is queued, nil if it is not
	prev, next *Waiter
	ticket     uint64
}

// Moved notes that the waiter goes to another pool from now on: what it
// remembers of a connection is guarded by the old one's lock.
func (w *Waiter) Moved() { w.last = nil }

// waiterList is a queue through the waiters themselves.
type waiterList struct {
	first, last *Waiter
	n           int
}

func (l *waiterList) pushBack(w *Waiter) {
	w.list, w.prev, w.next = l, l.last, nil
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
	l.n++
}

func (l *waiterList) remove(w *Waiter) {
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.list, w.prev, w.next = nil, nil, nil
	l.n--
}
