package pool

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"strings"

	"tenantpool/wire"
)

// Scrub says how much is swept off a connection before a state is set.
type Scrub uint8

const (
	// ScrubFull leaves nothing of another session: for a change of tenant, and
	// for a connection in any doubt.
	ScrubFull Scrub = iota
	// ScrubBare drops prepared statements besides: for a connection that has
	// none of ours, but may have some that SQL prepared unseen.
	ScrubBare
	// ScrubSettings undoes settings, path and role: between states of one tenant.
	ScrubSettings
	// ScrubAll drops prepared statements and cached plans too: where they could
	// be another tenant's.
	ScrubAll
	scrubs // how many kinds there are
)

// command is one SQL command of a switch and the tag of its CommandComplete.
type command struct{ text, tag string }

// The first command undoes default_transaction_isolation = serializable and
// _deferrable, which would have the Query's own transaction wait for others; it
// must come before anything that takes a snapshot.
var resets = []command{
	{"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET"},
	{"RESET ALL", "RESET"}, // before the rest: it ends a statement_timeout left behind
	{"SET SESSION AUTHORIZATION DEFAULT", "SET"},
	{"SET ROLE NONE", "SET"},
}

var sweeps = []command{
	{"CLOSE ALL", "CLOSE CURSOR ALL"},
	{"UNLISTEN *", "UNLISTEN"},
	{unlock, selectTag},
	{"DISCARD TEMP", "DISCARD TEMP"},
	{"DISCARD SEQUENCES", "DISCARD SEQUENCES"},
}

// drops are what DISCARD ALL does besides, and a seed for random() that nobody
// chose: that is left alone by DISCARD ALL and RESET ALL. A plan holds literals
// as they were read under the settings of whoever ran a function first.
var drops = []command{
	{"DEALLOCATE ALL", "DEALLOCATE ALL"},
	{"DISCARD PLANS", "DISCARD PLANS"},
	{reseed, selectTag},
}

// reseed has random() begin anew where nobody can tell: no kind of DISCARD does.
const reseed = "SELECT pg_catalog.setseed(pg_catalog.sin(pg_catalog.hashtext(pg_catalog.gen_random_uuid()::pg_catalog.text)))"

const selectTag = "SELECT 1"

// unlock names its column by a nonce, in hexadecimal digits, which every sending
// of a full scrub has anew: its answer can be no other text's. A name costs the
// server nothing that can be measured, another column 2 to 3 µs.
const (
	unlock  = "SELECT pg_catalog.pg_advisory_unlock_all() AS n" + noNonce
	noNonce = "0000000000000000"
)

// maxTargets keeps each SELECT well below the 1,664 columns Postgres allows.
const maxTargets = 500

// Switch is the text that brings a connection into a state, and what its answer
// must look like. It is immutable and shared.
type Switch struct {
	message  []byte // one whole simple Query in printable ASCII
	tags     []string
	nonceAt  int         // where the nonce stands in message, 0: nowhere
	unusable *wire.Error // what it means if the last row does not say true
	inside   bool        // it runs in a client's open transaction
}

// Ask appends the text to dst, and gives the reply that it must have. It is one
// simple Query, and so one implicit transaction: its settings take effect
// together or not at all. It must never share a write with a client's bytes
// unless the plan allows that.
func (sw *Switch) Ask(dst []byte) ([]byte, SwitchReply) {
	reply := SwitchReply{sw: sw}
	at := len(dst) + sw.nonceAt
	dst = append(dst, sw.message...)
	if sw.nonceAt > 0 {
		var random [len(noNonce) / 2]byte
		binary.BigEndian.PutUint64(random[:], rand.Uint64())
		hex.Encode(reply.nonce[:], random[:])
		copy(dst[at:], reply.nonce[:])
	}
	return dst, reply
}

// Switch is the text that sets s behind a scrub. It is built once and kept.
func (s *State) Switch(k Scrub) *Switch {
	if sw := s.switches[k].Load(); sw != nil {
		return sw
	}
	sw := newSwitch(s.commands(k))
	s.switches[k].Store(sw)
	return sw
}

// checkedSwitch is Switch, and fails unless the profile's schema is there and
// may be used by whoever the connection then is: Postgres would skip it in
// silence.
func (s *State) checkedSwitch(k Scrub) *Switch {
	spec := &s.profile.spec
	if spec.Schema == "" {
		return s.Switch(k)
	}
	if sw := s.checked[k].Load(); sw != nil {
		return sw
	}
	usable := command{"SELECT pg_catalog.has_schema_privilege(" + QuoteValue(spec.Schema) + ", 'USAGE')", selectTag}
	sw := newSwitch(append(s.commands(k), usable))
	sw.unusable = errNoSchema(spec.Schema, spec.Tenant)
	s.checked[k].Store(sw)
	return sw
}

var blank = newSwitch(ScrubAll.commands())

// BlankMessage is a ScrubAll by itself. Behind it a connection carries no
// tenant. It does what DISCARD ALL does; that one's own snapshot, though, would
// wait for others if such a default had been left behind.
func BlankMessage() *Switch { return blank }

func (k Scrub) commands() []command {
	switch k {
	case ScrubSettings:
		return slices.Clone(resets)
	case ScrubBare:
		return slices.Concat(resets, sweeps, drops[:1])
	case ScrubAll:
		return slices.Concat(resets, sweeps, drops)
	}
	return slices.Concat(resets, sweeps)
}

// commands are the scrub, the settings of the profile, the client's own, the
// path, and the role last: a role may not be allowed to set what the login may.
func (s *State) commands(k Scrub) []command {
	cs := appendSets(k.commands(), s.profile.spec.Settings)
	cs = appendSets(cs, s.own)
	cs = append(cs, command{"SET search_path TO " + quotePath(s.profile.spec.Path), "SET"})
	if role := s.profile.spec.Role; role != "" {
		cs = append(cs, command{"SET ROLE " + QuoteIdent(role), "SET"})
	}
	return cs
}

func quotePath(path []string) string {
	if len(path) == 0 {
		return "''"
	}
	quoted := make([]string, len(path))
	for i, schema := range path {
		quoted[i] = QuoteIdent(schema)
	}
	return strings.Join(quoted, ", ")
}

func appendSets(cs []command, settings []Setting) []command {
	for len(settings) > 0 {
		n := min(len(settings), maxTargets)
		calls := make([]string, n)
		for i, s := range settings[:n] {
			calls[i] = "pg_catalog.set_config(" + QuoteValue(s.Name) + ", " + QuoteValue(s.Value) + ", false)"
		}
		cs = append(cs, command{"SELECT " + strings.Join(calls, ", "), selectTag})
		settings = settings[n:]
	}
	return cs
}

func newSwitch(cs []command) *Switch {
	sw := &Switch{message: []byte{byte(wire.ClientQuery), 0, 0, 0, 0}, tags: make([]string, len(cs))}
	for i, c := range cs {
		if c.text == unlock {
			sw.nonceAt = len(sw.message) + strings.Index(unlock, noNonce)
		}
		sw.message = append(append(sw.message, c.text...), "; "...)
		sw.tags[i] = c.tag
	}
	sw.message = append(sw.message[:len(sw.message)-2], 0)
	binary.BigEndian.PutUint32(sw.message[1:], uint32(len(sw.message)-1))
	return sw
}
