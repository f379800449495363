package pool

import (
	"bytes"
	"crypto/tls"
	"errors"
	"time"

	"tenantpool/wire"
)

// HolderID is one session, for as long as the process lives. 0 is nobody. Sessions
// are numbered from 1 on.
type HolderID uint64

// renewal is where a HolderID counts how often the session was renewed.
const renewal HolderID = 1 << 48

// Renewed is the same session once it has said DISCARD ALL: what it has left on
// any connection before is its own no more.
func (h HolderID) Renewed() HolderID { return h + renewal }

func (h HolderID) session() HolderID { return h % renewal }

// Number is the session's own, whatever it was renewed.
func (h HolderID) Number() uint64 { return uint64(h.session()) }

// Transport is the descriptor of a server connection, wherever it is served.
type Transport interface {
	// Close ends the connection and returns at once. done is called exactly
	// once, from any goroutine, when the server has gone too: it has closed its
	// end, or 2 s have passed. Until then the connection counts.
	Close(done func())
}

// Conn is one server connection. The exported fields and all methods belong to
// its owner: who has checked it out, or the loop that has inspected it, or the
// pool. Nothing else may touch them.
type Conn struct {
	Transport  Transport
	Exchange   wire.Exchange
	ID         uint64 // its number for operators, from 1 on
	PID        uint32
	Secret     []byte // the cancel key, 4 bytes or, since protocol 3.2, more
	Reported   *Params
	Statements *Statements
	Created    time.Time

	pool    *Pool
	network string // where the server really is, for cancels
	address string
	local   string      // our end of it
	tls     *tls.Config // nil: it is plain

	origin
	proof
	berth
}

// proof is what is known of the state that a connection carries.
type proof struct {
	carried   *State  // nil: not known
	owner     *tenant // whose traces there may be; nil: nobody's, or not known
	met       map[*tenant]struct{}
	user      HolderID // the session it was last made ready for
	want      *State   // the last plan
	wanter    HolderID
	plan      Plan
	pipelines bool   // the plan may be sent together with the session's bytes
	changing  bool   // between Switching and Confirmed
	plain     bool   // nothing run since the last Switching may have moved the state
	unseen    bool   // a text that was not plain has run since the last ScrubAll
	prepared  bool   // SQL PREPARE or DEALLOCATE may have run
	soiled    bool   // a pinned session has left things of its own
	walled    bool   // statements of a role's tenant may be on it
	path      string // the search_path reported when the state was confirmed
}

// Carried is the state that the connection has been proven to carry, nil if
// there is no such proof.
func (c *Conn) Carried() *State { return c.carried }

// Address is where the server is, for logs.
func (c *Conn) Address() string { return c.address }

// Switching notes that the first byte of a Switch, of whatever kind, is about to
// be written. From here until Confirmed nothing is known, and a connection that
// is released before is closed instead.
func (c *Conn) Switching() {
	c.changing = true
	c.plain = true
	c.carried, c.owner, c.user = nil, nil, 0
}

// Confirmed notes that the switch last planned, to s for h, has succeeded: its
// SwitchReply was done without an error, and the parameters it reported have
// been put into Reported.
func (c *Conn) Confirmed(h HolderID, s *State) {
	if !c.changing || c.plan == PlanNothing || c.want != s || c.wanter != h {
		panic("BUG: pool.Conn.Confirmed for what was not planned")
	}
	c.changing = false
	if c.plan == PlanAll {
		c.swept()
	}
	c.carried, c.owner, c.user = s, s.profile.tenant, h
	c.path, _ = c.Reported.Get("search_path")
	c.soiled = c.soiled && c.plan == PlanSettings
	c.walled = c.walled || s.profile.spec.Role != ""
	if c.met == nil {
		c.met = make(map[*tenant]struct{})
	}
	c.met[c.owner] = struct{}{}
	c.pool.mended(s)
}

// Blanked notes that BlankMessage, by itself and behind Switching, has
// succeeded: no tenant, no settings, no statements are left.
func (c *Conn) Blanked() {
	if !c.changing {
		panic("BUG: pool.Conn.Blanked without Switching")
	}
	c.changing = false
	c.swept()
	c.carried, c.owner, c.user = nil, nil, 0
}

// swept notes that no statement is left.
func (c *Conn) swept() {
	c.Statements.Reset()
	c.unseen, c.prepared, c.soiled, c.walled = false, false, false, false
}

// Ran notes that a text of h's is about to run. It is called for every text,
// before its first byte is written, also for one that travels behind a switch.
func (c *Conn) Ran(h HolderID, traits wire.Traits) {
	if !c.readyFor(h) {
		panic("BUG: pool.Conn.Ran on a connection not made ready for its holder")
	}
	if traits&wire.MayChangeState != 0 {
		c.plain, c.unseen = false, true
	}
	if traits&(wire.PreparesSQL|wire.Deallocates) != 0 {
		c.prepared = true
	}
}

func (c *Conn) readyFor(h HolderID) bool {
	if c.changing {
		return c.wanter == h && c.pipelines
	}
	return h != 0 && c.user == h
}

// Unproven notes that h has visibly changed what the connection carries: the
// next checkout switches, h's own too.
func (c *Conn) Unproven(h HolderID) {
	if !c.readyFor(h) {
		panic("BUG: pool.Conn.Unproven by another than its holder")
	}
	c.carried = nil
	c.plain, c.unseen = false, true
}

// Soiled notes that a session has left temporary tables, locks, listens or the
// like: whoever comes next, also of the same tenant, gets a full scrub.
func (c *Conn) Soiled() { c.soiled = true }

// Suspect says that the failure of a switch may be due to what an earlier tenant
// left on the connection, such as a time-out or a thousand temporary tables, and
// not to the state that was to be set: another connection is worth a try.
func (c *Conn) Suspect(err error) bool {
	var refused *wire.Error
	return len(c.met) > 0 && !(errors.As(err, &refused) && lasting(refused.Code))
}

// Report notes a ParameterStatus of the server, given its body.
func (c *Conn) Report(body []byte) error {
	if bytes.HasPrefix(body, []byte("in_hot_standby\x00")) {
		c.pool.Doubt(c) // it was promoted
	}
	p, err := c.Reported.Report(body)
	c.Reported = p
	return err
}
