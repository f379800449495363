package proxy

import (
	"errors"
	"math/bits"

	"tenantpool/pool"
	"tenantpool/routing"
	"tenantpool/wire"
)

// pinReason says why a session keeps its server connection beyond its
// transaction. The first of them are the session features.
type pinReason uint8

const (
	pinLargeStatement pinReason = iota + pinReason(routing.Sequences) + 1
	pinTempPath
	pinUnreadableSetting
	pinReasons // how many there are
)

// String gives the reason in words.
func (r pinReason) String() string {
	return [pinReasons]string{"LISTEN", "advisory lock", "temporary object", "cursor WITH HOLD", "SQL PREPARE",
		"lastval or currval", "large statement", "pg_temp as the first schema of the path", "a setting without a readable name"}[r]
}

// pinSet is a set of reasons.
type pinSet uint16

func (r pinReason) set() pinSet { return 1 << r }

// seenPins are the reasons that the server can be asked about: what a session
// has left, by pool.LeftMessage. The others end with DISCARD ALL.
const seenPins pinSet = 1<<pool.LeftColumns - 1

// all ranges over the reasons in the set.
func (ps pinSet) all(yield func(pinReason) bool) {
	for ; ps != 0; ps &= ps - 1 {
		if !yield(pinReason(bits.TrailingZeros16(uint16(ps)))) {
			return
		}
	}
}

// pin makes the session keep its server connection, for as long as one of the
// reasons stands.
func (s *session) pin(why pinSet) {
	fresh := why &^ s.pinned
	if fresh == 0 || s.route.Mode == modeSession {
		return
	}
	if s.pinned == 0 {
		s.tally.pins.Add(1)
		s.tally.pinned.Add(1)
		s.pins.Add(1)
	}
	s.pinned |= fresh
	s.suspect = s.suspect || fresh&seenPins != 0 // it may fail, or end with its transaction
	for r := range fresh.all {
		s.tally.pinsBy[r].Add(1)
		s.proxy.opts.Log.Debug("session pinned", "tenant", s.route.Tenant, "user", s.user.Value(), "server", s.server.conn.PID, "reason", r.String())
	}
}

// unpin takes the session out of the count of the pinned.
func (s *session) unpin() {
	if s.pinned == 0 {
		return
	}
	s.pinned, s.suspect = 0, false
	s.tally.pinned.Add(-1)
	s.pins.Add(-1)
	s.proxy.opts.Log.Debug("session unpinned", "tenant", s.route.Tenant, "user", s.user.Value())
}

// loosen takes reasons away. A session that has none left may give its server
// back, and whoever is lent that next has it scrubbed first.
func (s *session) loosen(why pinSet) {
	if s.pinned == 0 || s.pinned&^why != 0 {
		s.pinned &^= why
		return
	}
	s.server.conn.Soiled()
	s.unpin()
	s.changed = s.changed || len(s.asked) > 0 // they were not read back while the server was kept
}

// mayPin says whether one more session of the cluster and of the tenant may
// keep its server: the pool is there for all.
func (s *session) mayPin() bool {
	limit := 0
	if h := s.proxy.now().home(s.route); h != nil {
		limit = h.maxPinned
	}
	if limit == 0 {
		limit = max(1, s.pool.Size()/2)
	}
	return s.pins.Load() < int64(limit) &&
		s.tally.pinned.Load() < int64(max(1, limit/2))
}

// look asks the server what a pinned session has left on it, once after
// something that may have been the last of it. It returns true while that is
// under way.
func (s *session) look(srv *server) bool {
	x := &srv.conn.Exchange
	if !s.suspect || !x.Quiet() || s.eof || s.tainted {
		return false
	}
	s.suspect = false
	if s.pinned&seenPins == 0 {
		return false
	}
	s.enter(phaseLooking)
	srv.unnamedOf = 0
	s.left = seenPins // until the server says otherwise
	srv.forward(s.loop, pool.LeftMessage())
	return true
}

var errLooking = errors.New("the server did not tell what the session has left on it")

// lookedAt takes one message of the answer; done says that it was the last. An
// error leaves everything as it was: the client's own settings may have caused it.
func (s *session) lookedAt(m wire.ServerMsg, body []byte) (done bool, err error) {
	switch m {
	case wire.ServerRowDescription, wire.ServerCommandComplete, wire.ServerParameterStatus, wire.ServerNoticeResponse:
		return false, nil
	case wire.ServerErrorResponse:
		s.left = s.pinned & seenPins
		return false, nil
	case wire.ServerDataRow:
		left, ok := pool.Left(body)
		s.left = pinSet(left)
		if !ok {
			return true, errLooking
		}
		return false, nil
	case wire.ServerReadyForQuery:
		if len(body) == 1 && body[0] == wire.TxIdle {
			return true, nil
		}
	}
	return true, errLooking
}

// looked goes on with what was found.
func (s *session) looked() {
	if s.left&pinReason(routing.SQLPrepare).set() == 0 {
		s.forgetSQL()
	}
	s.pinned |= s.left
	s.loosen(seenPins &^ s.left)
}
