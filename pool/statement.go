package pool

import (
	"encoding/binary"
	"strings"
	"sync/atomic"

	"tenantpool/wire"
)

// StatementTable interns the texts that clients prepare, so that equal ones are
// one pointer on all loops. What nobody holds any longer is collected.
type StatementTable struct{ texts interner[Statement] }

// NewStatementTable returns an empty table. One is enough for a process.
func NewStatementTable() *StatementTable { return &StatementTable{} }

// Statement is a text with its parameter types.
type Statement struct {
	body       string
	traits     wire.Traits
	generation atomic.Uint32
}

// Intern returns the statement of a Parse message, of which body is what comes
// behind the statement's name: the text, a zero byte and the parameter types.
// It neither keeps nor changes body, and does not allocate for a known one.
func (t *StatementTable) Intern(body []byte) *Statement { return t.intern(body, len(body)) }

// InternFor is Intern for one that is prepared now by a client of the profile's
// tenant: whenever that was Altered, an equal text becomes another statement,
// and is analysed anew. room is memory to work in; it is returned for next time.
func (t *StatementTable) InternFor(p *Profile, body, room []byte) (*Statement, []byte) {
	n := p.tenant.altered.Load()
	if n == 0 {
		return t.Intern(body), room
	}
	room = binary.BigEndian.AppendUint64(append(room[:0], body...), n)
	return t.intern(room, len(body)), room
}

// intern returns the statement whose body is the first n bytes of key.
func (t *StatementTable) intern(key []byte, n int) *Statement {
	return t.texts.get(key, func(key string) *Statement {
		text, _, _ := strings.Cut(key[:n], "\x00")
		return &Statement{body: key[:n], traits: wire.Scan([]byte(text))}
	})
}

// Body is the Parse message behind the statement's name.
func (s *Statement) Body() string { return s.body }

// Traits is what the text shows.
func (s *Statement) Traits() wire.Traits { return s.traits }

// Invalidate makes every server connection's copy stale: a server said 0A000,
// its result type has changed, and it would say so forever.
func (s *Statement) Invalidate() { s.generation.Add(1) }
