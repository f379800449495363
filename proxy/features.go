package proxy

import (
	"tenantpool/pool"
	"tenantpool/routing"
	"tenantpool/wire"
)

// usedBy says which session feature a text with a trait uses.
var usedBy = [...]struct {
	trait wire.Traits
	what  routing.Feature
}{
	{wire.Listens, routing.Listen},
	{wire.AdvisoryLocks, routing.AdvisoryLocks},
	{wire.MakesTemp, routing.Temp},
	{wire.HoldsCursor, routing.HoldCursors},
	{wire.PreparesSQL, routing.SQLPrepare},
	{wire.ReadsSequence, routing.Sequences},
}

// pinsFor says what in a text ties the session to the connection it runs on,
// because what it makes lives there.
func pinsFor(t wire.Traits) (why pinSet) {
	for _, u := range usedBy {
		if t&u.trait != 0 {
			why |= pinReason(u.what).set()
		}
	}
	return why
}

// screen refuses a text that may not run: for what it asks of the connection,
// or for what it would set.
func (s *session) screen(t wire.Traits, sql []byte) *wire.Error {
	if e := s.featureRefusal(t); e != nil {
		return e
	}
	if t&wire.VisibleSet == 0 {
		return nil
	}
	if e := s.governsText(sql); e != nil {
		return e
	}
	return s.settingRefusal(sql)
}

// settingRefusal is the error for a text whose changes of settings would pin
// the session, where no more may be.
func (s *session) settingRefusal(sql []byte) *wire.Error {
	if s.route.Mode == modeSession || s.pinned != 0 || s.mayPin() {
		return nil
	}
	changes, complete := wire.SettingChanges(sql)
	if !complete || len(s.asked)+len(changes) > maxAsked {
		return tooManyPinned(pinUnreadableSetting.set())
	}
	for _, c := range changes {
		if c.Name == "search_path" && leadsToTemp(c.Value) {
			return tooManyPinned(pinTempPath.set())
		}
	}
	return nil
}

// bindRefusal is the error for a statement that may not run now, whenever it was
// parsed; nil is the unnamed one.
func (s *session) bindRefusal(t wire.Traits, stmt *pool.Statement) *wire.Error {
	if e := s.featureRefusal(t); e != nil || t&wire.VisibleSet == 0 {
		return e
	}
	text := wire.ParseText(s.unnamed)
	if stmt != nil {
		text = textOf(stmt)
	}
	if e := s.governsText(text); e != nil {
		return e // the profile names it since it was prepared
	}
	return s.settingRefusal(text)
}

// ran notes on the server connection, and on the session, what a text that is
// about to run may leave behind. Of one that was not read to its end, noteUnread
// is to be told besides.
func (s *session) ran(t wire.Traits, sql []byte) {
	s.server.conn.Ran(s.id, t)
	s.unsure = s.unsure || s.resetting() // it may roll back what came before it
	if t&(wire.VisibleSet|wire.DiscardsAll) != 0 {
		s.noteSettings(sql)
	}
	s.recheck = s.recheck || t&wire.ChangesSchema != 0
	if t&wire.ChangesMeaning != 0 {
		s.alters()
	}
	if s.route.Mode == modeSession {
		return
	}
	if why := pinsFor(t); why != 0 {
		s.pin(why)
	}
	if t&wire.Releases != 0 && s.pinned&seenPins != 0 {
		s.suspect = true
	}
}

// featureRefusal is the error for a text that cannot work when the session may
// have another server connection for its next transaction.
func (s *session) featureRefusal(t wire.Traits) *wire.Error {
	if s.route.Mode == modeSession {
		return nil
	}
	for _, u := range usedBy {
		if t&u.trait != 0 && s.route.Features.Refuses(u.what) {
			return featureRefused(u.what)
		}
	}
	if t&wire.ReadsSequence != 0 && s.server != nil && s.server.touched != s.id {
		return errSequenceLost
	}
	if why := pinsFor(t); why != 0 && s.pinned == 0 && !s.mayPin() {
		return tooManyPinned(why)
	}
	return nil
}
