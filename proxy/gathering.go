package proxy

// A message is understood whole, up to holdLimit. A session without a server
// gathers only the first idleHold bytes of it: whoever has begun a longer one
// gets a server first, so that there are never more long messages in memory than
// servers, and a client that stops in the midst of one has its server for
// idle_transaction_timeout and no longer.

// idleHold is how much of what it was sent a session without a server holds.
const idleHold = 16 << 10

// appetite is how much one read may bring: the rest of what is under way, and no
// more than may be held if that has to wait.
func (s *session) appetite() int {
	if s.phase == phaseIdle {
		return max(idleHold-len(s.in), 1)
	}
	return min(readSize, max(s.body, s.missing())+idleHold)
}

// missing is how much is still to come of the message at the front of in.
func (s *session) missing() int {
	if len(s.in) == 0 {
		return 0
	}
	return max(s.need-len(s.in), 0)
}

// laden says that the session holds more than it may without a server.
func (s *session) laden() bool { return len(s.in) > idleHold }

// gathers says that the session has its server for a message that is not there
// yet.
func (s *session) gathers() bool {
	return s.laden() || s.fresh && s.route.Mode != modeSession
}
