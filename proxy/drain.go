package proxy

import (
	"context"
	"errors"
	"time"
)

// firstTurn is how long a client that has just logged in may take, while the
// pooler drains, to begin what it came for.
const firstTurn = time.Second

// OperatorsOnly has nobody admitted from now on but to the console.
func (p *Proxy) OperatorsOnly() { p.operatorsOnly.Store(true) }

// Drain sends the clients away: those without a transaction are told 57P01 and
// closed, the others when their transaction ends. Whoever has been accepted before
// still logs in and has one turn; to let nobody in is to close the listeners before.
// It returns when no client is left or ctx ends.
func (p *Proxy) Drain(ctx context.Context) {
	p.draining.Store(true)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	hurry := time.AfterFunc(2*firstTurn, func() { p.hurried.Store(true) })
	defer hurry.Stop()
	for p.arriving.Load() > 0 || p.clients.Load() > 0 {
		for _, l := range p.loops {
			l.post(func(l *Loop) {
				for s := range l.all {
					s.drainNow()
				}
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// drainNow ends a session that is between transactions and has had its turn. One
// whose next message has arrived is not: it would take our words for the answer.
func (s *session) drainNow() {
	between := s.phase == phaseIdle || s.phase == phaseActive && s.server.conn.Exchange.Quiet()
	if !between || len(s.in) > 0 || !s.used && clock()-s.began < int64(firstTurn) || s.fd >= 0 && !s.eof && sysPeek(s.fd) {
		return
	}
	s.fatal(errShutdown)
}

// sentAway ends a session that never pauses between its transactions, so that no
// look at it finds it at rest: behind one of them, and before the next has come.
func (s *session) sentAway() bool {
	if s.phase != phaseIdle || !s.used || len(s.in) > 0 || s.eof || !s.proxy.hurried.Load() {
		return false
	}
	s.fatal(errShutdown)
	return true
}

// Alive reports an error if an event loop does not answer until ctx ends: it hangs,
// and with it every client that it serves.
func (p *Proxy) Alive(ctx context.Context) error {
	for _, l := range p.loops {
		done := make(chan struct{})
		l.post(func(*Loop) { close(done) })
		select {
		case <-done:
		case <-ctx.Done():
			return errors.New("an event loop does not answer")
		}
	}
	return nil
}
