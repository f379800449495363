package proxy

import "tenantpool/wire"

// A session in session mode has its server connection from its login on: only
// when it has one does its client hear that it may begin. So the process id it
// is told is its server's own, which pg_backend_pid, pg_stat_activity and
// pg_terminate_backend know it by.

// attend gets a session that has not been greeted its server. One that cannot
// have one ends with the reason, as a login that failed.
func (s *session) attend() {
	for s.ungreeted && s.phase == phaseIdle {
		if e := s.refusal; e != nil {
			s.refusal = nil
			s.fatal(loginError(e))
			return
		}
		s.acquire()
	}
}

// greet tells the client that it may begin.
func (s *session) greet(srv *server) {
	if !s.ungreeted {
		return
	}
	s.ungreeted = false
	s.proxy.keys.renumber(s, srv.conn.PID)
	s.reply(s.appendGreeting(nil))
}

// appendGreeting appends the end of a successful login.
func (s *session) appendGreeting(dst []byte) []byte {
	dst = wire.AppendBackendKeyData(dst, s.key.pid, s.key.bytes())
	return wire.AppendReady(dst, wire.TxIdle)
}
