package proxy

import (
	"sync/atomic"
	"unique"

	"golang.org/x/sys/unix"

	"tenantpool/pool"
	"tenantpool/routing"
	"tenantpool/wire"
)

// phase is where a session stands with its server connection.
type phase uint8

const (
	phaseIdle      phase = iota // has none; the next message asks for one -> waiting, switching, active
	phaseWaiting                // is in the pool's queue, or its tenant is paused -> switching, active, idle (refused, resumed)
	phaseSwitching              // has one; the switch is being confirmed -> active, idle (failed)
	phaseActive                 // relays -> idle (released), restoring, reading, looking, undoing, blanking
	phaseRestoring              // our repeat of the profile's settings runs -> active
	phaseReading                // we read the client's settings back -> active
	phaseLooking                // we ask what a pinned session has left -> active
	phaseUndoing                // our ROLLBACK runs -> idle
	phaseBlanking               // is closed; our scrub runs on its server -> closed
	phaseLingering              // has had its last words; may still read them -> closed
	phaseClosed                 // final
)

// session is one client from the end of its login to its close. Its loop owns
// it. It holds no buffer while nothing is half-way.
type session struct {
	endpoint
	loop                       *Loop
	proxy                      *Proxy
	id                         pool.HolderID
	user, database, serverName unique.Handle[string] // as given at login
	suffix                     unique.Handle[string] // that asked for a replica
	number                     uint64                // of the live value that the route was found in
	route                      *routing.Route
	pool                       *pool.Pool
	pins                       *atomic.Int64 // how many sessions of the cluster keep their server
	tally                      *tally
	counts                     *counts      // of the tally in the loop, from start on
	first                      *pool.State  // after login: the profile and the startup settings
	told                       *pool.Params // what the client was told at login
	state                      *pool.State  // now
	params                     *pool.Params
	waiter                     pool.Waiter
	server                     *server // lent to this session, or nil
	key                        cancelKey

	sameTenant pool.SameTenant

	phase      phase
	pinned     pinSet
	left       pinSet // what the server was found to hold of it
	suspect    bool   // what pins it may be gone: ask the server
	delayed    bool   // it waits for its turn under max_qps and max_bps
	admitted   bool   // it has had its turn for the present exchange
	prepaid    bool   // the first query of that is counted already
	timedOut   bool   // its query is being cancelled for query_timeout
	eof        bool   // the client will send no more
	leaving    bool   // it has closed its side, behind bytes that are still to be read
	deaf       bool   // the client takes no more
	skip       bool   // an error of ours outside any exchange: drop up to Sync
	bodyDrop   bool   // the body still coming in is dropped
	yield      bool   // forward nothing more until the exchange is settled
	ending     bool   // COMMIT or the like is under way
	canceling  bool   // a cancel request is on its way to the server
	cancelNext bool   // one came before the client's message was sent: cancel it then
	tainted    bool   // a cancel request did not end: the server is not for others
	holdBack   bool   // the unnamed statement cannot be replayed: keep the server
	fatalSaid  bool
	parked     bool    // it waits for its tenant to be resumed, not in the pool's queue
	lastWords  [5]byte // the SQLSTATE of its end, if the pooler said it
	fresh      bool    // nothing of the client's has gone to the server since it was lent
	lost       int8    // servers in a row that ended while they were switched
	stuck      bool    // the next message waits for the end of a COPY
	used       bool    // it has had a server
	owesReady  bool    // the ReadyForQuery of a statement that opened a transaction was kept back
	local      bool    // SET LOCAL or the like stands until the transaction ends
	ungreeted  bool    // the client has not heard yet that it may begin
	discarded  bool    // DISCARD ALL has run: what is reported next is not the session's
	compare    bool    // what the server reports may differ from what the client was told
	need       int     // how long the message at the front of in is, if known
	body       int     // how much of a client message is still to come and go

	recheck    bool // schemas or rights were changed: look for them again
	altering   bool // a text that may change what others mean has run in the open transaction
	changed    bool // settings were changed since the last release
	restore    bool // what the profile decides was reset
	restoreOwn bool // of resets alone
	unsure     bool // whether those resets stand: something may have undone them
	doubted    bool // a statement has failed since settings were asked for: perhaps they were not set
	named      bool // unnamed holds one

	resets []pool.Setting // those of the startup packet that were reset
	asked  []string       // settings to read back

	refusal  *wire.Error // what the next message is answered with
	sentence *wire.Error // what it ends with between its transactions, because its tenant has to
	names    map[string]binding
	portals  map[string]*change // what running them does to names; nil for most
	pending  []*change          // not yet answered by the server, oldest first
	unnamed  []byte             // the Parse body behind the client's unnamed statement

	unnamedTraits wire.Traits // of the client's unnamed statement
	unnamedDue    int         // answers owed to what makes or drops it

	began   int64 // on the loop's clock, like those below
	since   int64 // when its phase began, or a switch went ahead
	queryAt int64 // when the exchange began that the server is to end; 0: none
	txAt    int64 // when its transaction began; 0: none

	timer   timer  // by phase
	txTimer *timer // of a transaction, if they are timed
}

// enter is the one place where a phase changes.
func (s *session) enter(p phase) {
	if s.phase == phaseClosed {
		panic("BUG: a closed session changes its phase")
	}
	s.moves(p)
	s.phase = p
	switch p {
	case phaseIdle:
		s.arm(clientIdleTimer)
	case phaseWaiting:
		s.arm(waitTimer)
	case phaseLingering:
		s.arm(lingerTimer)
		if s.sending() {
			s.arm(unsentTimer)
		}
	case phaseSwitching, phaseRestoring, phaseReading, phaseLooking, phaseUndoing, phaseBlanking:
		s.arm(asideTimer)
	default:
		s.used = true
		s.loop.timers.stop(&s.timer)
	}
}

// start takes the session into its loop. held is what the client sent behind
// its last login message.
func (s *session) start(l *Loop, held []byte) {
	s.timer.session = s
	s.attribute(s.tally)
	s.began = l.now
	l.all[s] = struct{}{}
	if err := l.register(&s.endpoint, s, readable|halfClosed); err != nil {
		s.close()
		return
	}
	s.enter(phaseIdle)
	if s.heldAtStart() {
		return
	}
	if len(held) > 0 {
		s.in = append(l.chunks.get(len(held)), held...)
	}
	s.attend()
	switch {
	case s.phase == phaseClosed:
	case s.tls != nil:
		s.read() // what stands in TLS already raises no event
	case len(held) > 0:
		s.proceed()
	}
}

// ready handles an event on the client's descriptor.
func (s *session) ready(l *Loop, events uint32) {
	if events&hungUp != 0 {
		s.hangUp(l)
		s.dropOutput()
	}
	if events&halfClosed != 0 && s.phase != phaseLingering && !s.willing() {
		s.closing()
	}
	if events&writable != 0 && s.sending() {
		s.flushClient()
	}
	if s.phase != phaseClosed && (events&readable != 0 || s.hup) {
		s.read()
	}
}

// closing notes that the client has closed its side, behind bytes that cannot be
// read yet. A statement that runs for it has its time of grace.
func (s *session) closing() {
	s.want(s.loop, s.interest&^(readable|halfClosed))
	s.leaving = true
	if s.phase == phaseActive {
		s.grace()
	}
}

// read takes what the client sent, if the session can use it now.
func (s *session) read() {
	switch {
	case s.phase == phaseLingering:
		s.readAway()
		return
	case !s.willing():
		s.pause(s.loop)
		return
	}
	held := len(s.in)
	data, st := s.fill(s.loop, s.need, s.appetite())
	s.counts.received += int64(len(data) - held)
	used := s.pump(data)
	if s.phase == phaseClosed {
		return
	}
	s.keep(s.loop, data, used)
	if st != readMore {
		s.departed(st)
	}
	s.settle()
}

// proceed goes on: it gives the server back if all is done on it, and handles
// input that was held back.
func (s *session) proceed() {
	s.attend()
	s.rest()
	if len(s.in) > 0 && s.phase != phaseLingering && s.phase != phaseClosed {
		data := s.in
		used := s.pump(data)
		if s.phase == phaseClosed {
			return
		}
		s.keep(s.loop, data, used)
	}
	s.settle()
}

// willing says whether more of the client's input can be used now: it does not
// wait for a server, and neither side is behind with what it was sent.
func (s *session) willing() bool {
	return !s.eof && !s.stuck && s.mayForward() && s.backlog() < readSize
}

// mayForward says whether a message of the client's may be handled now.
func (s *session) mayForward() bool {
	if s.delayed {
		return false
	}
	switch s.phase {
	case phaseIdle:
		return s.backlog() < idleBacklog
	case phaseActive:
		srv := s.server
		x := &srv.conn.Exchange
		switch {
		case srv.broken || srv.sending() || x.Owing() >= maxOwing:
			return false
		case s.body > 0:
			return true // the rest of a message that has begun
		}
		return !(s.yield && x.AwaitsReady()) && !(s.canceling && x.Settled())
	}
	return false
}

// maxOwing bounds how far a client may run ahead of its server's answers. A
// server holds back fewer than that in its own buffer, so waiting for some of
// them to come always ends.
const maxOwing = 4 << 10

// settle is called after every step: it gives the server back if the step has
// finished what it was for, reads on, or winds the session down when its client
// has said its last.
func (s *session) settle() {
	if s.rest() && len(s.in) > 0 {
		s.proceed()
		return
	}
	if s.sentAway() {
		return
	}
	if s.sentence != nil && s.between() {
		s.fatal(s.sentence)
		return
	}
	if s.holdsUp() {
		s.arm(idleTxTimer)
	}
	switch {
	case s.phase == phaseClosed || s.phase == phaseLingering:
	case s.eof:
		s.windDown()
	case s.hup:
		if s.willing() {
			s.read()
		}
	case s.willing():
		s.resume(s.loop)
	}
}

// holdsUp says that a server waits in the midst of something for its client to
// go on, and that no clock runs on that yet.
func (s *session) holdsUp() bool {
	if s.phase != phaseActive || s.timer.kind != noTimer || s.eof || s.canceling {
		return false
	}
	srv := s.server
	x := &srv.conn.Exchange
	switch {
	case srv.broken || srv.sending() || s.behind():
		return false // it is not the client who is waited for, or that it reads
	case !s.whole() || x.CopyingIn():
		return true
	}
	return x.Owing() == 0 && (x.BatchOpen() || x.Skipping() || s.gathers())
}

// departed notes that the client will send no more; a broken connection takes
// no more either.
func (s *session) departed(st readState) {
	s.eof = true
	if st == readError {
		s.dropOutput()
	}
	s.want(s.loop, s.interest&^(readable|halfClosed))
}

func (s *session) dropOutput() {
	s.deaf = true
	s.loop.chunks.put(s.out)
	s.out, s.outAt = nil, 0
	s.resumeServer()
}

// resumeServer lets the server go on that waited for its client to keep up.
func (s *session) resumeServer() {
	switch srv := s.server; {
	case srv == nil:
	case srv.hup:
		s.readServer(srv)
	default:
		srv.resume(s.loop)
	}
}

// flushClient goes on writing to the client; when it has taken all, the server
// may go on.
func (s *session) flushClient() {
	if err := s.flush(s.loop); err != nil {
		s.dropOutput()
		return
	}
	if s.phase == phaseLingering {
		s.enter(phaseLingering) // its time begins anew
	}
	if s.sending() {
		return
	}
	s.resumeServer()
	s.proceed()
}

// fatal tells the client why its session ends, and ends it.
func (s *session) fatal(e *wire.Error) {
	if !s.fatalSaid {
		s.fatalSaid = true
		s.failed(e.Code, FromPooler)
		copy(s.lastWords[:], e.Code)
		s.reply(e.WithSeverity("FATAL").AppendTo(nil))
	}
	s.end(pool.ReasonClientGone)
}

// end closes the session's side: its server connection is discarded if it is
// still lent, and the client gets time to read what it was sent.
func (s *session) end(reason pool.Reason) {
	s.giveUp(reason)
	s.delayed = false
	if !s.deaf {
		s.farewell(s.loop)
	}
	if s.deaf || s.eof && !s.sending() {
		s.close()
		return
	}
	s.enter(phaseLingering)
	s.loop.chunks.put(s.in)
	s.in = nil
	if !s.sending() {
		_ = unix.Shutdown(s.fd, unix.SHUT_WR)
	}
	s.resume(s.loop)
}

// readAway reads a lingering client's input to its end, so that the kernel does
// not answer it with a reset that would overtake our last words.
func (s *session) readAway() {
	n, errno := sysRead(s.fd, s.loop.buf[:])
	if n == 0 && errno == 0 || errno != 0 && errno != unix.EAGAIN {
		s.close()
		return
	}
	if !s.sending() {
		_ = unix.Shutdown(s.fd, unix.SHUT_WR)
	}
}

// giveUp parts the session from its server or its place in the queue.
func (s *session) giveUp(reason pool.Reason) {
	if s.phase == phaseWaiting {
		s.leaveQueue() // or the grant is in the mail, and goes back
	}
	if s.server != nil {
		s.discard(reason)
	}
}

// abort ends the session behind a panic: nothing it holds can be relied on.
func (s *session) abort() {
	defer func() { _ = recover() }() // the process goes on in any case
	s.deaf = true
	s.close()
}

// close ends the session for good and closes its descriptor.
func (s *session) close() {
	if s.phase == phaseClosed {
		return
	}
	s.speak()
	s.giveUp(pool.ReasonClientGone)
	l := s.loop
	if !s.deaf {
		s.farewell(l)
	}
	l.unregister(&s.endpoint)
	s.drop(l)
	l.timers.stop(&s.timer)
	s.stopTx()
	s.enter(phaseClosed)
	l.timers.stop(&s.timer)
	unix.Close(s.fd)
	delete(l.all, s)
	s.proxy.closed(s)
}
