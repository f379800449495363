package proxy

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"tenantpool/pool"
	"tenantpool/wire"
)

// A client's own settings are read back from the server, never computed. What
// the server reports of its own accord is learned as it is relayed; for the
// others a session collects names from the texts it sends, and asks for their
// values when its server is quiet, before it is released.

// maxAsked bounds how many names are collected; a session that sets more keeps
// its connection.
const maxAsked = 200

// noteSettings collects the settings that a text is about to change. One that
// changes what cannot be read off it makes the session keep its connection.
func (s *session) noteSettings(sql []byte) {
	changes, complete := wire.SettingChanges(sql)
	for _, c := range changes {
		s.noteChange(c)
	}
	s.changed = s.changed || !complete || slices.ContainsFunc(changes, func(c wire.SettingChange) bool { return !c.Local })
	s.local = true
	s.yield = s.yield || s.changed
	if !complete {
		s.ask("search_path")
	}
	if !complete {
		s.pin(pinUnreadableSetting.set())
	}
	s.unsure = s.unsure || s.resetting() && rollsBack(sql)
}

// resetting says that resets were sent which are not yet followed by what they
// have taken away.
func (s *session) resetting() bool { return s.restore || s.restoreOwn }

// rollsBack says that a text may undo its own beginning without an error.
func rollsBack(sql []byte) bool {
	lower := bytes.ToLower(sql)
	return bytes.Contains(lower, []byte("rollback")) || bytes.Contains(lower, []byte("abort"))
}

// noteUnread has the path looked at behind a text that could not be read.
func (s *session) noteUnread() {
	s.changed, s.local, s.yield, s.unsure = true, true, true, true
	s.ask("search_path")
}

func (s *session) noteChange(c wire.SettingChange) {
	prof := s.first.Profile()
	switch {
	case c.Local:
	case c.Name == "":
		s.restore = true
		s.resets = append(s.resets[:0], s.first.Settings()...)
		s.ask("search_path")
		for _, own := range s.state.Settings() {
			s.ask(own.Name)
		}
	case prof.Owns(c.Name):
		s.restore = s.restore || c.Reset
		if c.Name == "search_path" {
			s.ask(c.Name)
		}
		if c.Name == "search_path" && leadsToTemp(c.Value) {
			s.pin(pinTempPath.set())
		}
	default:
		if i := s.startsWith(c.Name); c.Reset && i >= 0 {
			s.restoreOwn = true
			s.resets = append(s.resets, s.first.Settings()[i])
		}
		s.ask(c.Name)
	}
}

// startsWith is where a setting stands among those of the client's startup
// packet, -1 if it does not. A reset returns to those.
func (s *session) startsWith(name string) int {
	return slices.IndexFunc(s.first.Settings(), func(o pool.Setting) bool { return o.Name == name })
}

// ask has a setting read back when the server is quiet, unless the server
// reports it by itself.
func (s *session) ask(name string) {
	if fleeting(name) {
		return
	}
	for reported := range s.params.All() {
		if strings.EqualFold(reported, name) && name != "search_path" {
			return
		}
	}
	switch {
	case s.route.Mode == modeSession || slices.Contains(s.asked, name):
	case len(s.asked) == maxAsked:
		s.pin(pinUnreadableSetting.set())
	default:
		s.asked = append(s.asked, name)
	}
}

// fleeting says that a setting belongs to the transaction it is set in, or is
// none that can be read.
func fleeting(name string) bool {
	switch name {
	case "transaction_isolation", "transaction_read_only", "transaction_deferrable", "seed":
		return true
	}
	return false
}

// tend runs what a settled server needs before anything else of the client's:
// the profile's own settings behind a reset, then the reading back of what the
// client has set. It returns true while one of them is under way.
func (s *session) tend(srv *server) bool {
	x := &srv.conn.Exchange
	if !s.changed || x.Status() == wire.TxFailed {
		return false // a failed transaction's changes are undone with it
	}
	if x.Status() == wire.TxIdle {
		srv.conn.Unproven(s.id)
	}
	if s.eof || s.tainted {
		return false // nobody will want to know, or the connection goes anyway
	}
	switch {
	case s.resetting():
		s.restoring(srv, x.Status() == wire.TxOpen)
		return true
	case x.Status() == wire.TxOpen:
		return false
	case len(s.asked) > 0 && s.pinned&^pinUnreadableSetting.set() == 0:
		s.startReading(srv)
		return true
	}
	s.changed = false
	return false
}

// retell handles a parameter that a reset has moved and that is going to be set
// again: the client hears where it will be, not where it is for this moment. It
// returns false if the parameter is none of those.
func (s *session) retell(body []byte) bool {
	n, _, ok := wire.SplitParameterStatus(body)
	name := string(n)
	if !ok || !s.restores(name) {
		return false
	}
	will, _ := s.told.Get(name)
	if is, _ := s.params.Get(name); is != will {
		a := &s.loop.toClient
		a.added(wire.AppendParameterStatus(a.add(), name, will))
		s.params = s.params.Set(name, will)
	}
	return true
}

// restores says that a parameter is set again behind the reset under way.
func (s *session) restores(name string) bool {
	return s.restore && s.first.Profile().Owns(strings.ToLower(name)) ||
		(s.restore || s.restoreOwn) && slices.ContainsFunc(s.resets, func(o pool.Setting) bool { return strings.EqualFold(o.Name, name) })
}

// restoring repeats what a reset has taken away, and nothing but that.
func (s *session) restoring(srv *server, inTransaction bool) {
	prof := s.first.Profile()
	sw := (*pool.Switch)(nil)
	switch {
	case s.unsure:
		sw = prof.RestoreLost(slices.DeleteFunc(slices.Clone(s.resets), s.emptied), inTransaction)
	case s.restore:
		sw = prof.Restore(s.resets, inTransaction)
	default:
		sw = pool.RestoreOwn(s.resets, inTransaction)
	}
	s.restore, s.restoreOwn = false, false
	s.aside(srv, phaseRestoring, sw)
}

// emptied says that the client itself has made a custom setting of its startup
// packet empty: then that it is empty does not tell of a reset.
func (s *session) emptied(o pool.Setting) bool {
	return strings.Contains(o.Name, ".") && slices.Contains(s.state.Settings(), pool.Setting{Name: o.Name})
}

// restored takes the settings of the startup packet as the session's again. If
// they may not have been reset at all, what the server has is the session's: of
// those that it does not report, that is read later.
func (s *session) restored(srv *server) {
	state := s.state
	for _, o := range s.resets {
		value, known := o.Value, !s.unsure
		for name, reported := range srv.conn.Reported.All() {
			if s.unsure && settable(name) && strings.EqualFold(name, o.Name) {
				value, known = reported, true
			}
		}
		if known {
			state = state.With(o.Name, value)
		}
	}
	s.resets, s.unsure = nil, false
	s.changeState(state)
}

func (s *session) startReading(srv *server) {
	s.enter(phaseReading)
	srv.unnamedOf = 0
	srv.forward(s.loop, pool.ReadMessage(s.asked, s.doubted, s.foreign()))
}

// foreign says that the server would send values in an encoding that is neither
// UTF-8 nor its own.
func (s *session) foreign() bool {
	encoding, _ := s.params.Get("client_encoding")
	return encoding != "UTF8" && encoding != "SQL_ASCII"
}

var errReadBack = errors.New("the settings of the session could not be read back")

// readBack takes one message of the answer; done says that it was the last.
func (s *session) readBack(m wire.ServerMsg, body []byte) (done bool, err error) {
	switch m {
	case wire.ServerDataRow:
		return false, s.learnRow(body)
	case wire.ServerRowDescription, wire.ServerCommandComplete, wire.ServerParameterStatus,
		wire.ServerNotification, wire.ServerNoticeResponse:
		return false, nil
	case wire.ServerReadyForQuery:
		if len(s.asked) > 0 || len(body) != 1 || body[0] != wire.TxIdle {
			return true, errReadBack
		}
		s.changed, s.doubted = false, false
		return true, nil
	}
	return true, errReadBack
}

// learnRow makes the values read the session's own.
func (s *session) learnRow(body []byte) error {
	if len(body) < 2 || int(binary.BigEndian.Uint16(body)) != len(s.asked) {
		return errReadBack
	}
	rest := body[2:]
	state := s.state
	for _, name := range s.asked {
		value, tail, ok := cutColumn(rest)
		if !ok {
			return errReadBack
		}
		rest = tail
		var err error
		if value != nil && s.foreign() {
			if value, err = hex.AppendDecode([]byte{}, value); err != nil {
				return errReadBack
			}
		}
		if state, err = s.learned(state, name, value); err != nil {
			return err
		}
	}
	s.changeState(state)
	s.asked = nil
	return nil
}

// cutColumn takes one column off a DataRow; NULL is nil.
func cutColumn(b []byte) (value, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := int32(binary.BigEndian.Uint32(b))
	b = b[4:]
	switch {
	case n == -1:
		return nil, b, true
	case n < 0 || int(n) > len(b):
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}

// learned is the state with one value more. A search_path is followed if it
// leads only where the profile's does; if a function has led it elsewhere, the
// connection and the session end.
func (s *session) learned(state *pool.State, name string, value []byte) (*pool.State, error) {
	switch {
	case name == "search_path":
		return s.learnedPath(state, string(value))
	case value == nil:
		return state.Without(name), nil
	}
	return state.With(name, string(value)), nil
}
