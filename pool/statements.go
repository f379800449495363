package pool

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
)

// Statements are the prepared statements of one server connection, under names
// of the pooler's own. They belong to whoever owns the connection.
//
// A statement is found by the state under which it was parsed and its text:
// literals are read under the settings of whoever parses.
type Statements struct {
	prefix   string
	parsed   uint64 // names given so far
	maxCount int
	maxBytes int
	current  map[statementKey]*ServerStatement
	used     statementList // least recently used first
	count    int           // in used
	bytes    int
	batch    uint64 // the latest batch seen
}

type statementKey struct {
	state *State
	text  *Statement
}

// ServerStatement is one statement on one server connection.
type ServerStatement struct {
	// Name is the name on the server. It is never used twice.
	Name string

	key        statementKey
	generation uint32
	phase      phase
	batch      uint64 // the last batch that used it
	prev, next *ServerStatement
}

// phase is what is known of a statement on the server.
type phase uint8

const (
	pending phase = iota // Parse sent; then present or gone
	present              // ParseComplete seen; then closing or gone
	closing              // Close sent; then present or gone
	gone                 // not on the server, not in the list; then present, if its ParseComplete comes late
)

// overhead is what a statement costs a server beside its text, roughly.
const overhead = 1 << 10

// newStatements makes room for at most maxCount statements and maxBytes of
// their texts; both may be exceeded by what one batch uses.
func newStatements(maxCount, maxBytes int) *Statements {
	var nonce [8]byte
	rand.Read(nonce[:])
	return &Statements{
		prefix:   "tp_" + hex.EncodeToString(nonce[:]) + "_",
		maxCount: maxCount,
		maxBytes: maxBytes,
		current:  make(map[statementKey]*ServerStatement),
	}
}

// Find returns the statement to Bind to or Describe in this batch: one whose
// ParseComplete was seen, or one whose Parse is part of this very batch. nil
// means that it must be parsed first. It does not allocate.
func (x *Statements) Find(st *State, s *Statement, batch uint64) *ServerStatement {
	x.batch = batch
	it := x.current[statementKey{st, s}]
	switch {
	case it == nil || it.phase == closing:
		return nil
	case it.stale():
		x.age(it)
		return nil
	case it.phase == pending && it.batch != batch:
		return nil
	}
	it.batch = batch
	x.used.remove(it)
	x.used.append(it)
	return it
}

// Add names a statement whose Parse is about to be sent in this batch. It is
// Parsed, or Failed, later. Another one under the same key is forgotten as
// such and evicted in time.
func (x *Statements) Add(st *State, s *Statement, batch uint64) *ServerStatement {
	x.batch = batch
	x.parsed++
	it := &ServerStatement{
		Name:       x.prefix + strconv.FormatUint(x.parsed, 10),
		key:        statementKey{st, s},
		generation: s.generation.Load(),
		batch:      batch,
	}
	if old := x.current[it.key]; old != nil {
		x.age(old)
	}
	x.keep(it)
	return it
}

// Evict appends to dst the statements to Close now, before anything else of the
// batch is sent, so that the rest keeps within its bounds. They are not found
// any more. A statement pending or used in the present batch is spared.
func (x *Statements) Evict(dst []*ServerStatement) []*ServerStatement {
	for it := x.used.first; it != nil && x.over(); {
		next := it.next
		if it.phase == present && it.batch != x.batch {
			x.lose(it)
			it.phase = closing
			dst = append(dst, it)
		}
		it = next
	}
	return dst
}

// Parsed notes a ParseComplete.
func (x *Statements) Parsed(it *ServerStatement) {
	if it.phase == gone {
		x.keep(it)
	}
	if it.phase != closing {
		it.phase = present
	}
	if x.current[it.key] == nil {
		x.current[it.key] = it
	}
}

// Failed notes that a Parse ended in an error or was skipped because of one.
func (x *Statements) Failed(it *ServerStatement) {
	if it.phase != gone && it.phase != closing {
		x.lose(it)
	}
	it.phase = gone
}

// Closed notes a CloseComplete.
func (x *Statements) Closed(it *ServerStatement) { x.Failed(it) }

// NotClosed notes that a Close was skipped because of an error: the statement
// is still there.
func (x *Statements) NotClosed(it *ServerStatement) {
	if it.phase != closing {
		return
	}
	fresher := x.current[it.key]
	x.keep(it)
	it.phase = present
	if fresher != nil {
		x.current[it.key] = fresher
		x.age(it)
	}
}

// Reset notes that DISCARD ALL or DEALLOCATE ALL has run. What was then still
// to be parsed stays pending.
func (x *Statements) Reset() {
	for it := x.used.first; it != nil; {
		next := it.next
		if it.phase == present {
			x.Failed(it)
		}
		it = next
	}
}

// Len is the number of statements on the server, as far as is known.
func (x *Statements) Len() int { return x.count }

// UnknownName is a name that is never parsed: sent for a client's unknown name,
// it makes the server itself say that there is no such statement.
func (x *Statements) UnknownName() string { return x.prefix + "0" }

func (x *Statements) over() bool { return x.count > x.maxCount || x.bytes > x.maxBytes }

func (x *Statements) keep(it *ServerStatement) {
	x.current[it.key] = it
	x.used.append(it)
	x.count++
	x.bytes += it.size()
}

func (x *Statements) lose(it *ServerStatement) {
	if x.current[it.key] == it {
		delete(x.current, it.key)
	}
	x.used.remove(it)
	x.count--
	x.bytes -= it.size()
}

// age makes it the next to be evicted.
func (x *Statements) age(it *ServerStatement) {
	x.used.remove(it)
	x.used.prepend(it)
}

func (it *ServerStatement) size() int { return len(it.key.text.body) + overhead }

func (it *ServerStatement) stale() bool {
	return it.generation != it.key.text.generation.Load()
}

// statementList is a list through the statements themselves.
type statementList struct{ first, last *ServerStatement }

func (l *statementList) append(it *ServerStatement) {
	it.prev, it.next = l.last, nil
	if l.last == nil {
		l.first = it
	} else {
		l.last.next = it
	}
	l.last = it
}

func (l *statementList) prepend(it *ServerStatement) {
	it.prev, it.next = nil, l.first
	if l.first == nil {
		l.last = it
	} else {
		l.first.prev = it
	}
	l.first = it
}

func (l *statementList) remove(it *ServerStatement) {
	if it.prev == nil {
		l.first = it.next
	} else {
		it.prev.next = it.next
	}
	if it.next == nil {
		l.last = it.prev
	} else {
		it.next.prev = it.prev
	}
	it.prev, it.next = nil, nil
}
