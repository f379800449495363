package pool

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
)

func TestEqualProfilesAndStatesAreOnePointer(t *testing.T) {
	in := NewStates()
	spec := ProfileSpec{Tenant: "acme", Path: []string{"acme", "shared"}, Role: "r", Settings: []Setting{{"App.Tenant", "1"}}}
	p := mustProfile(t, in, spec)
	spec.Settings = []Setting{{"app.tenant", "1"}}
	if p != mustProfile(t, in, spec) {
		t.Error("equal profiles are two")
	}
	a := in.State(p, []Setting{{"DateStyle", "German"}, {"TimeZone", "UTC"}})
	b := in.State(p, nil).With("datestyle", "ISO").With("timezone", "UTC").With("DATESTYLE", "German")
	if a != b {
		t.Errorf("equal states are two: %v, %v", a.Settings(), b.Settings())
	}
	if a.Without("timezone").Without("DateStyle") != in.State(p, nil) {
		t.Error("a state without its settings is not the profile's own")
	}
}

func TestDifferentProfilesAreNeverOne(t *testing.T) {
	in := NewStates()
	specs := []ProfileSpec{
		{Tenant: "a"},
		{Tenant: "a", Path: []string{"a"}},
		{Tenant: "a", Path: []string{"a", "b"}},
		{Tenant: "a", Path: []string{"ab"}},
		{Tenant: "a", Path: []string{"A"}},
		{Tenant: "A", Path: []string{"a"}},
		{Tenant: "aa"},
		{Tenant: "a", Role: "a"},
		{Tenant: "a", Path: []string{"a", "b", "c"}},
		{Tenant: "a", Path: []string{"a"}, Settings: []Setting{{"b", "c"}}},
		{Tenant: "a", Path: []string{"a"}, Settings: []Setting{{"bc", ""}}},
	}
	seen := map[*Profile]int{}
	for i, spec := range specs {
		p := mustProfile(t, in, spec)
		if j, twice := seen[p]; twice {
			t.Errorf("profiles %d and %d are one", i, j)
		}
		seen[p] = i
	}
}

func TestProfilesWithoutATenantAreTenantsOfTheirOwn(t *testing.T) {
	in := NewStates()
	a, b := mustProfile(t, in, ProfileSpec{Path: []string{"a"}}), mustProfile(t, in, ProfileSpec{Path: []string{"b"}})
	if a.tenant == b.tenant {
		t.Error("two nameless tenants are one")
	}
	if x, y := stateOf(t, in, "x"), mustProfile(t, in, ProfileSpec{Tenant: "x"}); x.profile.tenant != y.tenant {
		t.Error("two profiles of one tenant are two tenants'")
	}
}

func TestAStateNeverHoldsWhatItsProfileOwns(t *testing.T) {
	in := NewStates()
	p := mustProfile(t, in, ProfileSpec{Tenant: "a", Path: []string{"a"}, Settings: []Setting{{"app.tenant", "a"}, {"work_mem", "1MB"}}})
	names := []string{"search_path", "SEARCH_PATH", "role", "Role", "session_authorization", "app.tenant", "APP.Tenant", "work_mem", "Sort_Mem"}
	for _, name := range names {
		if s := in.State(p, nil); s.With(name, "evil") != s {
			t.Errorf("With(%q) changed the state", name)
		}
		if s := in.State(p, []Setting{{name, "evil"}}); len(s.Settings()) != 0 {
			t.Errorf("State(%q) kept %v", name, s.Settings())
		}
	}
}

func TestProfilesThatCouldBeMisreadAreRefused(t *testing.T) {
	in := NewStates()
	long := strings.Repeat("x", 64)
	for i, spec := range []ProfileSpec{
		{Path: []string{""}}, {Path: []string{"a\x00b"}}, {Path: []string{"\xff"}}, {Path: []string{long}}, {Path: []string{"$user"}},
		{Role: "none"}, {Role: "a\x00"}, {Role: long},
		{Settings: []Setting{{"", "x"}}}, {Settings: []Setting{{"a\x00", "x"}}}, {Settings: []Setting{{"a", "x\x00"}}},
		{Settings: []Setting{{"a", "\xff"}}}, {Settings: []Setting{{"Search_Path", "x"}}}, {Settings: []Setting{{"role", "x"}}},
		{Settings: []Setting{{"a", "1"}, {"A", "2"}}},
	} {
		if _, err := in.Profile(spec); err == nil {
			t.Errorf("profile %d was accepted", i)
		}
	}
}

func (in *interner[T]) size() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.entries)
}

func TestWhatNobodyHoldsIsForgotten(t *testing.T) {
	in := NewStates()
	kept := stateOf(t, in, "kept")
	for i := range 100 {
		kept.With("application_name", strings.Repeat("x", i)).Switch(ScrubFull)
		stateOf(t, in, "gone"+strconv.Itoa(i))
	}
	for range 1000 {
		runtime.GC()
		if in.states.size() == 1 && in.profiles.size() == 1 && in.tenants.size() == 1 {
			break
		}
		runtime.Gosched()
	}
	if n := in.states.size(); n != 1 {
		t.Errorf("%d states are remembered, 1 is held", n)
	}
	if stateOf(t, in, "kept") != kept {
		t.Error("a held state was forgotten")
	}
}

func TestInterningAKnownStatementDoesNotAllocate(t *testing.T) {
	table := NewStatementTable()
	body := []byte("select 1\x00\x00\x00")
	s := table.Intern(body)
	if n := testing.AllocsPerRun(100, func() { s = table.Intern(body) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if s.Body() != string(body) {
		t.Errorf("body is %q", s.Body())
	}
}
