package proxy

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"tenantpool/pool"
	"tenantpool/wire"
)

// server is the descriptor side of a pool.Conn. While lent it belongs to its
// session's loop; while idle to its pool, and its descriptor stays registered
// where it was used last.
type server struct {
	endpoint
	conn      *pool.Conn
	loop      atomic.Pointer[Loop]    // where the descriptor is registered
	session   atomic.Pointer[session] // whom it is lent to
	reply     pool.SwitchReply        // checks the answer to a Query of ours
	openBatch bool                    // extended-protocol messages have come since its last boundary
	batch     uint64                  // counts batches, for the statement cache
	large     uint64                  // counts statements that are not shared
	body      int                     // how much of a message is still to be relayed
	bodyDrop  bool                    // it is dropped instead
	completes bool                    // the end of that message completes the answer to ref
	ref       any
	ahead     aheadStep     // of a switch in the same write as the client's bytes
	broken    bool          // takes no more; what it sent is still to be read
	saidFatal bool          // its last error has reached the client
	unnamedOf pool.HolderID // whose unnamed statement it holds
	touched   pool.HolderID // who ran something on it last
	need      int           // how long the message at the front of in is, if known
}

// adopt makes a server of a connection that has logged in (pool.Options.Adopt).
// Its descriptor is registered with a loop when it is first lent.
func adopt(c *pool.Conn, conn net.Conn) (pool.Transport, error) {
	fd, link, err := detachTLS(conn)
	if err != nil {
		return nil, err
	}
	srv := &server{conn: c}
	srv.fd, srv.tls = fd, link
	if link != nil && !link.silent() {
		unix.Close(fd)
		return nil, errors.New("the server said more than it was asked after a login")
	}
	return srv, nil
}

// moveTo registers the descriptor with l, if it is not there already.
func (srv *server) moveTo(l *Loop) error {
	old := srv.loop.Load()
	if old == l && srv.registered {
		return nil
	}
	if old != nil && srv.registered {
		old.poller.remove(srv.fd)
		srv.registered = false
	}
	srv.loop.Store(l)
	return l.register(&srv.endpoint, srv, readable)
}

// whole says that no message is half-way on it, in either direction, and no
// switch unconfirmed.
func (srv *server) whole() bool {
	return len(srv.in) == 0 && srv.body == 0 && !srv.sending() && srv.ahead != aheadSent && !srv.midRecord()
}

// silentFor says that the server has not spoken or closed since it was last
// used. A loop where it is registered knows; another one has to look.
func (srv *server) silentFor(l *Loop) bool {
	if srv.loop.Load() == l && srv.registered {
		return l.silent(&srv.endpoint)
	}
	return !sysPeek(srv.fd)
}

// ready handles an event on a server's descriptor.
func (srv *server) ready(l *Loop, events uint32) {
	if srv.loop.Load() != l {
		return // moved on since the event was taken
	}
	s := srv.session.Load()
	switch {
	case s == nil:
		srv.readyIdle(l)
	case s.loop == l:
		s.serverReady(events)
	}
}

// readyIdle handles an event on a connection that nobody uses. What a healthy
// server may say then is read and forgotten; anything else discards it.
// abort ends a connection behind a panic, and the session that has it.
func (srv *server) abort() {
	if s := srv.session.Load(); s != nil {
		s.abort()
	}
}

func (srv *server) readyIdle(l *Loop) {
	if !srv.conn.Pool().Inspect(srv.conn) {
		return // lent meanwhile, and so not ours
	}
	if reason, ok := srv.readIdle(l); !ok {
		srv.conn.Pool().Discard(srv.conn, reason)
		return
	}
	srv.conn.Pool().Release(srv.conn)
}

func (srv *server) readIdle(l *Loop) (pool.Reason, bool) {
	data, st := srv.fill(l, srv.need, readSize)
	used := 0
	for len(data)-used >= wire.HeaderSize {
		m, size, err := wire.ServerHeader(data[used:])
		if err != nil || !asynchronous(m) {
			return pool.ReasonUnasked, false
		}
		if len(data)-used < size {
			break
		}
		if srv.note(m, data[used+wire.HeaderSize:used+size]) != nil {
			return pool.ReasonProtocol, false
		}
		used += size
	}
	half := used < len(data) || srv.midRecord()
	srv.keep(l, data, used)
	switch {
	case st != readMore:
		return pool.ReasonServerClosed, false
	case half:
		return pool.ReasonUnasked, false // a message half-way: nobody may have it
	}
	return pool.ReasonUnasked, true
}

func asynchronous(m wire.ServerMsg) bool {
	return m == wire.ServerNoticeResponse || m == wire.ServerParameterStatus || m == wire.ServerNotification
}

// note keeps what a server reports of its parameters.
func (srv *server) note(m wire.ServerMsg, body []byte) error {
	if m != wire.ServerParameterStatus {
		return nil
	}
	return srv.conn.Report(body)
}

// forward sends bytes of a client's. A write error is kept for later: what the
// server said last must be read first.
func (srv *server) forward(l *Loop, b []byte) {
	if !srv.broken && srv.send(l, b) != nil {
		srv.broken = true
		l.chunks.put(srv.out)
		srv.out, srv.outAt = nil, 0
	}
}

// Close ends the connection (pool.Transport). The server is told, and has
// closeWait to end by itself, so that done is called when its place is free.
func (srv *server) Close(done func()) {
	if l := srv.loop.Load(); l != nil {
		l.poller.remove(srv.fd)
	}
	words := srv.lastWords()
	go func() {
		defer done()
		goodbye(srv.fd, words)
	}()
}

// closeWait bounds how long a server may take to end after its client has.
const closeWait = 2 * time.Second

// lastWords is Terminate, under TLS if there is any; nothing if a record is
// half-way.
func (srv *server) lastWords() []byte {
	words := []byte{byte(wire.ClientTerminate), 0, 0, 0, 4}
	switch {
	case srv.tls == nil:
		return words
	case srv.sending():
		return nil
	}
	words, _ = srv.tls.seal(nil, words)
	return srv.tls.closeNotify(words)
}

// goodbye says the last words, waits for the server to close, and closes fd.
func goodbye(fd int, words []byte) {
	_, _ = unix.Write(fd, words)
	_ = unix.Shutdown(fd, unix.SHUT_WR)
	_ = unix.SetNonblock(fd, false)
	limit := unix.NsecToTimeval(int64(closeWait))
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit)
	buf := make([]byte, 4<<10)
	for end := time.Now().Add(closeWait); time.Now().Before(end); {
		if n, err := unix.Read(fd, buf); n <= 0 && err != unix.EINTR {
			break
		}
	}
	unix.Close(fd)
}
