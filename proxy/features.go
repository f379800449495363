package proxy

import "tenantpool/wire"

// pinReason says why a session keeps its server connection beyond its
// transaction.
type pinReason uint8

const (
	pinNone pinReason = iota
	pinAdvisoryLock
	pinTemp
	pinHoldCursor
	pinSQLPrepare
	pinSequence
	pinLargeStatement
	pinUnreadableSetting
	pinListen
)

// String gives the reason in words.
func (r pinReason) String() string {
	return [...]string{"none", "advisory lock", "temporary table", "cursor WITH HOLD",
		"SQL PREPARE", "lastval or currval", "large statement", "a setting without a readable name", "LISTEN"}[r]
}

// pinFor says what in a text ties the session to the connection it runs on,
// because what it makes lives there.
func pinFor(t wire.Traits) pinReason {
	switch {
	case t&wire.AdvisoryLocks != 0:
		return pinAdvisoryLock
	case t&wire.MakesTemp != 0:
		return pinTemp
	case t&wire.HoldsCursor != 0:
		return pinHoldCursor
	case t&wire.PreparesSQL != 0:
		return pinSQLPrepare
	case t&wire.ReadsSequence != 0:
		return pinSequence
	}
	return pinNone
}

// pin makes the session keep its server connection until it ends.
func (s *session) pin(why pinReason) {
	if s.pinned != pinNone {
		return
	}
	s.pinned = why
	s.tally.pins.Add(1)
	s.tally.pinned.Add(1)
	s.proxy.pinned[s.route.Cluster].Add(1)
}

// unpin takes the session out of the count of the pinned.
func (s *session) unpin() {
	if s.pinned == pinNone {
		return
	}
	s.pinned = pinNone
	s.tally.pinned.Add(-1)
	s.proxy.pinned[s.route.Cluster].Add(-1)
}

// mayPin says whether one more session of the cluster and of the tenant may
// keep its server: the pool is there for all.
func (s *session) mayPin() bool {
	limit := s.proxy.opts.MaxPinned[s.route.Cluster]
	if limit == 0 {
		limit = max(1, s.proxy.opts.Pools[s.route.Cluster].Size/2)
	}
	return s.proxy.pinned[s.route.Cluster].Load() < int64(limit) &&
		s.tally.pinned.Load() < int64(max(1, limit/2))
}

// screen refuses a text that may not run: for what it asks of the connection,
// or for what it would set.
func (s *session) screen(t wire.Traits, sql []byte) *wire.Error {
	if e := s.featureRefusal(t); e != nil {
		return e
	}
	if t&wire.VisibleSet != 0 {
		return s.governsText(sql)
	}
	return nil
}

// ran notes on the server connection, and on the session, what a text that is
// about to run may leave behind.
func (s *session) ran(t wire.Traits, sql []byte) {
	s.server.conn.Ran(s.id, t)
	switch {
	case t&(wire.VisibleSet|wire.DiscardsAll) != 0:
		s.noteSettings(sql)
	case sql == nil && t&wire.MayChangeState != 0:
		s.noteUnread()
	}
	s.recheck = s.recheck || t&wire.ChangesSchema != 0
	if s.route.Mode == modeSession {
		return
	}
	if why := pinFor(t); why != pinNone {
		s.pin(why)
	}
}

// featureRefusal is the error for a text that cannot work when the session may
// have another server connection for its next transaction.
func (s *session) featureRefusal(t wire.Traits) *wire.Error {
	if s.route.Mode == modeSession {
		return nil
	}
	if t&wire.Listens != 0 {
		return featureRefused("LISTEN")
	}
	if t&wire.ReadsSequence != 0 && s.server != nil && s.server.touched != s.id {
		return errSequenceLost
	}
	if why := pinFor(t); why != pinNone && s.pinned == pinNone && !s.mayPin() {
		return tooManyPinned(why)
	}
	return nil
}
