package pool

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tenantpool/wire"
)

// backend is what a server process would be like: what a switch and a client's
// text do to it.
type backend struct {
	path     string
	role     string
	settings map[string]string
	traces   map[string]bool // tenants of whom something is left
	prepared bool            // statements by SQL PREPARE
	unseen   map[string]bool // tenants whose functions ran PREPARE
	lost     map[string]bool // tenants whose functions ran DEALLOCATE ALL
}

func (b *backend) blank() {
	*b = backend{settings: map[string]string{}, traces: map[string]bool{}, unseen: map[string]bool{}, lost: map[string]bool{}}
}

func (b *backend) change(s *State, k Scrub) {
	b.settings = map[string]string{}
	switch k {
	case ScrubFull:
		b.traces = map[string]bool{}
	case ScrubAll:
		b.blank()
	}
	b.path = fmt.Sprint(s.profile.spec.Path)
	b.role = s.profile.spec.Role
	for _, o := range append(append([]Setting(nil), s.profile.spec.Settings...), s.own...) {
		b.settings[o.Name] = o.Value
	}
	b.traces[s.profile.Tenant()] = true
}

// carries says that b is what s says and holds nobody else's traces.
func (b *backend) carries(s *State) error {
	c := backend{}
	c.blank()
	c.change(s, ScrubFull)
	if b.path != c.path || b.role != c.role || fmt.Sprint(b.settings) != fmt.Sprint(c.settings) {
		return fmt.Errorf("it carries %v, %v, %v", b.path, b.role, b.settings)
	}
	for tenant := range b.traces {
		if tenant != s.profile.Tenant() {
			return fmt.Errorf("there are traces of %s", tenant)
		}
	}
	for tenant := range b.unseen {
		if tenant != s.profile.Tenant() {
			return fmt.Errorf("a function of %s has left prepared statements", tenant)
		}
	}
	for tenant := range b.lost {
		if tenant != s.profile.Tenant() {
			return fmt.Errorf("a function of %s has dropped prepared statements", tenant)
		}
	}
	return nil
}

func testConn() *Conn {
	p := newPool(Options{Size: 1}, nil)
	c := &Conn{pool: p, berth: berth{account: p.own}, Reported: NewParams(), Statements: newStatements(10, 1<<20)}
	c.anchor = &anchor{c}
	c.Exchange.Idle()
	return c
}

// At random, sessions of several tenants use one connection and do to it
// whatever texts can do. When a session begins, the server must carry what that
// session is to have, and nothing of another tenant.
func TestWhateverRanNobodyFindsAnotherTenantsState(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		in := NewStates()
		states := []*State{
			stateOf(t, in, "a"), stateOf(t, in, "a", Setting{"datestyle", "ISO"}),
			stateOf(t, in, "b"), stateOf(t, in, "b", Setting{"datestyle", "ISO"}),
			in.State(mustProfile(t, in, ProfileSpec{Tenant: "c", Path: []string{"c"}, Role: "c"}), nil),
			in.State(mustProfile(t, in, ProfileSpec{Tenant: "a", Path: []string{"a"}, Settings: []Setting{{"app.x", "a"}}}), nil),
		}
		server := &backend{}
		server.blank()
		c := testConn()
		owned := map[HolderID]*State{}
		dirty := map[HolderID]bool{} // a session that left things of its own
		var last HolderID
		for step := range 200 {
			h := HolderID(1 + random.IntN(8))
			want := owned[h]
			if want == nil || random.IntN(10) == 0 {
				want = states[random.IntN(len(states))]
				owned[h] = want
			}
			policy := SameTenant(random.IntN(2))
			plan := c.Plan(h, want, policy)
			if plan != PlanNothing {
				c.Switching()
				server.change(want, plan.Scrub())
				c.Confirmed(h, want)
			} else if last == h && dirty[h] {
				server.change(want, ScrubSettings) // what it left is its own
			}
			if err := server.carries(want); err != nil {
				t.Fatalf("seed %d, step %d: %v, not %v of %s", seed, step, err, want.own, want.profile.Tenant())
			}
			if server.prepared && last != h {
				t.Fatalf("seed %d, step %d: prepared statements are left", seed, step)
			}
			last, dirty[h] = h, false
			runSomething(random, c, server, h, dirty)
		}
	}
}

func runSomething(random *rand.Rand, c *Conn, server *backend, h HolderID, dirty map[HolderID]bool) {
	switch random.IntN(6) {
	case 0:
		c.Ran(h, wire.MayChangeState)
		server.path, server.role = "moved", "moved"
		for tenant := range server.traces { // h's alone: it is under way
			switch random.IntN(3) {
			case 0:
				server.unseen[tenant] = true
			case 1:
				server.lost[tenant] = true
			}
		}
		dirty[h] = true
	case 1:
		c.Ran(h, wire.MayChangeState|wire.PreparesSQL)
		server.prepared = true
	case 2:
		c.Ran(h, wire.MayChangeState|wire.VisibleSet)
		c.Unproven(h)
		server.settings["datestyle"] = "moved"
	case 3:
		c.Ran(h, 0)
		c.Soiled()
	default:
		c.Ran(h, 0)
	}
}

// made returns a connection made ready for a session.
func made(t *testing.T, h HolderID, s *State) *Conn {
	t.Helper()
	c := testConn()
	if err := makeReady(c, h, s); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPlans(t *testing.T) {
	in := NewStates()
	a, a2, b := stateOf(t, in, "a"), stateOf(t, in, "a", Setting{"datestyle", "ISO"}), stateOf(t, in, "b")
	c := in.State(mustProfile(t, in, ProfileSpec{Tenant: "c", Path: []string{"c"}, Role: "c"}), nil)
	other := in.State(mustProfile(t, in, ProfileSpec{Tenant: "a", Path: []string{"other"}}), nil)
	table := NewStatementTable()
	plain := func(c *Conn) { c.Ran(1, 0) }
	moves := func(c *Conn) { c.Ran(1, wire.MayChangeState) }
	renewed := HolderID(1).Renewed()
	for name, test := range map[string]struct {
		did    func(*Conn)
		h      HolderID
		want   *State
		policy SameTenant
		plan   Plan
	}{
		"the same session":                             {moves, 1, a, Watch, PlanNothing},
		"the same session, always":                     {moves, 1, a, SwitchAlways, PlanNothing},
		"the same session after a visible change":      {func(c *Conn) { c.Unproven(1) }, 1, a, Watch, PlanSettings},
		"the same session under another state":         {plain, 1, a2, Watch, PlanSettings},
		"the same session under another path":          {plain, 1, other, Watch, PlanSettings},
		"the same session moved to another tenant":     {plain, 1, b, Trust, PlanFull},
		"the same session renewed":                     {moves, renewed, a, Trust, PlanAll},
		"the same session renewed, plain":              {plain, renewed, a, Watch, PlanNothing},
		"the same session renewed after a change":      {func(c *Conn) { c.Unproven(1) }, renewed, a, Watch, PlanAll},
		"another session, plain":                       {plain, 2, a, Watch, PlanNothing},
		"another session, plain, always":               {plain, 2, a, SwitchAlways, PlanSettings},
		"another session, not plain":                   {moves, 2, a, Watch, PlanSettings},
		"another session, not plain, trusted":          {moves, 2, a, Trust, PlanNothing},
		"another session, unproven, trusted":           {func(c *Conn) { c.Unproven(1) }, 2, a, Trust, PlanSettings},
		"another session of another state, trusted":    {plain, 2, a2, Trust, PlanSettings},
		"another tenant, trusted":                      {plain, 2, b, Trust, PlanFull},
		"another session behind a pinned one":          {func(c *Conn) { c.Soiled() }, 2, a, Trust, PlanFull},
		"another session after SQL PREPARE, trusted":   {func(c *Conn) { c.Ran(1, wire.PreparesSQL) }, 2, a, Trust, PlanAll},
		"the same session after SQL PREPARE":           {func(c *Conn) { c.Ran(1, wire.PreparesSQL) }, 1, a, Watch, PlanNothing},
		"another tenant after SQL DEALLOCATE":          {func(c *Conn) { c.Ran(1, wire.Deallocates) }, 2, b, Watch, PlanAll},
		"another tenant's role behind statements":      {func(x *Conn) { x.Statements.Add(a, table.Intern([]byte("x")), 1) }, 2, c, Watch, PlanAll},
		"another tenant's role behind none known":      {plain, 2, c, Watch, PlanAll},
		"another tenant without role, with statements": {func(x *Conn) { x.Statements.Add(a, table.Intern([]byte("x")), 1) }, 2, b, Watch, PlanFull},
	} {
		conn := made(t, 1, a)
		test.did(conn)
		if got := conn.Plan(test.h, test.want, test.policy); got != test.plan {
			t.Errorf("%s: plan %d, want %d", name, got, test.plan)
		}
	}
	if plan := testConn().Plan(1, a, Trust); plan != PlanFull {
		t.Errorf("a fresh connection: plan %d", plan)
	}
}

// A text that is not plain may have run PREPARE or DEALLOCATE unseen. No switch
// but the one behind ScrubAll undoes that.
func TestAChangeOfTenantBehindWhatWasNotPlain(t *testing.T) {
	in := NewStates()
	a, a2, b := stateOf(t, in, "a"), stateOf(t, in, "a", Setting{"datestyle", "ISO"}), stateOf(t, in, "b")
	moves := func(c *Conn) { c.Ran(1, wire.MayChangeState) }
	next := func(c *Conn, s *State) {
		if err := makeReady(c, 3, s); err != nil {
			t.Error(err)
		}
		c.Ran(3, 0)
	}
	for name, test := range map[string]struct {
		did    func(*Conn)
		h      HolderID
		want   *State
		policy SameTenant
		plan   Plan
	}{
		"the same session":                      {moves, 1, b, Watch, PlanAll},
		"another session":                       {moves, 2, b, Watch, PlanAll},
		"trusted":                               {moves, 2, b, Trust, PlanAll},
		"unproven":                              {func(c *Conn) { c.Unproven(1) }, 2, b, Watch, PlanAll},
		"behind a switch within the tenant":     {func(c *Conn) { moves(c); next(c, a2) }, 2, b, Watch, PlanAll},
		"behind a full scrub within it":         {func(c *Conn) { moves(c); c.Soiled(); next(c, a) }, 2, b, Watch, PlanAll},
		"swept, and plain since":                {func(c *Conn) { moves(c); next(c, b) }, 2, a, Watch, PlanFull},
		"another tenant's, and not plain again": {func(c *Conn) { moves(c); next(c, b); c.Ran(3, wire.MayChangeState) }, 2, a, Watch, PlanAll},
	} {
		conn := made(t, 1, a)
		test.did(conn)
		if got := conn.Plan(test.h, test.want, test.policy); got != test.plan {
			t.Errorf("%s: plan %d, want %d", name, got, test.plan)
		}
	}
}

func TestNothingIsCarriedBetweenSwitchingAndConfirmed(t *testing.T) {
	in := NewStates()
	a, b := stateOf(t, in, "a"), stateOf(t, in, "b")
	c := made(t, 1, a)
	if c.Carried() != a {
		t.Fatal("a confirmed state is not carried")
	}
	c.Plan(2, b, Watch)
	if c.Carried() != a {
		t.Error("a plan changed what is carried")
	}
	c.Switching()
	if c.Carried() != nil {
		t.Error("something is carried in the midst of a switch")
	}
	mustPanic(t, "a text of another session in the midst of a switch", func() { c.Ran(1, 0) })
	mustPanic(t, "a text behind a full switch not confirmed", func() { c.Ran(2, 0) })
	mustPanic(t, "another plan in the midst of a switch", func() { c.Plan(2, b, Watch) })
	mustPanic(t, "a confirmation of another state", func() { c.Confirmed(2, a) })
	mustPanic(t, "a confirmation for another session", func() { c.Confirmed(1, b) })
	c.Confirmed(2, b)
	mustPanic(t, "a text of the session before", func() { c.Ran(1, 0) })
	mustPanic(t, "a second confirmation", func() { c.Confirmed(2, b) })
	c.Plan(1, a, Watch)
	mustPanic(t, "a text of the old session behind the plan is its own; one of the new", func() { c.Ran(1, 0) })
}

func TestATextBehindAnUnconfirmedSwitchIsJudgedToo(t *testing.T) {
	in := NewStates()
	a := stateOf(t, in, "a")
	c := made(t, 1, a)
	if plan := c.Plan(2, a, SwitchAlways); plan != PlanSettings {
		t.Fatal(plan)
	}
	if !c.MayPipeline() {
		t.Fatal("may not be pipelined")
	}
	c.Switching()
	c.Ran(2, wire.MayChangeState)
	c.Confirmed(2, a)
	if plan := c.Plan(3, a, Watch); plan != PlanSettings {
		t.Errorf("plan %d after a text that was not plain", plan)
	}
	c.Plan(4, a, Watch)
	c.Switching()
	mustPanic(t, "a text behind an unconfirmed switch where the path may have moved", func() { c.Ran(4, 0) })
	c.Confirmed(4, a)
	roled := in.State(mustProfile(t, in, ProfileSpec{Tenant: "a", Path: []string{"a"}, Role: "r"}), nil)
	c.Plan(5, roled, Watch)
	c.Switching()
	mustPanic(t, "a text ahead of a role", func() { c.Ran(5, 0) })
}

func TestAMovedPathIsNoticedWhereItIsReported(t *testing.T) {
	a := stateOf(t, NewStates(), "a")
	c := testConn()
	var events []Event
	c.pool.opts().Event = func(e Event) { events = append(events, e) }
	c.Plan(1, a, Watch)
	c.Switching()
	if err := c.Report([]byte("search_path\x00a\x00")); err != nil {
		t.Fatal(err)
	}
	c.Confirmed(1, a)
	c.Ran(1, 0)
	if plan := c.Plan(2, a, Watch); plan != PlanNothing {
		t.Errorf("plan %d though nothing moved", plan)
	}
	if err := c.Report([]byte("search_path\x00b\x00")); err != nil {
		t.Fatal(err)
	}
	if plan := c.Plan(3, a, Watch); plan != PlanSettings || len(events) != 1 || events[0].Kind != EventLostProof {
		t.Errorf("plan %d, events %v", plan, events)
	}
	if n := c.pool.Stats().LostProofs; n != 1 {
		t.Errorf("%d lost proofs are counted", n)
	}
}
