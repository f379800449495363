package proxy

import (
	"bytes"

	"tenantpool/routing"
	"tenantpool/wire"
)

// holdLimit is how much of a message is waited for before it is handled: whole
// messages up to here are understood, longer ones by their beginning only, and
// stream through.
const holdLimit = 64 << 10

// pump handles the messages at the front of data and returns how many bytes are
// done with. It stops at a message that has to wait.
func (s *session) pump(data []byte) (used int) {
	a := &s.loop.toServer
	a.start(data)
	s.listen()
	for used < len(data) && s.mayForward() {
		n := s.pumpOne(data, used)
		if n == 0 {
			break
		}
		used += n
	}
	if out := a.done(); s.phase == phaseActive {
		s.server.forward(s.loop, out)
		s.giveOwn()
	}
	s.heard()
	s.chargeBytes(used)
	return used
}

// pumpOne handles what is at data[at]: the rest of a body, or one message. It
// returns the bytes done with, 0 if the message has to wait.
func (s *session) pumpOne(data []byte, at int) int {
	rest := data[at:]
	if s.body > 0 {
		n := min(s.body, len(rest))
		s.body -= n
		s.goesOn()
		if !s.bodyDrop {
			s.loop.toServer.take(at, at+n)
		}
		return n
	}
	if len(rest) < wire.HeaderSize {
		s.need = wire.HeaderSize
		return 0
	}
	m, size, err := wire.ClientHeader(rest)
	if err != nil {
		s.fatal(err)
		return 0
	}
	if m == wire.ClientTerminate {
		s.eof = true
		return len(rest)
	}
	msg, need := message{m, size, at, rest[:min(size, len(rest))], 0}, needed(m, size)
	if s.phase == phaseIdle && len(rest) >= min(need, idleHold) {
		n := s.whileIdle(msg)
		if n > 0 {
			s.handled(m)
		}
		if n > 0 || s.phase != phaseActive {
			return n
		}
	}
	if len(rest) < need {
		s.need = need
		return 0
	}
	n := s.whileActive(msg)
	if n > 0 {
		s.handled(m)
	}
	return n
}

// needed is how much of a message must be there before it is handled.
func needed(m wire.ClientMsg, size int) int {
	if m == wire.ClientCopyData {
		return wire.HeaderSize
	}
	return min(size, holdLimit)
}

// message is a client's message, or the beginning of a long one.
type message struct {
	kind wire.ClientMsg
	size int    // whole, with the header
	at   int    // where it begins in the input
	b    []byte // what is there of it
	own  int    // b has taken the place of so many bytes of the input; 0: it stands there
}

// taken is how many bytes of the input m accounts for.
func (m message) taken() int {
	if m.own > 0 {
		return m.own
	}
	return len(m.b)
}

// send sends on what is there of m from its byte skip on.
func (m message) send(a *assembly, skip int) {
	if m.own > 0 {
		a.added(append(a.add(), m.b[skip:]...))
		return
	}
	a.take(m.at+skip, m.at+len(m.b))
}

func (m message) body() []byte   { return m.b[wire.HeaderSize:] }
func (m message) complete() bool { return len(m.b) == m.size }

// pass sends m on as it is.
func (s *session) pass(m message) int {
	m.send(&s.loop.toServer, 0)
	s.body, s.bodyDrop = m.size-len(m.b), false
	return m.taken()
}

// replace sends what put appends in the place of m's first skip bytes, and the
// rest of m as it is.
func (s *session) replace(m message, skip int, put func(dst []byte) []byte) int {
	a := &s.loop.toServer
	a.added(put(a.add()))
	m.send(a, skip)
	s.body, s.bodyDrop = m.size-len(m.b), false
	return m.taken()
}

// swallow is done with m without sending it.
func (s *session) swallow(m message) int {
	s.body, s.bodyDrop = m.size-len(m.b), true
	return m.taken()
}

// whileIdle handles a message that finds the session without a server: it is
// answered here if that can be, and otherwise waits until there is one. It returns
// 0 if it has to wait, or there is one now.
func (s *session) whileIdle(m message) int {
	switch m.kind {
	case wire.ClientCopyData, wire.ClientCopyDone, wire.ClientCopyFail, wire.ClientFlush:
		return s.swallow(m) // as the server would
	}
	if s.skip {
		return s.skipping(m)
	}
	if !s.follow() {
		return 0
	}
	if s.refusal == nil && s.answerIdle(m) {
		return s.swallow(m)
	}
	if s.refusal == nil && !s.admit(m) {
		return 0
	}
	if s.refusal == nil {
		s.acquire()
	}
	if s.refusal != nil {
		return s.answerRefusal(m)
	}
	return 0
}

// answerIdle answers a message that needs no server at all. It may leave a
// refusal for it instead.
func (s *session) answerIdle(m message) bool {
	if !m.complete() || s.route.Mode == modeSession {
		return false
	}
	switch m.kind {
	case wire.ClientQuery:
		return s.queryWhileIdle(m)
	case wire.ClientSync:
		s.say(wire.AppendReady(nil, wire.TxIdle))
		return true
	case wire.ClientParse:
		return s.parseWhileIdle(m)
	case wire.ClientClose:
		return s.closeWhileIdle(m)
	}
	return false
}

// queryWhileIdle answers a Query that needs no server. It may leave a refusal
// for it instead.
func (s *session) queryWhileIdle(m message) bool {
	sql, ok := wire.QueryText(m.body())
	if !ok {
		return false
	}
	t := wire.Scan(sql)
	if t&wire.DiscardsAll != 0 {
		s.discardAll()
		s.say(wire.AppendReady(s.tellAgain(wire.AppendCommandComplete(nil, "DISCARD ALL")), wire.TxIdle))
		return true
	}
	if t&wire.Deallocates != 0 {
		if tag := s.deallocateWhileIdle(sql); tag != "" {
			s.say(wire.AppendReady(wire.AppendCommandComplete(nil, tag), wire.TxIdle))
			return true
		}
	}
	s.refusal = s.featureRefusal(t)
	return false
}

// discardAll forgets what DISCARD ALL makes a session forget, as far as it is
// kept here: the session has no server connection now.
func (s *session) discardAll() {
	s.changeState(s.first)
	s.id = s.id.Renewed()
	s.waiter.Holder = s.id
	clear(s.names)
	s.forgetUnnamed()
}

// tellAgain appends what the client has to hear to believe what it was told at
// login again.
func (s *session) tellAgain(dst []byte) []byte {
	for name, value := range s.params.Diff(s.told) {
		dst = wire.AppendParameterStatus(dst, name, value)
	}
	s.params = s.told
	return dst
}

// answerRefusal answers m with the error that stands against it.
func (s *session) answerRefusal(m message) int {
	e := s.refusal
	s.refusal, s.lost, s.cancelNext = nil, 0, false
	s.settled()
	s.failed(e.Code, FromPooler)
	switch m.kind {
	case wire.ClientQuery, wire.ClientFunctionCall, wire.ClientSync:
		s.say(wire.AppendReady(e.AppendTo(nil), wire.TxIdle))
	default:
		s.say(e.AppendTo(nil))
		s.skip = true
	}
	return s.swallow(m)
}

// skipping drops what follows an error of ours up to the Sync, as the server
// would.
func (s *session) skipping(m message) int {
	if m.kind == wire.ClientSync {
		s.skip = false
		s.say(wire.AppendReady(nil, wire.TxIdle))
	}
	return s.swallow(m)
}

// whileActive forwards a message to the session's server.
func (s *session) whileActive(m message) int {
	x := &s.server.conn.Exchange
	if s.refusal == nil && s.paced() && x.Quiet() && !s.admit(m) {
		return 0
	}
	s.fresh, s.lost = false, 0
	if s.queryAt == 0 {
		s.asks()
	}
	if s.server.ahead == aheadPlanned {
		s.lead(s.server)
	}
	switch m.kind {
	case wire.ClientParse, wire.ClientBind, wire.ClientDescribe, wire.ClientExecute, wire.ClientClose:
		s.server.openBatch = true
	}
	s.goesOn()
	switch m.kind {
	case wire.ClientCopyData, wire.ClientCopyDone, wire.ClientCopyFail:
		if !x.ForwardCopy(m.kind) {
			return s.swallow(m)
		}
		return s.pass(m)
	case wire.ClientSync:
		x.Forward(wire.OweSync, false, nil)
		return s.boundary(m)
	}
	switch {
	case x.CopyingIn() && m.kind != wire.ClientFlush:
		s.stuck = true // it would end the connection; it waits for the end of the COPY
		return 0
	case x.Skipping():
		return s.swallow(m)
	}
	return s.forward(m, x)
}

// goesOn stops the clock on a server that waits for its client.
func (s *session) goesOn() {
	if s.timer.kind == idleTxTimer {
		s.loop.timers.stop(&s.timer)
	}
}

// boundary passes a message that ends a batch. A session that pipelines waits
// there for its turn when others wait for a server.
func (s *session) boundary(m message) int {
	s.endBatch(m)
	return s.pass(m)
}

// endBatch keeps the books of a message that ends a batch.
func (s *session) endBatch(m message) {
	s.server.touched = s.id
	s.server.batch++
	if m.kind != wire.ClientSync && s.server.openBatch {
		s.tainted = true // Postgres 18 trips over its own feet behind that (seen on 18.4)
	}
	s.server.openBatch = false
	s.yield = s.yield || s.route.Mode == modeStatement || s.pool.Contended() || s.paced()
	s.busy()
}

// busy starts the clock on what the server was just asked.
func (s *session) busy() {
	switch {
	case s.server.ahead == aheadSent: // its own clock runs
	case s.leaving:
		s.arm(graceTimer)
	default:
		s.arm(queryTimer)
	}
}

func (s *session) forward(m message, x *wire.Exchange) int {
	if e := s.refusal; e != nil {
		s.refusal = nil
		return s.provoke(m, x, e)
	}
	s.chargeQuery(m.kind)
	if s.route.Policy == routing.IgnoreSettings {
		m = s.ignoring(m)
	}
	if s.route.Mode == modeSession {
		return s.forwardPlain(m, x)
	}
	switch m.kind {
	case wire.ClientQuery:
		return s.forwardQuery(m, x)
	case wire.ClientParse:
		return s.forwardParse(m, x)
	case wire.ClientBind:
		return s.forwardBind(m, x)
	case wire.ClientDescribe, wire.ClientClose:
		return s.forwardTarget(m, x)
	case wire.ClientFunctionCall:
		x.Forward(wire.OweCall, false, nil)
		s.server.conn.Ran(s.id, wire.MayChangeState)
		return s.boundary(m)
	case wire.ClientFlush:
		x.Forward(wire.OweNothing, false, nil)
		return s.pass(m)
	}
	return s.forwardExecute(m, x)
}

// forwardQuery forwards a simple Query.
func (s *session) forwardQuery(m message, x *wire.Exchange) int {
	sql, whole := wire.QueryText(m.body())
	if !whole || !m.complete() {
		return s.forwardLong(m, x)
	}
	traits := wire.Scan(sql)
	if e := s.screen(traits, sql); e != nil {
		return s.provoke(m, x, e)
	}
	if traits&wire.NamesStatements != 0 {
		return s.forwardNaming(m, x, sql)
	}
	s.beginQuery(traits, sql)
	x.Forward(wire.OweQuery, false, nil)
	return s.boundary(m)
}

// beginQuery notes that a simple Query is about to be sent.
func (s *session) beginQuery(t wire.Traits, sql []byte) {
	s.ran(t, sql)
	s.ending = t&wire.EndsTransaction != 0
	s.forgetUnnamed()
	s.server.unnamedOf = 0
}

// forwardLong forwards a Query of which only the beginning is there. What that
// shows is held against it; the rest is not read.
func (s *session) forwardLong(m message, x *wire.Exchange) int {
	t, changes := readBeginning(m.body())
	e := s.screen(t, nil)
	for _, c := range changes {
		if e == nil {
			e = s.governs(c)
		}
	}
	if e != nil {
		return s.provoke(m, x, e)
	}
	s.beginQuery(t, nil)
	s.noteUnread()
	for _, c := range changes {
		s.noteChange(c)
	}
	x.Forward(wire.OweQuery, false, nil)
	return s.boundary(m)
}

// readBeginning judges the beginning of a text. Settings are read off the
// statements that end in it; what its traits say of the whole is left out.
func readBeginning(text []byte) (wire.Traits, []wire.SettingChange) {
	t := wire.Scan(text)&^(wire.VisibleSet|wire.DiscardsAll) | wire.MayChangeState
	changes, _ := wire.SettingChanges(text[:bytes.LastIndexByte(text, ';')+1])
	return t, changes
}

// forwardPlain forwards in session mode: the server is the session's own until
// it ends, names and all. What the profile decides is still not the client's.
func (s *session) forwardPlain(m message, x *wire.Exchange) int {
	kind := plainKind(m)
	if kind == wire.OweQuery && !m.complete() {
		return s.forwardLong(m, x)
	}
	traits, sql := wire.MayChangeState, []byte(nil)
	switch {
	case kind == wire.OweQuery:
		sql, _ = wire.QueryText(m.body())
		traits = wire.Scan(sql)
		s.ending = traits&wire.EndsTransaction != 0
	case kind == wire.OweParse && m.complete():
		_, rest, _ := wire.SplitParse(m.body())
		sql = wire.ParseText(rest)
		traits = wire.Scan(sql)
	}
	if e := s.screen(traits, sql); e != nil {
		return s.provoke(m, x, e)
	}
	s.ran(traits|wire.MayChangeState, sql)
	if kind == wire.OweParse {
		s.counts.serverParses++
	}
	x.Forward(kind, false, nil)
	if kind == wire.OweQuery || kind == wire.OweCall {
		return s.boundary(m)
	}
	return s.pass(m)
}

func plainKind(m message) wire.Kind {
	switch m.kind {
	case wire.ClientQuery:
		return wire.OweQuery
	case wire.ClientFunctionCall:
		return wire.OweCall
	case wire.ClientParse:
		return wire.OweParse
	case wire.ClientBind:
		return wire.OweBind
	case wire.ClientExecute:
		return wire.OweExecute
	case wire.ClientClose:
		return wire.OweClose
	case wire.ClientDescribe:
		if b := m.body(); len(b) > 0 && b[0] == 'P' {
			return wire.OweDescribePortal
		}
		return wire.OweDescribeStatement
	}
	return wire.OweNothing
}
