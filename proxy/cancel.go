package proxy

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"tenantpool/pool"
	"tenantpool/wire"
)

// cancelKey is what a client can cancel its own query with: made here, never a
// server's.
type cancelKey struct {
	pid   uint32
	short [shortKey]byte // the secret of protocol 3.0
	long  *[longKey]byte // that of 3.2, nil in 3.0
}

const shortKey, longKey = 4, 32

func (k *cancelKey) bytes() []byte {
	if k.long != nil {
		return k.long[:]
	}
	return k.short[:]
}

// cancelKeys finds the session of a key.
type cancelKeys struct {
	peer     int // this pooler's number among its siblings; 0: it has none
	mu       sync.Mutex
	sessions map[uint32]*session
}

// issue gives s a key that nobody else has.
func (c *cancelKeys) issue(s *session, minor int) {
	if minor >= 2 {
		s.key.long = new([longKey]byte)
	}
	_, _ = rand.Read(s.key.bytes())
	if c.peer > 0 {
		mark(s.key.bytes(), c.peer)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions == nil {
		c.sessions = make(map[uint32]*session)
	}
	for taken := true; taken; _, taken = c.sessions[s.key.pid] {
		var b [4]byte
		_, _ = rand.Read(b[:])
		s.key.pid = binary.BigEndian.Uint32(b[:])>>1 | 1
	}
	c.sessions[s.key.pid] = s
}

// renumber gives s another process id if nobody else has it.
func (c *cancelKeys) renumber(s *session, pid uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, taken := c.sessions[pid]; !taken {
		delete(c.sessions, s.key.pid)
		s.key.pid = pid
		c.sessions[pid] = s
	}
}

func (c *cancelKeys) revoke(s *session) {
	c.mu.Lock()
	delete(c.sessions, s.key.pid)
	c.mu.Unlock()
}

// find gives the session that the request names, nil if its secret is wrong.
func (c *cancelKeys) find(r *wire.CancelRequest) *session {
	c.mu.Lock()
	s := c.sessions[r.PID]
	c.mu.Unlock()
	if s == nil || subtle.ConstantTimeCompare(s.key.bytes(), r.Secret) != 1 {
		return nil
	}
	return s
}

// cancelCounters are CancelCounts while they grow.
type cancelCounters struct{ unknown, ignored, withdrawn, forwarded, failed atomic.Int64 }

// cancelWait bounds how long a server may take to answer a cancel request.
const cancelWait = 5 * time.Second

// cancelRequested handles a client's cancel request: a query that runs is
// cancelled on its server, a client that waits is taken out of the queue, and
// between exchanges nothing happens.
func (s *session) cancelRequested() {
	if s.delayed {
		s.endDelay(errCanceled)
		return
	}
	switch s.phase {
	case phaseWaiting:
		if s.leaveQueue() {
			s.proxy.cancels.withdrawn.Add(1)
			s.enter(phaseIdle)
			s.refusal = errCanceled
			s.proceed()
			return
		}
		s.cancelNext = true
	case phaseSwitching:
		s.cancelNext = true
	case phaseActive:
		s.startCancel()
	default:
		s.proxy.cancels.ignored.Add(1)
	}
}

// startCancel asks the server to cancel what the session runs there. Until that
// is over the connection stays with the session, and no new exchange begins.
func (s *session) startCancel() {
	switch {
	case s.phase != phaseActive || s.canceling || s.server.conn.Exchange.Owing() == 0:
		return
	case s.server.ahead == aheadSent:
		s.cancelNext = true // it could end the switch, and the statement would still run
		return
	}
	s.canceling = true
	s.proxy.cancels.forwarded.Add(1)
	l, from, c := s.loop, s.pool, s.server.conn // the session may move on
	go func() {
		ctx, stop := context.WithTimeout(context.Background(), cancelWait)
		defer stop()
		err := from.CancelServer(ctx, c)
		l.post(func(*Loop) { s.canceled(c, err) })
	}()
}

// canceled goes on after a cancel request. One that did not end in time may
// still hit anything that runs there: nobody gets that connection.
func (s *session) canceled(c *pool.Conn, err error) {
	s.canceling = false
	if err != nil {
		s.proxy.cancels.failed.Add(1)
	}
	if s.server == nil || s.server.conn != c {
		return
	}
	s.tainted = err != nil
	s.proceed()
}
