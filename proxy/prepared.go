package proxy

import (
	"encoding/binary"
	"strconv"

	"tenantpool/pool"
	"tenantpool/wire"
)

// replayLimit is the longest unnamed statement that is remembered, so that it
// can be parsed again where a switch has destroyed it.
const replayLimit = 16 << 10

// binding is what a client's statement name stands for.
type binding struct {
	stmt  *pool.Statement
	large string // its name on the server, if it is not shared: it is too long, or SQL has prepared it; the session is pinned
}

// maxName is how much of the name of a statement or portal counts, in bytes: to
// the server two that begin alike are one (NAMEDATALEN is 64).
const maxName = 63

func cutName(name []byte) string { return string(name[:min(len(name), maxName)]) }

// change is what happens to statements when the answer to one message passes;
// it is the ref of that message in the exchange. If the answer never comes,
// because an error skipped it, the change dies.
type change struct {
	name   string // the client's name; changed if renames
	to     binding
	rename bool                  // the client's name changes; to the zero binding: it is closed
	parse  *pool.ServerStatement // sent to be parsed
	stmt   *pool.Statement       // what it holds
	close  *pool.ServerStatement // sent to be closed
	answer wire.ServerMsg        // given by us: ParseComplete or CloseComplete
	tag    string                // told in the place of the server's
	each   bool                  // all names are dropped
	error  *wire.Error           // instead: running it is refused
	batch  uint64                // in which it was sent
}

// unnamedParse is the ref of every Parse of the unnamed statement.
var unnamedParse = &change{}

// lookup finds what a client's name will stand for once everything sent so far
// in this batch has gone well. open says that a batch before this one decides:
// it may yet fail.
func (s *session) lookup(name []byte) (b binding, exists, open bool) {
	name = name[:min(len(name), maxName)]
	for i := len(s.pending) - 1; i >= 0; i-- {
		if c := s.pending[i]; c.each || c.name == string(name) {
			return c.to, c.to != binding{}, c.batch != s.server.batch
		}
	}
	b, exists = s.names[cutName(name)]
	return b, exists, false
}

// await has a message wait for the answers to the batches sent before.
func (s *session) await() int {
	s.yield = true
	return 0
}

// owe queues a message's answer with the change that its passing makes.
func (s *session) owe(x *wire.Exchange, k wire.Kind, hidden bool, c *change) {
	c.batch = s.server.batch
	if k == wire.OweParse {
		s.counts.serverParses++
	}
	if x.Forward(k, hidden, c) && c.rename {
		s.pending = append(s.pending, c)
	}
}

// answerSelf queues an answer of ours, which takes its place behind all others.
func (s *session) answerSelf(x *wire.Exchange, c *change) {
	c.batch = s.server.batch
	if x.Own(c) {
		s.pending = append(s.pending, c)
	}
}

// forwardParse handles the Parse of a named statement: one that the server has
// already is answered here, any other is parsed under a name of ours.
func (s *session) forwardParse(m message, x *wire.Exchange) int {
	name, rest, ok := wire.SplitParse(m.body())
	switch {
	case !ok:
		x.Forward(wire.OweParse, false, nil)
		return s.pass(m)
	case len(name) == 0:
		return s.parseUnnamed(m, x, rest)
	}
	switch _, exists, open := s.lookup(name); {
	case open:
		return s.await()
	case exists:
		return s.provokeDuplicate(m, x, name, rest)
	}
	if s.hasTooMany(1) {
		return s.provoke(m, x, tooManyStatements(s.route))
	}
	if !m.complete() || !wire.ValidParse(rest) {
		return s.parseUnshared(m, x, name)
	}
	stmt := s.intern(rest)
	if e := s.screen(stmt.Traits(), wire.ParseText(rest)); e != nil {
		return s.provoke(m, x, e)
	}
	c := &change{name: cutName(name), to: binding{stmt: stmt}, rename: true}
	known := s.server.conn.Statements
	if known.Find(s.parsesUnder(), stmt, s.server.batch) != nil && x.Status() != wire.TxFailed && !s.altering {
		if x.AwaitsReady() {
			return s.await() // a transaction that has failed by then refuses it
		}
		c.answer = wire.ServerParseComplete
		s.answerSelf(x, c)
		return s.swallow(m)
	}
	c.stmt, c.parse = stmt, known.Add(s.parsesUnder(), stmt, s.server.batch)
	s.evict(x)
	s.owe(x, wire.OweParse, false, c)
	return s.rename(m, 0, name, c.parse.Name)
}

// intern is the statement that a Parse makes now.
func (s *session) intern(body []byte) (stmt *pool.Statement) {
	l := s.loop
	stmt, l.key = s.proxy.statements.InternFor(s.first.Profile(), body, l.key)
	return stmt
}

// alters notes that a text is about to run which may change what others mean to
// the tenant. While its transaction is open no Parse of the session is answered
// here, and when it has ended, as it may, they all mean something new again.
func (s *session) alters() {
	s.altering = true
	s.first.Profile().Altered()
}

// altered notes the end of that transaction. more says that another one was sent
// behind it, of which it is not known what it does.
func (s *session) altered(more bool) {
	if s.altering {
		s.altering = more
		s.first.Profile().Altered()
	}
}

// hasTooMany says that the client may not prepare n further statements.
func (s *session) hasTooMany(n int) bool {
	limit := s.route.MaxPrepared
	return limit > 0 && len(s.names)+len(s.pending)+n > limit
}

// goodStatement is a statement that a server has parsed under a state.
type goodStatement struct {
	state *pool.State
	stmt  *pool.Statement
}

// maxGood bounds how many of them a loop remembers.
const maxGood = 8 << 10

func (l *Loop) parsedWell(g goodStatement) {
	if len(l.good) >= maxGood {
		clear(l.good)
	}
	l.good[g] = struct{}{}
}

// parseWhileIdle answers the Parse of a statement that parsed well before: it
// takes no server until it is bound. A client that prepares and waits, while
// others that depend on it hold all the servers, would else wait for ever.
func (s *session) parseWhileIdle(m message) bool {
	name, rest, ok := wire.SplitParse(m.body())
	if !ok || len(name) == 0 || !wire.ValidParse(rest) {
		return false
	}
	if _, exists := s.names[cutName(name)]; exists || s.hasTooMany(1) {
		return false // the server will help to say so
	}
	stmt := s.intern(rest)
	if _, good := s.loop.good[goodStatement{s.state, stmt}]; !good {
		return false
	}
	s.setName(cutName(name), binding{stmt: stmt})
	s.say(wire.AppendEmpty(nil, wire.ServerParseComplete))
	return true
}

// closeWhileIdle answers the Close of a named statement.
func (s *session) closeWhileIdle(m message) bool {
	kind, name, ok := wire.SplitTarget(m.body())
	if !ok || kind != 'S' || len(name) == 0 {
		return false
	}
	delete(s.names, cutName(name))
	s.say(wire.AppendEmpty(nil, wire.ServerCloseComplete))
	return true
}

func (s *session) setName(name string, to binding) {
	if s.names == nil {
		s.names = make(map[string]binding)
	}
	s.names[name] = to
}

// parsesUnder is the state under which statements are parsed now. While a change of
// settings has been sent and not yet been read back, that is nobody else's.
func (s *session) parsesUnder() *pool.State {
	if !s.changed && !s.local {
		return s.state
	}
	return s.state.With("tenantpool.unsettled", strconv.FormatUint(uint64(s.id), 10)+"."+strconv.FormatUint(s.server.batch, 10))
}

// parseUnshared forwards a Parse that cannot be shared: too long to be held, or
// malformed, which is for the server to say. The session keeps its server.
func (s *session) parseUnshared(m message, x *wire.Exchange, name []byte) int {
	c := &change{name: cutName(name), rename: true}
	s.server.large++
	c.to.large = s.server.conn.Statements.UnknownName() + "_" + strconv.FormatUint(s.server.large, 10)
	t, _ := readBeginning(m.body()[len(name)+1:])
	e := s.screen(t, nil)
	if e == nil && !m.complete() && s.pinned == 0 && !s.mayPin() {
		e = tooManyPinned(pinLargeStatement.set())
	}
	if e != nil {
		return s.provoke(m, x, e)
	}
	s.ran(t, nil)
	s.noteUnread()
	if !m.complete() {
		s.pin(pinLargeStatement.set())
	}
	s.owe(x, wire.OweParse, false, c)
	return s.rename(m, 0, name, c.to.large)
}

// rename sends m on with the statement name old, which stands front bytes into
// its body, replaced.
func (s *session) rename(m message, front int, old []byte, to string) int {
	size := m.size - len(old) + len(to)
	if size > wire.MaxMessage {
		s.fatal(errMessageTooLong)
		return 0
	}
	skip := wire.HeaderSize + front + len(old)
	return s.replace(m, skip, func(dst []byte) []byte {
		dst = append(dst, byte(m.kind))
		dst = binary.BigEndian.AppendUint32(dst, uint32(size-1))
		dst = append(dst, m.b[wire.HeaderSize:wire.HeaderSize+front]...)
		return append(dst, to...)
	})
}

// parseUnnamed forwards a Parse of the unnamed statement and remembers it.
func (s *session) parseUnnamed(m message, x *wire.Exchange, rest []byte) int {
	traits, _ := readBeginning(rest)
	if m.complete() {
		traits = wire.Scan(wire.ParseText(rest))
	}
	if e := s.screen(traits, wire.ParseText(rest)); e != nil {
		return s.provoke(m, x, e)
	}
	s.named = m.complete() && len(rest) <= replayLimit
	s.holdBack = !s.named
	s.unnamed = s.unnamed[:0]
	if s.named {
		s.unnamed = append(s.unnamed, rest...)
	}
	s.unnamedTraits = traits
	s.server.unnamedOf = s.id
	s.oweUnnamed(x, wire.OweParse, false)
	return s.pass(m)
}

// forgetUnnamed notes that the client's unnamed statement is gone.
func (s *session) forgetUnnamed() {
	s.named, s.holdBack = false, false
	s.unnamed = s.unnamed[:0]
	if cap(s.unnamed) > 1<<10 {
		s.unnamed = nil
	}
}

// forwardBind forwards a Bind, behind a Parse of ours if the server does not
// have the statement.
func (s *session) forwardBind(m message, x *wire.Exchange) int {
	portal, name, _, ok := wire.SplitBind(m.body())
	switch {
	case !ok:
		x.Forward(wire.OweBind, false, nil)
		return s.pass(m)
	case len(name) == 0:
		return s.bindUnnamed(m, x, portal)
	}
	b, ok, open := s.lookup(name)
	switch {
	case open:
		return s.await()
	case !ok:
		return s.provoke(m, x, unknownStatement(name))
	case b.stmt == nil:
		s.noteUnread()
		x.Forward(wire.OweBind, false, nil)
		return s.rename(m, len(portal)+1, name, b.large)
	}
	t := b.stmt.Traits()
	if e := s.bindRefusal(t, b.stmt); e != nil {
		return s.provoke(m, x, e)
	}
	if len(s.portals) > 0 || t&wire.NamesStatements != 0 {
		if n, handled := s.bindNaming(m, x, portal, name, textOf(b.stmt)); handled {
			return n
		}
	}
	ss := s.ensure(x, b.stmt)
	s.runsShared(b.stmt)
	x.Forward(wire.OweBind, false, b.stmt)
	return s.rename(m, len(portal)+1, name, ss.Name)
}

// bindUnnamed forwards a Bind of the unnamed statement.
func (s *session) bindUnnamed(m message, x *wire.Exchange, portal []byte) int {
	if e := s.bindRefusal(s.unnamedTraits, nil); e != nil {
		return s.provoke(m, x, e)
	}
	if len(s.portals) > 0 || s.unnamedTraits&wire.NamesStatements != 0 {
		if n, handled := s.bindNaming(m, x, portal, nil, wire.ParseText(s.unnamed)); handled {
			return n
		}
	}
	s.ensureUnnamed(x)
	s.holdBack = false
	if !s.named {
		s.runsStatement(s.unnamedTraits&^wire.VisibleSet, nil)
		s.noteUnread()
	} else {
		s.runsStatement(s.unnamedTraits, s.unnamed)
	}
	x.Forward(wire.OweBind, false, nil)
	return s.pass(m)
}

// runsShared notes that a named statement is about to run.
func (s *session) runsShared(stmt *pool.Statement) {
	var body []byte
	if stmt.Traits()&wire.VisibleSet != 0 {
		body = []byte(stmt.Body())
	}
	s.runsStatement(stmt.Traits(), body)
}

func (s *session) runsStatement(t wire.Traits, body []byte) {
	s.ran(t, wire.ParseText(body))
	s.ending = s.ending || t&wire.EndsTransaction != 0
}

// ensure makes sure that the server has stmt by the time it reads what is sent
// next.
func (s *session) ensure(x *wire.Exchange, stmt *pool.Statement) *pool.ServerStatement {
	known := s.server.conn.Statements
	if ss := known.Find(s.parsesUnder(), stmt, s.server.batch); ss != nil {
		return ss
	}
	ss := known.Add(s.parsesUnder(), stmt, s.server.batch)
	s.evict(x)
	a := &s.loop.toServer
	a.added(wire.AppendParse(a.add(), ss.Name, stmt.Body()))
	s.owe(x, wire.OweParse, true, &change{parse: ss, stmt: stmt})
	return ss
}

// evict closes the statements that the server connection has had for too long.
func (s *session) evict(x *wire.Exchange) {
	l := s.loop
	l.evicted = s.server.conn.Statements.Evict(l.evicted[:0])
	for _, ss := range l.evicted {
		a := &l.toServer
		a.added(wire.AppendTarget(a.add(), wire.ClientClose, 'S', ss.Name))
		s.owe(x, wire.OweClose, true, &change{close: ss})
	}
}

// ensureUnnamed makes sure that the server's unnamed statement is the client's:
// parsed again if it was destroyed, closed if it is another session's.
func (s *session) ensureUnnamed(x *wire.Exchange) {
	if s.server.unnamedOf == s.id {
		return
	}
	s.server.unnamedOf = s.id
	a := &s.loop.toServer
	if s.named {
		a.added(wire.AppendParse(a.add(), "", s.unnamed))
		s.oweUnnamed(x, wire.OweParse, true)
		return
	}
	a.added(wire.AppendTarget(a.add(), wire.ClientClose, 'S', ""))
	s.oweUnnamed(x, wire.OweClose, true)
}

// oweUnnamed queues the answer to what makes or drops the unnamed statement.
func (s *session) oweUnnamed(x *wire.Exchange, k wire.Kind, hidden bool) {
	if k == wire.OweParse {
		s.counts.serverParses++
	}
	if x.Forward(k, hidden, unnamedParse) {
		s.unnamedDue++
	}
}

// forwardTarget forwards a Describe or a Close.
func (s *session) forwardTarget(m message, x *wire.Exchange) int {
	kind, name, ok := wire.SplitTarget(m.body())
	if !ok || kind == 'P' {
		x.Forward(plainKind(m), false, nil)
		return s.pass(m)
	}
	if m.kind == wire.ClientClose {
		return s.forwardClose(m, x, name)
	}
	if len(name) == 0 {
		s.ensureUnnamed(x)
		x.Forward(wire.OweDescribeStatement, false, nil)
		return s.pass(m)
	}
	b, ok, open := s.lookup(name)
	switch {
	case open:
		return s.await()
	case !ok:
		return s.provoke(m, x, unknownStatement(name))
	case b.stmt == nil:
		x.Forward(wire.OweDescribeStatement, false, nil)
		return s.rename(m, 1, name, b.large)
	}
	ss := s.ensure(x, b.stmt)
	x.Forward(wire.OweDescribeStatement, false, b.stmt)
	return s.rename(m, 1, name, ss.Name)
}

// forwardClose handles the Close of a statement. A named one stays on the
// server for others: only the client's name goes.
func (s *session) forwardClose(m message, x *wire.Exchange, name []byte) int {
	if len(name) == 0 {
		s.ensureUnnamed(x)
		s.forgetUnnamed()
		x.Forward(wire.OweClose, false, nil)
		return s.pass(m)
	}
	c := &change{name: cutName(name), rename: true}
	b, _, open := s.lookup(name)
	if open {
		return s.await()
	}
	if b.large != "" {
		s.owe(x, wire.OweClose, false, c)
		return s.rename(m, 1, name, b.large)
	}
	c.answer = wire.ServerCloseComplete
	s.answerSelf(x, c)
	return s.swallow(m)
}

// answered makes the change whose answer has passed.
func (s *session) answered(c *change) {
	known := s.server.conn.Statements
	if c.parse != nil {
		known.Parsed(c.parse)
	}
	if c.close != nil {
		known.Closed(c.close)
	}
	if c == unnamedParse {
		s.unnamedDue--
	}
	if !c.rename {
		return
	}
	s.forgetChange(c)
	if c.each {
		s.dropNames()
		return
	}
	if (c.to == binding{}) {
		s.forgetName(c.name)
		return
	}
	s.setName(c.name, c.to)
	if c.to.stmt != nil && !s.changed && !s.local {
		s.loop.parsedWell(goodStatement{s.state, c.to.stmt})
	}
}

// struck undoes what waited for an answer that will not come.
func (s *session) struck(ref any) {
	c, ok := ref.(*change)
	if !ok {
		return
	}
	known := s.server.conn.Statements
	if c.parse != nil {
		known.Failed(c.parse)
		delete(s.loop.good, goodStatement{s.state, c.stmt})
	}
	if c.close != nil {
		known.NotClosed(c.close)
	}
	if c == unnamedParse {
		s.unnamedDue--
		if s.unnamedDue == 0 { // else another one follows, in a later batch
			s.forgetUnnamed()
			s.server.unnamedOf = 0
		}
	}
	if c.rename {
		s.forgetChange(c)
	}
}

func (s *session) forgetChange(c *change) {
	for i, p := range s.pending {
		if p == c {
			s.pending = append(s.pending[:i], s.pending[i+1:]...)
			return
		}
	}
}

// giveOwn sends the client the answers of ours whose turn it is.
func (s *session) giveOwn() {
	if s.server.body > 0 || s.server.ahead == aheadSent {
		return // not into the midst of a message, nor before the switch is confirmed
	}
	if b := s.appendOwn(nil); len(b) > 0 {
		s.reply(b)
	}
}

// appendOwn appends the answers of ours whose turn it is.
func (s *session) appendOwn(dst []byte) []byte {
	for {
		ref, ok := s.server.conn.Exchange.OwnDue()
		if !ok {
			return dst
		}
		c := ref.(*change)
		s.answered(c)
		dst = wire.AppendEmpty(dst, c.answer)
	}
}
