package proxy

import (
	"tenantpool/pool"
	"tenantpool/wire"
)

// A switch that is to change nothing, for the connection is proven to carry the
// state already, travels ahead of the session's first message in the same write.
// Until it is confirmed nothing that the server says is relayed, and no cancel
// request is sent.

// aheadStep is how far such a switch is.
type aheadStep uint8

const (
	notAhead     aheadStep = iota
	aheadPlanned           // it goes with the first message
	aheadSent              // its answer is still to come
)

// lead sends the planned switch ahead of the message that is about to be
// forwarded.
func (s *session) lead(srv *server) {
	srv.conn.Switching()
	srv.unnamedOf = 0
	srv.ahead = aheadSent
	a := &s.loop.toServer
	b, reply := srv.conn.Switch().Ask(a.add())
	a.added(b)
	srv.reply = reply
	s.counts.switches++
	s.since = s.loop.now
	s.arm(asideTimer)
}

// readAhead reads the answer to the switch; confirmed says that what follows in
// data is the client's.
func (s *session) readAhead(srv *server, data []byte) (used int, confirmed bool) {
	used, done, err := s.readAnswer(srv, data)
	switch {
	case !done:
		return used, false
	case err != nil:
		s.noteBroken(err)
		s.discard(pool.ReasonSwitchFailed)
		s.fatal(unconfirmed(err))
		return used, false
	}
	srv.ahead = notAhead
	s.loop.meters.switching.observe(s.loop.now - s.since)
	srv.conn.Confirmed(s.id, s.state)
	s.loop.timers.stop(&s.timer)
	if srv.conn.Exchange.Owing() > 0 {
		s.busy()
	}
	s.giveOwn()
	return used, true
}

// unconfirmed is what a client hears whose statement has run behind a switch that
// failed.
func unconfirmed(err error) *wire.Error {
	e := switchError(err).WithSeverity("FATAL")
	e.Hint = "The server connection could not be proven to be the tenant's. Whether what was sent last took effect is not known."
	return e
}
