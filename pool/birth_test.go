package pool

import (
	"errors"
	"testing"

	"tenantpool/internal/pgtest"
)

// born logs in to a real server as the cluster's login for a tenant alone.
func (k *realPool) born(base ProfileSpec) (*client, *Account) {
	k.t.Helper()
	a, err := k.states.Account(Login{k.opts().User, ""}, base)
	if err != nil {
		k.t.Fatal(err)
	}
	c, err := k.login(k.t.Context(), a)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { c.Transport.(*socket).Conn.Close() })
	s := &client{k: k, conn: c}
	s.Holder, c.user = 1, 1
	return s, a
}

func TestEveryResetReturnsToWhatAConnectionWasBornWith(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, nil)
		k.exec(`DO $$ BEGIN CREATE ROLE born_role; EXCEPTION WHEN duplicate_object THEN END $$; GRANT born_role TO ` + loginRole)
		s, a := k.born(ProfileSpec{Tenant: "a", Path: []string{"a", "My Schema"}, Role: "born_role",
			Settings: []Setting{{"app.tenant_id", "it's a"}, {"Work_Mem", "5MB"}}})
		if want, err := a.state(); err != nil || s.conn.Carried() != want || s.conn.Plan(2, want, Watch) != PlanNothing {
			t.Errorf("it carries %v, %v", s.conn.Carried(), err)
		}
		s.conn.user = 1
		const mine = `SELECT concat_ws('|', current_user, session_user, current_setting('search_path'), current_setting('app.tenant_id'), current_setting('work_mem'))`
		want := `born_role|` + loginRole + `|a, "My Schema"|it's a|5MB`
		for _, sql := range []string{"SELECT 1", "RESET ALL", "RESET ROLE", "SET SESSION AUTHORIZATION DEFAULT", "DISCARD ALL"} {
			s.query(sql)
			if got := s.one(mine); got != want {
				t.Errorf("behind %s: %s", sql, got)
			}
		}
	})
}

// A startup packet is read in the database's encoding, whatever that is.
func TestANameBeyondASCIIIsLeftToTheSwitch(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, nil)
		s, a := k.born(ProfileSpec{Tenant: "a", Path: []string{"société"}})
		want, err := a.state()
		if err != nil || s.conn.Carried() != nil {
			t.Fatalf("it carries %v, %v", s.conn.Carried(), err)
		}
		if plan := s.conn.Plan(1, want, Trust); plan != PlanFull {
			t.Errorf("plan %d", plan)
		}
		s.conn.user = 1
		if got := s.one("SELECT current_setting('search_path')"); got != "" {
			t.Errorf("the path is %q", got)
		}
	})
}

func TestALoginThatIsASuperuserIsKnownBehindItsRole(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, func(o *Options) { o.User, o.RefuseSuperuser = server.User, true })
		k.exec(`DO $$ BEGIN CREATE ROLE born_role; EXCEPTION WHEN duplicate_object THEN END $$`)
		a, err := k.states.Account(Login{User: server.User}, ProfileSpec{Tenant: "a", Path: []string{"a"}, Role: "born_role"})
		if err != nil {
			t.Fatal(err)
		}
		var refused *loginRefused
		if _, err := k.login(t.Context(), a); !errors.As(err, &refused) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAccountsThatSayTheSameAreOne(t *testing.T) {
	in := NewStates()
	base := ProfileSpec{Tenant: "a", Path: []string{"a"}, Settings: []Setting{{"WORK_MEM", "1MB"}}}
	one, err := in.Account(Login{"a", "x"}, base)
	if err != nil {
		t.Fatal(err)
	}
	base.Settings[0].Name = "work_mem"
	if again, _ := in.Account(Login{"a", "x"}, base); again != one {
		t.Error("equal accounts are two")
	}
	other := base
	other.Tenant = "b"
	for what, a := range map[string]*Account{
		"another tenant": must(in.Account(Login{"a", "x"}, other)),
		"another secret": must(in.Account(Login{"a", "y"}, base)),
		"another login":  must(in.Account(Login{"b", "x"}, base)),
	} {
		if a == one || a == nil {
			t.Errorf("%s is the same account", what)
		}
	}
	s1, s2 := must(one.state()), must(one.state())
	if s1 != s2 || s1.profile == mustProfile(t, in, base) {
		t.Error("a profile is the same with and without an account")
	}
	for _, user := range []string{"", "none", "a\x00b"} {
		if _, err := in.Account(Login{User: user}, base); err == nil {
			t.Errorf("login %q was accepted", user)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
