package proxy

import (
	"tenantpool/pool"
	"tenantpool/wire"
)

// A statement that a client has prepared by the protocol can be named in SQL,
// and one that SQL has prepared can be named by the protocol. The first kind has
// another name on the server, or none there at present, so DEALLOCATE of one
// never goes there: a stand-in that does nothing runs in its place, so that
// transaction and batch stay the server's, and its tag is told as the client's.

// standIn is the text of it. Nothing has that setting. (UNLISTEN, too, does
// nothing, but no transaction can be prepared behind it.)
const standIn = "RESET tenantpool.nothing"

// naming is the ref of a Query whose text names prepared statements.
type naming struct {
	uses []use
	tags int // commands that have completed
}

// use is what one statement of the text does with a name.
type use struct {
	wire.NameUse
	tag string // told in the place of the stand-in's; "": the text is the client's
}

// bySQL says that name stands for what SQL has prepared: the server has it under
// that name too.
func (b binding) bySQL(name string) bool { return b.large == name }

// forwardNaming forwards a Query that names prepared statements, when all that
// was sent before it has been answered.
func (s *session) forwardNaming(m message, x *wire.Exchange, sql []byte) int {
	if x.AwaitsReady() {
		return s.await()
	}
	found, statements := wire.NameUses(sql)
	if statements == 1 && x.Status() == wire.TxFailed || !wire.SurelyCut(sql) {
		found = nil // it will not run, or may be read otherwise
	}
	n := &naming{}
	if e := s.judgeNames(n, found); e != nil {
		return s.provoke(m, x, e)
	}
	text := n.text(sql, standIn)
	own := n.text(sql, "")
	s.beginQuery(wire.Scan(own), own)
	x.Forward(wire.OweQuery, false, n)
	s.endBatch(m)
	s.yield = true // what comes next may name what this one makes
	s.loop.toServer.added(wire.AppendQuery(s.loop.toServer.add(), string(text)))
	return s.swallow(m)
}

// judgeNames looks at what the statements of a text do, one after the other, or
// refuses it.
func (s *session) judgeNames(n *naming, found []wire.NameUse) *wire.Error {
	made := make(map[string]binding) // by the statements before
	fresh, onServer, none := 0, len(found) > 0 && s.hasOnServer(), false
	for _, u := range found {
		b, known := made[u.Name]
		if !known && !none {
			b, _, _ = s.lookup([]byte(u.Name))
		}
		tag, e := s.judgeName(u, b, onServer)
		if e != nil {
			return e
		}
		if u.Verb == wire.Prepares {
			if fresh++; s.hasTooMany(fresh) {
				return tooManyStatements(s.route)
			}
		}
		n.uses = append(n.uses, use{u, tag})
		made[u.Name] = binding{}
		switch u.Verb {
		case wire.Prepares:
			made[u.Name] = binding{large: u.Name}
			onServer = true
		case wire.Executes:
			made[u.Name] = b
		case wire.DropsEach:
			clear(made)
			onServer, none = false, true
		}
	}
	return nil
}

// judgeName says what a statement comes to that names what b is. tag is that of
// a DEALLOCATE that is ours to do. onServer is the word of hasOnServer.
func (s *session) judgeName(u wire.NameUse, b binding, onServer bool) (tag string, e *wire.Error) {
	exists, bySQL := b != binding{}, b.bySQL(u.Name)
	switch {
	case u.Verb == wire.Prepares && exists:
		return "", duplicateStatement([]byte(u.Name))
	case u.Verb == wire.Executes && exists && !bySQL:
		return "", errExecute
	case u.Verb == wire.Drops && exists && !bySQL:
		return "DEALLOCATE", nil
	case u.Verb == wire.DropsEach && !onServer:
		return "DEALLOCATE ALL", nil
	}
	return "", nil
}

// hasOnServer says that statements of the session are on its server, or may be
// when it has answered, under names that only DEALLOCATE itself can drop.
func (s *session) hasOnServer() bool {
	for _, c := range s.pending {
		if c.to.large != "" {
			return true
		}
	}
	for _, b := range s.names {
		if b.large != "" {
			return true
		}
	}
	return false
}

// text is sql with instead in the place of what is ours to do.
func (n *naming) text(sql []byte, instead string) []byte {
	var text []byte
	from := 0
	for _, u := range n.uses {
		if u.tag != "" {
			text = append(append(text, sql[from:u.From]...), instead...)
			from = u.To
		}
	}
	return append(text, sql[from:]...)
}

// commandDone notes a CommandComplete of the text. tag is told in its place if
// it is not empty.
func (s *session) commandDone(n *naming) (tag string) {
	n.tags++
	if len(n.uses) == 0 || n.uses[0].Index != n.tags-1 {
		return ""
	}
	u := n.uses[0]
	n.uses = n.uses[1:]
	switch u.Verb {
	case wire.Prepares:
		s.setName(u.Name, binding{large: u.Name})
	case wire.Drops:
		s.dropName(u.Name)
	case wire.DropsEach:
		s.dropNames()
	}
	return u.tag
}

// dropName forgets a statement of the session's.
func (s *session) dropName(name string) {
	if s.names[name].large != "" {
		s.server.conn.Ran(s.id, wire.Deallocates) // it may still be there
	}
	s.forgetName(name)
}

func (s *session) dropNames() {
	s.names = nil
	s.namesGone()
}

// forgetName forgets a name. Only where it was one that pinned the session are
// all the others looked at: a text may drop thousands.
func (s *session) forgetName(name string) {
	b := s.names[name]
	delete(s.names, name)
	s.suspect = s.suspect || s.pinned != 0
	if b.large != "" && !b.bySQL(name) {
		s.namesGone()
	}
}

// namesGone looks whether the statements are gone that pinned the session.
func (s *session) namesGone() {
	if s.pinned == 0 {
		return
	}
	s.suspect = true
	for name, b := range s.names {
		if b.large != "" && !b.bySQL(name) {
			return
		}
	}
	s.loosen(pinLargeStatement.set())
}

// forgetSQL forgets the names of what SQL has prepared: it is not there any more.
func (s *session) forgetSQL() {
	for name, b := range s.names {
		if b.bySQL(name) {
			delete(s.names, name)
		}
	}
}

// deallocateWhileIdle drops what the text says and returns the tag for it; ""
// leaves it to a server.
func (s *session) deallocateWhileIdle(sql []byte) (tag string) {
	uses, statements := wire.NameUses(sql)
	if len(uses) != 1 || statements != 1 {
		return ""
	}
	if tag, _ = s.judgeName(uses[0], s.names[uses[0].Name], s.hasOnServer()); tag != "" {
		s.commandDone(&naming{uses: []use{{uses[0], tag}}})
	}
	return tag
}

// bindNaming handles the Bind of a statement that names prepared statements.
// handled is false if there is nothing about it.
func (s *session) bindNaming(m message, x *wire.Exchange, portal, statement, text []byte) (n int, handled bool) {
	delete(s.portals, cutName(portal))
	uses, _ := wire.NameUses(text)
	if len(uses) != 1 || x.Status() == wire.TxFailed {
		return 0, false
	}
	u := uses[0]
	b, _, open := s.lookup([]byte(u.Name))
	switch {
	case open:
		return s.await(), true
	case u.Verb == wire.Prepares && s.hasTooMany(1), len(s.portals) >= maxPortals:
		return s.provoke(m, x, tooManyStatements(s.route)), true
	}
	tag, e := s.judgeName(u, b, u.Verb == wire.DropsEach && s.hasOnServer())
	switch {
	case e != nil && u.Verb == wire.Executes:
		return s.provoke(m, x, e), true
	case e != nil:
		s.bindsTo(portal, &change{error: e})
	case tag != "":
		s.bindsTo(portal, &change{name: u.Name, each: u.Verb == wire.DropsEach, rename: true, tag: tag})
		return s.bindStandIn(m, x, portal, statement), true
	case u.Verb == wire.Prepares:
		s.bindsTo(portal, &change{name: u.Name, to: binding{large: u.Name}, rename: true})
	case u.Verb == wire.Drops:
		s.bindsTo(portal, &change{name: u.Name, rename: true})
	}
	return 0, false
}

// bindsTo notes the change that running the portal makes.
func (s *session) bindsTo(portal []byte, c *change) {
	if s.portals == nil {
		s.portals = make(map[string]*change)
	}
	s.portals[cutName(portal)] = c
}

// maxPortals bounds the portals of one transaction that name prepared statements.
const maxPortals = 1000

func (s *session) bindStandIn(m message, x *wire.Exchange, portal, statement []byte) int {
	stmt := s.proxy.statements.Intern([]byte(standIn + "\x00\x00\x00"))
	ss := s.ensure(x, stmt)
	s.ran(0, nil)
	x.Forward(wire.OweBind, false, stmt)
	return s.rename(m, len(portal)+1, statement, ss.Name)
}

// forwardExecute forwards an Execute.
func (s *session) forwardExecute(m message, x *wire.Exchange) int {
	if len(s.portals) > 0 {
		portal, _, _ := wire.SplitParse(m.body())
		switch c := s.portals[cutName(portal)]; {
		case c == nil:
		case c.error != nil:
			return s.provoke(m, x, c.error)
		default:
			again := *c
			s.owe(x, wire.OweExecute, false, &again)
			return s.pass(m)
		}
	}
	x.Forward(wire.OweExecute, false, nil)
	return s.pass(m)
}

// toldTag is the tag that the client is told in the place of the server's, "" for
// the server's own.
func (s *session) toldTag(ref any) string {
	switch ref := ref.(type) {
	case *naming:
		return s.commandDone(ref)
	case *change:
		return ref.tag
	}
	return ""
}

// textOf is the text of a statement.
func textOf(stmt *pool.Statement) []byte { return wire.ParseText([]byte(stmt.Body())) }
