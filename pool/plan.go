package pool

import "fmt"

// SameTenant is what is done between two sessions of one tenant and state.
type SameTenant uint8

const (
	// Watch switches unless everything run since the last proof was plain.
	Watch SameTenant = iota
	// SwitchAlways switches.
	SwitchAlways
	// Trust does nothing.
	Trust
)

// Plan is what must be done on a connection before a session's first byte.
type Plan uint8

const (
	// PlanNothing: the session may go on at once.
	PlanNothing Plan = iota
	// PlanSettings: the switch behind ScrubSettings, awaited unless MayPipeline;
	// if one that was not awaited fails, nothing of the answer is relayed.
	PlanSettings
	// PlanFull: the switch behind ScrubFull, awaited.
	PlanFull
	// PlanAll: the switch behind ScrubAll, awaited.
	PlanAll
)

// Scrub is the kind of switch to send, if any.
func (p Plan) Scrub() Scrub {
	switch p {
	case PlanSettings:
		return ScrubSettings
	case PlanAll:
		return ScrubAll
	}
	return ScrubFull
}

// Plan says what must be done before h's first byte so that it runs under want.
// It is asked once per checkout, and again before a switch to another state
// within one. PlanNothing makes the connection h's at once; anything else does
// so with Confirmed(h, want).
func (c *Conn) Plan(h HolderID, want *State, policy SameTenant) Plan {
	if h == 0 || want == nil {
		panic("BUG: pool.Conn.Plan for nobody")
	}
	if c.changing {
		panic("BUG: pool.Conn.Plan in the midst of a switch")
	}
	c.want, c.wanter = want, h
	c.plan = c.due(h, want, policy)
	c.pipelines = c.plan == PlanSettings && c.keeps(want)
	if c.plan == PlanNothing {
		c.user = h
	}
	return c.plan
}

// Switch is the switch last planned.
func (c *Conn) Switch() *Switch {
	if c.pool.opts().SchemaAtSwitch {
		return c.want.checkedSwitch(c.scrub())
	}
	return c.want.Switch(c.scrub())
}

// scrub is the kind of switch that the last plan asks for.
func (c *Conn) scrub() Scrub {
	if k := c.plan.Scrub(); k != ScrubFull || c.Statements.Len() > 0 {
		return k
	}
	return ScrubBare
}

// MayPipeline says that the session's first message may travel behind the
// planned switch in one write. If the switch then fails, which nobody can
// prevent, that message runs under what the connection carried before: so this
// must be proven to be the same state, and its profile a path alone.
func (c *Conn) MayPipeline() bool { return c.pipelines }

func (c *Conn) keeps(want *State) bool {
	return c.carried == want && want.profile.PathOnly() && c.plain && c.pathStands()
}

// due decides. Only what is proven saves work, and nothing saves the full scrub
// between tenants.
func (c *Conn) due(h HolderID, want *State, policy SameTenant) Plan {
	same := c.owner != nil && c.owner == want.profile.tenant
	switch {
	case same && (c.user == h || c.user == 0) && c.carried == want && !c.soiled:
		return PlanNothing // whatever was left is its own, or it was born so and nobody has used it
	case c.prepared, !same && (c.shows(want) || c.unseen):
		return PlanAll // a function may have run PREPARE or DEALLOCATE unseen
	case c.unseen && c.user != h && c.user.session() == h.session():
		return PlanAll // it has said DISCARD ALL since, of which the server has not heard
	case !same, c.soiled:
		return PlanFull
	case c.carried == want && c.trusts(policy):
		return PlanNothing
	}
	return PlanSettings
}

// shows says that the next tenant could read statement texts of this one's in
// pg_prepared_statements which it could not read in pg_stat_activity, and run
// them: a role stands between the two. What a trigger has prepared nobody sees,
// so it does not matter whether any statement is known.
func (c *Conn) shows(want *State) bool {
	return c.walled || want.profile.spec.Role != ""
}

// trusts says that a carried state still stands although another session had
// the connection.
func (c *Conn) trusts(policy SameTenant) bool {
	switch policy {
	case Trust:
		return true
	case Watch:
		return c.plain && c.pathWatched()
	}
	return false
}

// pathWatched is pathStands with an alarm: nothing that ran could have moved
// the path, and yet it has.
func (c *Conn) pathWatched() bool {
	if c.pathStands() {
		return true
	}
	path, _ := c.Reported.Get("search_path")
	c.pool.mu.Lock()
	c.pool.counts.LostProofs++
	c.pool.mu.Unlock()
	c.pool.event(Event{Kind: EventLostProof, PID: c.PID, Tenant: c.owner.name,
		Text: fmt.Sprintf("search_path is %s, not %s, though nothing run could have changed it", path, c.path)})
	return false
}

// pathStands is the trip-wire of servers that report their search_path (18 and
// later): its bytes must be those of when the state was confirmed.
func (c *Conn) pathStands() bool {
	path, reported := c.Reported.Get("search_path")
	return !reported || path == c.path
}
