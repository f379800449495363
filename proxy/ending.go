package proxy

import (
	"tenantpool/pool"
	"tenantpool/wire"
)

// windDown ends a session whose client will send no more, one step at a time:
// what it sent is finished, a COPY or a batch it left open is ended, a
// transaction rolled back, and only then is its server given back.
func (s *session) windDown() {
	if s.delayed {
		return // it has more to ask, once it may
	}
	switch s.phase {
	case phaseIdle:
		if len(s.in) > 0 && !s.mayForward() {
			return // it has more to ask, once it has read
		}
		s.end(pool.ReasonClientGone)
	case phaseActive:
		s.windDownActive()
	}
}

func (s *session) windDownActive() {
	srv := s.server
	x := &srv.conn.Exchange
	switch {
	case srv.broken || s.canceling || srv.ahead == aheadSent:
		s.grace() // its last words are still to be read, or the cancel or the switch to end
	case s.body > 0 && !s.bodyDrop || srv.sending() && x.Owing() == 0:
		s.end(pool.ReasonClientGone)
	case x.CopyingIn():
		x.ForwardCopy(wire.ClientCopyFail)
		srv.forward(s.loop, copyFail)
		s.grace()
	case x.Skipping():
		x.Forward(wire.OweSync, true, nil)
		srv.forward(s.loop, wire.AppendSync(nil))
		s.grace()
	case x.BatchOpen():
		s.end(pool.ReasonClientGone) // a Sync of ours would commit what its client has not
	case !x.Settled():
		s.grace()
	case x.Status() != wire.TxIdle:
		s.undo(srv)
	default:
		s.endQuiet(srv)
	}
}

var copyFail = []byte("f\x00\x00\x00\x15client went away\x00")

// grace starts the clock on a statement whose client is gone.
func (s *session) grace() {
	if s.timer.kind != graceTimer {
		s.arm(graceTimer)
	}
}

// endQuiet ends a session whose server is quiet. One that was pinned is made
// blank first: nobody knows what it carries.
func (s *session) endQuiet(srv *server) {
	switch {
	case s.pinned == 0 && s.route.Mode != modeSession:
		s.release()
		s.end(pool.ReasonClientGone)
	default:
		s.aside(srv, phaseBlanking, pool.BlankMessage())
	}
}

// undo rolls back the transaction that a departed client, or a statement that
// may not span one, has left open.
func (s *session) undo(srv *server) {
	s.stopTx()
	s.aside(srv, phaseUndoing, pool.RollbackMessage())
}

// undone goes on after our ROLLBACK: a departed session ends, one in statement
// mode is told what it may not do.
func (s *session) undone() {
	srv := s.server
	if !s.owesReady { // its client has departed
		s.enter(phaseActive)
		s.endQuiet(srv)
		return
	}
	s.reply(wire.AppendReady(errNoTransactions.AppendTo(nil), wire.TxIdle))
	s.release()
	s.proceed()
}

// serverLost ends what the session had with a server that is gone or cannot be
// understood. Its client hears of it exactly once.
func (s *session) serverLost(srv *server, reason pool.Reason, why string) {
	if s.phase == phaseSwitching {
		s.lostInSwitch(reason, serverLostError(why))
		return
	}
	phase, committing := s.phase, s.ending && srv.conn.Exchange.Owing() > 0
	said := srv.saidFatal
	s.discard(reason)
	switch {
	case phase == phaseBlanking:
		s.close()
	case said || s.eof && s.deaf:
		s.end(reason)
	case committing:
		s.fatal(errOutcomeUnknown)
	default:
		s.fatal(serverLostError(why))
	}
}

// startTx starts the clock on a transaction, unless it runs already.
func (s *session) startTx() {
	lasts := s.lasts(transactionTimer)
	if lasts == 0 || s.txTimer != nil {
		return
	}
	s.txTimer = &timer{session: s}
	s.loop.timers.set(s.txTimer, transactionTimer, lasts, s.loop.now)
}

func (s *session) stopTx() {
	if s.txTimer != nil {
		s.loop.timers.stop(s.txTimer)
		s.txTimer = nil
	}
}

// expired handles the end of one of the session's timers.
func (s *session) expired(k timerKind) {
	switch k {
	case waitTimer:
		s.waitedTooLong()
	case queryTimer:
		s.timedOut = true
		s.startCancel()
	case delayTimer:
		s.delayEnds()
	case graceTimer:
		s.startCancel()
		s.end(pool.ReasonClientGone)
	case idleTxTimer:
		if !s.whole() || s.gathers() {
			s.fatal(errHalfMessage)
			return
		}
		s.fatal(errIdleInTransaction)
	case transactionTimer:
		s.fatal(errTransactionTimeout)
	case clientIdleTimer:
		s.fatal(errClientIdle)
	case lingerTimer, unsentTimer:
		s.close()
	case asideTimer:
		s.serverLost(s.server, pool.ReasonTimeout, "server did not answer in time")
	}
}

// waitedTooLong takes a session out of the queue that its server did not come to
// in time. If the grant is in the mail already, it is taken.
func (s *session) waitedTooLong() {
	if s.phase != phaseWaiting {
		return
	}
	why := s.waitError()
	if !s.leaveQueue() {
		return
	}
	s.enter(phaseIdle)
	s.refusal = why
	s.proceed()
}
