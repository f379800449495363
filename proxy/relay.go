package proxy

import (
	"bytes"

	"tenantpool/pool"
	"tenantpool/routing"
	"tenantpool/wire"
)

// serverReady handles an event on the session's own server.
func (s *session) serverReady(events uint32) {
	srv := s.server
	if events&writable != 0 && srv.sending() {
		s.flushServer(srv)
		if s.server != srv {
			return
		}
	}
	if events&hungUp != 0 && s.behind() {
		srv.hangUp(s.loop) // it would be reported without end; the client comes first
		return
	}
	if events&(readable|hungUp) != 0 {
		s.readServer(srv)
	}
}

// flushServer goes on writing to the server; when it has taken all, the client
// may go on.
func (s *session) flushServer(srv *server) {
	if srv.flush(s.loop) != nil {
		srv.broken = true
		s.loop.chunks.put(srv.out)
		srv.out, srv.outAt = nil, 0
	}
	if !srv.sending() {
		s.proceed()
	}
}

// behind says that the client has not yet taken what it was sent.
func (s *session) behind() bool { return s.sending() && !s.deaf }

// readServer takes what the server sent, unless the client is behind. Of a
// server that is gone everything is read, for no event will ask for the rest.
func (s *session) readServer(srv *server) {
	for s.readServerOnce(srv) && srv.hup && s.server == srv {
	}
}

// readServerOnce reads once; it returns false if that brought nothing.
func (s *session) readServerOnce(srv *server) bool {
	l := s.loop
	if s.behind() {
		srv.pause(l)
		return false
	}
	held := len(srv.in)
	data, st := srv.fill(l, srv.need, readSize)
	s.stuck = false
	used, err := s.fromServer(srv, data)
	progress := len(data) > held || st != readMore
	if s.server != srv {
		return progress // discarded on the way
	}
	srv.keep(l, data, used)
	switch {
	case err != nil:
		s.serverLost(srv, pool.ReasonProtocol, err.Error())
	case st != readMore:
		s.serverLost(srv, pool.ReasonServerClosed, "server closed the connection unexpectedly")
	default:
		s.proceed()
		s.cancelHeld()
	}
	return progress
}

func (s *session) fromServer(srv *server, data []byte) (int, error) {
	switch s.phase {
	case phaseSwitching, phaseUndoing, phaseBlanking:
		return s.readAside(srv, data), nil
	case phaseRestoring, phaseReading, phaseLooking:
		used := s.readAside(srv, data)
		if s.server != srv || s.phase != phaseActive {
			return used, nil
		}
		more, err := s.relay(srv, data[used:]) // a notification, for one
		return used + more, err
	}
	if srv.ahead != aheadSent {
		return s.relay(srv, data)
	}
	used, confirmed := s.readAhead(srv, data)
	if !confirmed {
		return used, nil
	}
	n, err := s.relay(srv, data[used:])
	return used + n, err
}

// relay sends the server's messages on to the client and keeps the books.
func (s *session) relay(srv *server, data []byte) (used int, err error) {
	a := &s.loop.toClient
	a.start(data)
	for used < len(data) && err == nil && s.phase == phaseActive {
		var n int
		if n, err = s.relayOne(srv, data, used); n == 0 {
			break
		}
		used += n
	}
	s.reply(a.done())
	s.chargeBytes(used)
	return used, err
}

// relayOne handles what is at data[at]: the rest of a body, or one message. It
// returns the bytes done with, 0 if more are needed.
func (s *session) relayOne(srv *server, data []byte, at int) (int, error) {
	rest := data[at:]
	if srv.body > 0 {
		n := min(srv.body, len(rest))
		srv.body -= n
		if !srv.bodyDrop {
			s.loop.toClient.take(at, at+n)
		}
		if srv.body == 0 && srv.completes {
			srv.completes = false
			s.completed(srv.ref)
		}
		return n, nil
	}
	if len(rest) < wire.HeaderSize {
		srv.need = wire.HeaderSize
		return 0, nil
	}
	m, size, e := wire.ServerHeader(rest)
	if e != nil {
		return 0, e
	}
	have := min(size, len(rest))
	if have < size && understood(m) && have < holdLimit {
		srv.need = min(size, holdLimit)
		return 0, nil
	}
	return have, s.relayMessage(srv, reply{m, size, at, rest[:have]})
}

// understood says which messages are looked into; all others go by their header.
func understood(m wire.ServerMsg) bool {
	switch m {
	case wire.ServerReadyForQuery, wire.ServerErrorResponse, wire.ServerParameterStatus, wire.ServerCommandComplete:
		return true
	}
	return false
}

// reply is a server's message, or the beginning of a long one.
type reply struct {
	kind wire.ServerMsg
	size int
	at   int
	b    []byte
}

func (r reply) body() []byte { return r.b[wire.HeaderSize:] }

func (s *session) relayMessage(srv *server, r reply) error {
	x := &srv.conn.Exchange
	var status byte
	if r.kind == wire.ServerReadyForQuery {
		if r.size != wire.HeaderSize+1 {
			return wire.FatalProtocol("malformed ReadyForQuery from the server")
		}
		status = r.b[wire.HeaderSize]
	}
	receipt, err := x.Receive(r.kind, status)
	if err != nil {
		return err
	}
	srv.body, srv.bodyDrop = r.size-len(r.b), receipt.Hidden
	switch r.kind {
	case wire.ServerErrorResponse:
		s.relayError(srv, r, receipt)
		return nil
	case wire.ServerReadyForQuery:
		if s.atReady(srv, status) {
			return nil
		}
	case wire.ServerParameterStatus:
		if err := srv.note(r.kind, r.body()); err != nil {
			return err
		}
		if s.discarded {
			srv.bodyDrop, receipt.Hidden = true, true
			break
		}
		if s.retell(r.body()) {
			return nil
		}
		s.learn(r.body())
	case wire.ServerCommandComplete:
		s.noteTag(srv, r.body())
		if tag := s.toldTag(receipt.Ref); tag != "" {
			srv.bodyDrop = true
			s.loop.toClient.added(wire.AppendCommandComplete(s.loop.toClient.add(), tag))
			receipt.Hidden = true
		}
	}
	if !receipt.Hidden {
		s.loop.toClient.take(r.at, r.at+len(r.b))
	}
	switch {
	case !receipt.Complete:
	case srv.body > 0:
		srv.completes, srv.ref = true, receipt.Ref // once the whole message has passed
	default:
		s.completed(receipt.Ref)
	}
	return nil
}

// completed makes the change that waited for this answer, and gives the answers
// of ours that waited behind it.
func (s *session) completed(ref any) {
	if c, ok := ref.(*change); ok {
		s.answered(c)
	}
	if s.server.conn.Exchange.OwnWaits() {
		a := &s.loop.toClient
		a.added(s.appendOwn(a.add()))
	}
}

// relayError passes a server's error on, or ours in its place.
func (s *session) relayError(srv *server, r reply, receipt wire.Receipt) {
	a := &s.loop.toClient
	f, err := wire.ParseErrorFields(r.body())
	if err == nil {
		s.noteError(srv, f, receipt.Ref)
	}
	for _, ref := range receipt.Struck {
		s.struck(ref)
	}
	if p, ok := receipt.Ref.(*provoked); ok {
		srv.bodyDrop = true
		a.added(p.error.AppendTo(a.add()))
		s.failed(p.error.Code, FromPooler)
		return
	}
	if s.timedOut && err == nil && string(f.Code) == errCanceled.Code {
		srv.bodyDrop = true
		a.added(queryTimedOut(s.route).AppendTo(a.add()))
		s.failed(queryTimedOut(s.route).Code, FromPooler)
		return
	}
	if receipt.Hidden && srv.conn.Exchange.HeadKind() == wire.OweQuery {
		return // an error in a Query of ours
	}
	srv.bodyDrop = false
	if b, ok := s.inClientsWords(r, receipt.Ref); ok {
		a.added(append(a.add(), b...))
	} else {
		a.take(r.at, r.at+len(r.b))
	}
	s.failed(string(f.Code), FromServer)
}

// noteError draws what is to be drawn from an error on its way to the client.
func (s *session) noteError(srv *server, f wire.ErrorFields, ref any) {
	s.unsure = s.unsure || s.resetting()
	s.doubted = s.doubted || len(s.asked) > 0
	switch string(f.Severity) {
	case "FATAL", "PANIC":
		srv.saidFatal = true
	}
	switch string(f.Code) {
	case "0A000":
		if stmt, ok := ref.(*pool.Statement); ok {
			stmt.Invalidate()
		}
	case "26000":
		if _, ok := ref.(*pool.Statement); ok {
			srv.conn.Statements.Reset() // something hidden has deallocated ours
		}
	case "25006", "57P01", "57P02", "57P03":
		s.pool.Doubt(srv.conn)
	case "42P01", "3F000":
		s.pool.RecheckSoon(s.state.Profile())
	}
}

// atReady handles a ReadyForQuery. It returns true if the client is not to see
// it yet.
func (s *session) atReady(srv *server, status byte) bool {
	x := &srv.conn.Exchange
	s.ending, s.timedOut = false, false
	s.isReady(status, x.Owing() > 0)
	if s.recheck && status == wire.TxIdle {
		s.recheck = false
		s.pool.RecheckSoon(s.state.Profile())
	}
	if s.discarded {
		s.discarded = false
		s.loop.toClient.added(s.tellAgain(s.loop.toClient.add()))
	}
	s.catchUp(srv)
	if status == wire.TxIdle {
		s.local = false
		s.altered(x.Owing() > 0)
		if x.Owing() == 0 {
			s.portals = nil // they end with the transaction
			s.settled()
		}
		s.stopTx()
		s.loop.timers.stop(&s.timer)
		return false
	}
	if s.route.Mode == modeStatement && x.Owing() == 0 {
		s.owesReady = true // it follows our ROLLBACK
		return true
	}
	s.startTx()
	if x.Owing() == 0 {
		s.arm(idleTxTimer)
	}
	return false
}

// learn keeps the value that the server reports: it is the connection's, and
// the client's view, and where the client may set it, the client's own setting.
func (s *session) learn(body []byte) {
	n, v, ok := wire.SplitParameterStatus(body)
	if !ok {
		return
	}
	name, value := string(n), string(v)
	s.params = s.params.Set(name, value)
	if name == "default_transaction_read_only" && !s.changed {
		return // an operator fences the server: that is not the client's, and does not follow it
	}
	if settable(name) {
		s.changeState(s.state.With(name, value))
	}
}

// settable says which of the parameters that servers report a client may set;
// the others are the server's to tell.
func settable(name string) bool {
	switch name {
	case "application_name", "client_encoding", "DateStyle", "IntervalStyle", "TimeZone",
		"standard_conforming_strings", "default_transaction_read_only", "scram_iterations":
		return true
	}
	return false
}

func (s *session) changeState(to *pool.State) {
	s.state = to
	s.waiter.Want = to
}

// noteTag notes the commands that empty a connection of its statements.
func (s *session) noteTag(srv *server, body []byte) {
	tag, ok := wire.CommandTag(body)
	if ok && len(tag) == 6 && string(tag) == "LISTEN" {
		s.pin(pinReason(routing.Listen).set()) // perhaps behind more text than is read
	}
	if !ok || len(tag) < 11 || tag[0] != 'D' {
		return
	}
	switch {
	case bytes.Equal(tag, []byte("DISCARD SEQUENCES")):
		s.loosen(pinReason(routing.Sequences).set())
	case bytes.Equal(tag, []byte("DISCARD ALL")), bytes.Equal(tag, []byte("DEALLOCATE ALL")):
		srv.conn.Statements.Reset()
		s.dropNames()
		if tag[1] == 'I' {
			s.changeState(s.first)
			s.changed, s.restore, s.asked = true, true, nil
			s.resets = append(s.resets[:0], s.first.Settings()...)
			s.discarded = srv.conn.Exchange.Owing() == 1
			s.loosen(^seenPins)
			s.suspect = s.pinned != 0 // what came behind it in its batch may be left
		}
	}
}

// catchUp tells the client what the server reports otherwise than it was told,
// after a switch or a restoring that went on unseen. One that is still to come is
// waited for.
func (s *session) catchUp(srv *server) {
	if !s.compare || s.restore || s.restoreOwn {
		return
	}
	s.compare = false
	a := &s.loop.toClient
	for name, value := range s.params.Diff(srv.conn.Reported) {
		if settable(name) {
			a.added(wire.AppendParameterStatus(a.add(), name, value))
			s.params = s.params.Set(name, value)
		}
	}
}

// rest does what a settled server is owed, and gives it back if the session
// needs it no more. It returns true if it was given back. While a message is
// half-way in either direction, or a cancel request under way, nothing happens.
func (s *session) rest() (released bool) {
	if s.phase != phaseActive || s.fresh || s.canceling {
		return false
	}
	srv := s.server
	x := &srv.conn.Exchange
	if !x.Settled() || !srv.whole() || !s.whole() {
		return false
	}
	s.yield = false
	switch {
	case s.owesReady:
		s.undo(srv)
	case s.look(srv), s.tend(srv):
	case x.Quiet() && s.mayRelease():
		s.release()
		return true
	}
	return false
}

// whole says that no message of the client's has been sent in part.
func (s *session) whole() bool { return s.body == 0 || s.bodyDrop }

// cancelHeld sends on a cancel request that came while the session's switch ran
// and its message had not been sent yet.
func (s *session) cancelHeld() {
	if s.cancelNext && s.phase == phaseActive {
		s.cancelNext = false
		s.startCancel()
	}
}
