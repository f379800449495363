package proxy

// Answers that need no server are gathered while a pass over the client's input
// goes on, and written together: a client may ask for thousands in one write.

// idleBacklog is how much of such answers a client may leave unread before
// nothing more of its is handled, in bytes.
const idleBacklog = 8 << 10

// listen begins a pass over the client's input. Whatever a pass that broke off has
// left is nobody's.
func (s *session) listen() { s.loop.speaker, s.loop.words = s, s.loop.words[:0] }

// say answers the client in the course of a pass over its input.
func (s *session) say(b []byte) {
	l := s.loop
	if l.speaker != s {
		panic("BUG: a session says something in another's pass")
	}
	if l.words = append(l.words, b...); len(l.words) >= idleBacklog {
		s.speak()
	}
}

// speak writes what was gathered for the session.
func (s *session) speak() {
	if b := s.loop.words; len(b) > 0 && s.loop.speaker == s {
		s.loop.words = b[:0]
		s.write(b)
	}
}

// heard ends the pass.
func (s *session) heard() {
	if s.phase != phaseClosed {
		s.speak()
	}
	s.loop.speaker = nil
}

// reply sends b to the client, who may be gone, behind what was gathered.
func (s *session) reply(b []byte) {
	s.speak()
	s.write(b)
}

func (s *session) write(b []byte) {
	if s.deaf {
		return
	}
	s.counts.sent += int64(len(b))
	if s.hup || s.send(s.loop, b) != nil {
		s.dropOutput()
	}
}
