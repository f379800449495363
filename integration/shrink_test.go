package integration

import (
	"strings"
	"time"
)

// A script that differs is made shorter while it does: scenes are left out, then lines.

const (
	shrinkTries    = 150
	shrinkPatience = 3 * time.Second
)

// shrink returns a shorter script that differs still, and how; false if s itself, held alone, does
// not differ.
func (v *visit) shrink(s script) (script, string, bool) {
	v.server.patience, v.pooler.patience = shrinkPatience, shrinkPatience
	defer func() { v.server.patience, v.pooler.patience = patience, patience }()
	d := v.differs(s)
	if d == "" {
		return s, "", false
	}
	tries := 0
	attempt := func(shorter script) bool {
		if tries++; tries > shrinkTries || len(shorter.lines) == 0 {
			return false
		}
		if again := v.differs(shorter); again != "" {
			s, d = shorter, again
			return true
		}
		return false
	}
	for scene := s.last(); scene > 0; scene-- {
		attempt(s.without(func(_ int, l line) bool { return l.scene == scene }))
	}
	for i := len(s.lines) - 1; i >= 0; i-- {
		attempt(s.without(func(j int, _ line) bool { return i == j }))
	}
	return s, d, true
}

// differs holds a script alone. What the server itself does not survive is no conversation: a
// shortened script may break the rules of the protocol.
func (v *visit) differs(s script) string {
	v.leave()
	defer v.leave()
	want := v.server.hold(s)
	if strings.Contains(want, "FATAL") || strings.Contains(want, "waiting for") {
		return ""
	}
	return difference(want, excuse(want, v.pooler.hold(s)))
}
