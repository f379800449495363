package proxy

import (
	"errors"

	"tenantpool/pool"
	"tenantpool/wire"
)

// acquire asks the pool for a server connection. Afterwards the session has one
// (active or switching), waits for one, or has a refusal for its next message.
func (s *session) acquire() {
	if g := s.tally.gate.Load(); g != nil && s.heldBy(g) {
		return
	}
	for s.follow() {
		s.bound(&s.waiter)
		c, refusal := s.pool.Checkout(&s.waiter)
		switch {
		case refusal != nil && s.outdated():
			continue // by a pool that was taken away in this moment
		case refusal != nil:
			s.refusal = refusal
		case c == nil:
			s.enter(phaseWaiting)
		case !s.borrow(c):
			continue // it was dead; nothing of the client's has been sent
		}
		return
	}
}

// granted takes a connection that the session waited for (pool.Customer, by way
// of the inbox).
func (s *session) granted(c *pool.Conn) {
	if s.phase != phaseWaiting {
		s.pool.Release(c) // the session has gone meanwhile
		return
	}
	if !s.borrow(c) {
		s.enter(phaseIdle)
	}
	s.proceed()
	s.cancelHeld()
}

// refused takes the pool's word that there will be no connection.
func (s *session) refused(e *wire.Error) {
	if s.phase != phaseWaiting {
		return
	}
	s.enter(phaseIdle)
	if !s.outdated() || s.cancelNext { // else it is asked for anew, of the pool that it is to be had from now
		s.refusal, s.cancelNext = e, false
	}
	s.proceed()
}

// borrow makes c the session's server and starts what must be run on it first.
// It returns false if c turned out to be unusable; it is then discarded.
func (s *session) borrow(c *pool.Conn) bool {
	srv := c.Transport.(*server)
	if !srv.silentFor(s.loop) || srv.moveTo(s.loop) != nil {
		s.pool.Discard(c, pool.ReasonUnasked)
		return false
	}
	s.server = srv
	srv.session.Store(s)
	s.yield, s.fresh, s.compare = false, true, true
	s.prepare(srv)
	return true
}

// prepare runs what must be run before the client's first byte goes out.
func (s *session) prepare(srv *server) {
	plan := srv.conn.Plan(s.id, s.state, s.sameTenant)
	switch {
	case plan == pool.PlanNothing:
		s.enter(phaseActive)
		srv.conn.Exchange.Idle()
		s.greet(srv)
	case srv.conn.MayPipeline():
		s.enter(phaseActive)
		srv.conn.Exchange.Idle()
		srv.ahead = aheadPlanned
		s.greet(srv)
	default:
		s.counts.switches++
		s.aside(srv, phaseSwitching, srv.conn.Switch())
	}
}

// aside sends a Query of the pooler's own, whose answer the client never sees,
// and enters the phase that waits for it.
func (s *session) aside(srv *server, p phase, sw *pool.Switch) {
	s.enter(p)
	if p == phaseSwitching || p == phaseBlanking {
		srv.conn.Switching()
	}
	srv.unnamedOf = 0
	s.loop.text, srv.reply = sw.Ask(s.loop.text[:0])
	srv.forward(s.loop, s.loop.text)
}

// readAside reads the answer to a Query of ours that was sent by itself.
func (s *session) readAside(srv *server, data []byte) (used int) {
	used, done, err := s.readAnswer(srv, data)
	if done {
		s.asideDone(srv, err, used == len(data) || s.ownAside())
	}
	return used
}

// errLongAnswer keeps a server from having us hold as much as it likes.
var errLongAnswer = errors.New("server sent a message too long for the answer to the pooler's own text")

// readAnswer reads the answer to a Query of ours. When done, err says what is
// wrong with it.
func (s *session) readAnswer(srv *server, data []byte) (used int, done bool, err error) {
	for !done && len(data)-used >= wire.HeaderSize {
		m, size, bad := wire.ServerHeader(data[used:])
		switch {
		case bad != nil:
			return used, true, errors.New(bad.Message)
		case size > holdLimit:
			return used, true, errLongAnswer
		case len(data)-used < size:
			srv.need = size
			return used, false, nil
		}
		if m == wire.ServerNotification && s.ownAside() {
			s.reply(data[used : used+size])
			used += size
			continue
		}
		body := data[used+wire.HeaderSize : used+size]
		used += size
		if err := srv.note(m, body); err != nil {
			return used, true, err
		}
		if done, err = s.feed(srv, m, body); err != nil {
			return used, true, err
		}
	}
	return used, done, nil
}

// ownAside says that the Query of ours runs between two exchanges of the
// session: what it listens to it still hears.
func (s *session) ownAside() bool {
	return s.phase == phaseRestoring || s.phase == phaseReading || s.phase == phaseLooking
}

func (s *session) feed(srv *server, m wire.ServerMsg, body []byte) (done bool, err error) {
	switch s.phase {
	case phaseReading:
		return s.readBack(m, body)
	case phaseLooking:
		return s.lookedAt(m, body)
	}
	return srv.reply.Feed(m, body)
}

// asideDone goes on after a Query of ours. Anything but a clean success means
// that the connection's state is not known: it is discarded.
func (s *session) asideDone(srv *server, err error, clean bool) {
	switch {
	case err == nil && clean:
		s.asideWorked(srv)
	case s.phase == phaseSwitching && ended(err):
		s.lostInSwitch(pool.ReasonServerClosed, switchError(err))
	case s.phase == phaseSwitching:
		if !srv.conn.Suspect(err) { // else another server will do: nothing of the client's was sent
			s.noteBroken(err)
			s.refusal = switchError(err)
		}
		s.discard(pool.ReasonSwitchFailed)
		s.enter(phaseIdle)
		s.proceed()
	default:
		s.asideFailed(err)
	}
}

// ended says that the server has ended the connection, whatever it was asked.
func ended(err error) bool {
	var e *wire.Error
	return errors.As(err, &e) && e.Severity == wire.SeverityFatal
}

// maxLost is how many servers in a row a session may lose to a switch before it
// is told.
const maxLost = 3

// lostInSwitch goes on without a server that ended while it was switched.
// Nothing of the client's was sent: another one will do, and if that ends too
// and again, the client hears why.
func (s *session) lostInSwitch(reason pool.Reason, why *wire.Error) {
	canceled := s.cancelNext
	s.discard(reason)
	s.lost++
	switch {
	case canceled:
		s.refusal = errCanceled
	case s.lost == maxLost:
		s.refusal = why.WithSeverity(wire.SeverityError)
	}
	s.enter(phaseIdle)
	s.proceed()
}

// noteBroken tells the pool of a state that the server refuses, so that it does
// not meet it again for every client in turn.
func (s *session) noteBroken(err error) {
	var refused *wire.Error
	if errors.As(err, &refused) {
		s.pool.Broken(s.state, refused)
	}
}

func (s *session) asideWorked(srv *server) {
	switch s.phase {
	case phaseRestoring:
		s.restored(srv)
		s.enter(phaseActive)
		s.compare = true
	case phaseReading:
		s.enter(phaseActive)
		s.compare = true
	case phaseLooking:
		s.enter(phaseActive)
		s.looked()
	case phaseSwitching:
		srv.conn.Exchange.Idle()
		srv.conn.Confirmed(s.id, s.state)
		s.enter(phaseActive)
		s.greet(srv)
	case phaseUndoing:
		srv.conn.Exchange.Idle()
		srv.conn.Unproven(s.id)
		s.undone()
	case phaseBlanking:
		srv.conn.Exchange.Idle()
		srv.conn.Blanked()
		s.release()
		s.close()
	}
}

// asideFailed ends a session whose server did not do what it had to.
func (s *session) asideFailed(err error) {
	blanking := s.phase == phaseBlanking
	s.discard(pool.ReasonProfileLost)
	switch {
	case blanking || s.eof && s.deaf:
		s.close()
	case err != nil:
		s.fatal(serverLostError(err.Error()))
	default:
		s.fatal(errServerLost)
	}
}

// mayRelease says whether a quiet server may go back: nothing ties the session
// to it.
func (s *session) mayRelease() bool {
	return s.route.Mode != modeSession && s.pinned == 0 && !s.canceling && !s.holdBack && !s.laden()
}

// release gives the server connection back.
func (s *session) release() {
	tainted := s.tainted || s.canceling
	c := s.part()
	s.enter(phaseIdle)
	if tainted {
		s.pool.Discard(c, pool.ReasonCancel)
		return
	}
	s.pool.Release(c)
}

// discard closes the server connection: nobody may have it after this session.
func (s *session) discard(reason pool.Reason) {
	c := s.part()
	s.pool.Discard(c, reason)
}

// part separates the session from its server.
func (s *session) part() *pool.Conn {
	srv := s.server
	s.server = nil
	srv.session.Store(nil)
	if s.body > 0 && !s.bodyDrop {
		s.bodyDrop = true // its rest has nowhere to go
	}
	srv.openBatch = false
	srv.body, srv.need, srv.completes, srv.ref, srv.ahead = 0, 0, false, nil, notAhead
	s.loop.chunks.put(srv.in)
	srv.in = nil
	s.unpin()
	s.yield, s.holdBack, s.discarded = false, false, false
	s.tainted, s.cancelNext, s.stuck, s.owesReady = false, false, false, false
	s.pending = s.pending[:0]
	s.portals, s.unnamedDue = nil, 0
	s.stopTx()
	s.queryAt, s.txAt = 0, 0
	s.altered(false)
	return srv.conn
}
