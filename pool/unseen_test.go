package pool

import (
	"context"
	"errors"
	"testing"
	"time"

	"tenantpool/internal/pgtest"
	"tenantpool/wire"
)

// A snapshot of a serializable, read-only, deferrable transaction waits until
// all serializable transactions that write have ended: those of other tenants
// too, and for as long as they like. Whoever leaves that as a default must not
// have the pooler's own texts wait.
func TestADeferrableDefaultLeftBehindMakesNobodyWait(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, func(o *Options) { o.Size = 1 })
		writer, err := server.Connect(t.Context(), k.db)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { writer.Close(context.Background()) })
		writes := "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE; CREATE TABLE written (); SELECT count(*) FROM pg_class"
		if _, err := writer.Exec(t.Context(), writes).ReadAll(); err != nil {
			t.Fatal(err)
		}
		a := k.client(stateOf(t, k.states, "a"))
		for name, next := range map[string]struct {
			want *State
			plan Plan
		}{
			"the same state":   {a.Want, PlanSettings},
			"the same tenant":  {a.Want.With("datestyle", "German, DMY"), PlanSettings},
			"a soiled one":     {a.Want, PlanFull},
			"another tenant":   {stateOf(t, k.states, "b"), PlanAll},
			"another path too": {stateOf(t, k.states, "c", Setting{"datestyle", "ISO, DMY"}), PlanAll},
		} {
			a.take()
			a.leaveDeferrable()
			if next.plan == PlanFull {
				a.conn.Soiled()
			}
			a.give()
			s := k.client(next.want)
			s.reserve()
			s.conn.Transport.(*socket).SetDeadline(time.Now().Add(10 * time.Second)) // far below for ever
			if plan := s.conn.Plan(s.Holder, s.Want, Watch); plan != next.plan {
				t.Fatalf("%s: plan %d, want %d", name, plan, next.plan)
			}
			s.prepare()
			if got := s.one("SELECT current_setting('default_transaction_isolation') || current_setting('transaction_isolation')"); got != "read committedread committed" {
				t.Errorf("%s: the next one's isolation is %s", name, got)
			}
			s.conn.Transport.(*socket).SetDeadline(time.Time{})
			s.give()
		}
		if status := writer.TxStatus(); status != wire.TxOpen {
			t.Errorf("the writer's transaction has ended: %q", status)
		}
	})
}

// leaveDeferrable leaves the defaults under which any snapshot waits, having
// made sure that it does.
func (s *client) leaveDeferrable() {
	s.k.t.Helper()
	s.run("SET default_transaction_isolation TO serializable", "SET default_transaction_read_only TO on",
		"SET default_transaction_deferrable TO on", "SET statement_timeout TO '200ms'")
	if _, code := s.query("SELECT 1"); code != "57014" {
		s.k.t.Fatalf("a snapshot does not wait: %q", code)
	}
	s.run("SET statement_timeout TO 0")
}

// What a function prepares or drops is seen by nobody. The next tenant finds no
// statement of the one before, and relies on none of its own that may be gone.
func TestWhatAFunctionPreparesOrDropsIsNotTheNextTenants(t *testing.T) {
	const prepares, drops = `DO $$ BEGIN EXECUTE 'PREPARE getuser AS select 1'; END $$`, `DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$`
	for name, text := range map[string]string{"prepares": prepares, "drops": drops} {
		for between, others := range map[string]int{"at once": 0, "behind another of the tenant": 1} {
			t.Run(name+" "+between, func(t *testing.T) {
				onServers(t, func(t *testing.T, server *pgtest.Server) {
					k := newReal(t, server, func(o *Options) { o.Size = 1 })
					testUnseen(t, k, text, others, name == "prepares")
				})
			})
		}
	}
}

func testUnseen(t *testing.T, k *realPool, text string, others int, prepares bool) {
	own := NewStatementTable().Intern([]byte("SELECT 'own'\x00\x00\x00"))
	a, b := k.client(stateOf(t, k.states, "a")), k.client(stateOf(t, k.states, "b"))
	b.take()
	first, parsed := b.parse(own)
	if !parsed {
		t.Fatal("b's statement was there before")
	}
	b.give()
	a.take()
	if a.conn.Statements.Len() != 1 {
		t.Fatal("b's statement was not kept behind a plain text")
	}
	a.run(text)
	want := "0"
	if prepares {
		want = "2"
	}
	if got := a.one("SELECT count(*) FROM pg_prepared_statements"); got != want {
		t.Fatalf("%s statements behind a's text, want %s", got, want)
	}
	a.give()
	for range others {
		other := k.client(a.Want)
		other.take()
		other.conn.Ran(other.Holder, 0)
		other.give()
	}
	b.take()
	again, parsed := b.parse(own)
	if !parsed || again == first {
		t.Error("b's statement is taken to be there still")
	}
	if rows, code := b.query("EXECUTE getuser"); code != "26000" {
		t.Errorf("b finds getuser: %v, %q", rows, code)
	}
	if names, _ := b.query("SELECT name FROM pg_prepared_statements"); len(names) != 1 || names[0] != again.Name {
		t.Errorf("b finds the statements %q, its own is %s", names, again.Name)
	}
	if rows, code := b.query("EXECUTE %s", again.Name); code != "" || len(rows) != 1 || rows[0] != "own" {
		t.Errorf("b's own statement says %v, %q", rows, code)
	}
	b.give()
}

// parse finds the session's statement on the connection, or parses it.
func (s *client) parse(text *Statement) (it *ServerStatement, parsed bool) {
	s.k.t.Helper()
	const batch = 1
	s.conn.Ran(s.Holder, text.Traits())
	if it = s.conn.Statements.Find(s.Want, text, batch); it != nil {
		return it, false
	}
	it = s.conn.Statements.Add(s.Want, text, batch)
	s.write(wire.AppendSync(wire.AppendParse(nil, it.Name, text.Body())))
	if m, body := s.read(); m != wire.ServerParseComplete {
		s.k.t.Fatalf("Parse: %q %s", byte(m), body)
	}
	s.conn.Statements.Parsed(it)
	if m, body := s.read(); m != wire.ServerReadyForQuery {
		s.k.t.Fatalf("Sync: %q %s", byte(m), body)
	}
	return it, true
}

// A function keeps its plans, and in them its literals, as they were read under
// the settings of whoever ran it first.
func TestAFunctionReadsItsLiteralsUnderTheNextTenantsSettings(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, func(o *Options) { o.Size = 1 })
		k.exec(`CREATE FUNCTION public.month() RETURNS text LANGUAGE plpgsql AS
			$$ BEGIN RETURN to_char(date '01/02/2020', 'MM'); END $$`)
		a := k.client(stateOf(t, k.states, "a", Setting{"datestyle", "ISO, DMY"}))
		b := k.client(stateOf(t, k.states, "b", Setting{"datestyle", "ISO, MDY"}))
		for range 2 {
			for s, want := range map[*client]string{a: "02", b: "01"} {
				s.take()
				if got := s.one("SELECT public.month()"); got != want {
					t.Errorf("%s reads the month as %s, want %s", s.Want.Profile().Tenant(), got, want)
				}
				s.give()
			}
		}
		if n := k.Stats().Logins; n != 1 {
			t.Errorf("%d logins for one connection", n)
		}
	})
}

// A switch that fails has done some of its work all the same: statements are
// dropped, locks given up. Nobody gets that connection.
func TestAConnectionWhoseSwitchFailedIsClosed(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, func(o *Options) { o.Size = 1 })
		a := k.client(stateOf(t, k.states, "a"))
		bad := map[Plan]*client{
			PlanSettings: k.client(a.Want.With("datestyle", "nonsense")),
			PlanFull:     k.client(stateOf(t, k.states, "b", Setting{"datestyle", "nonsense"})),
			PlanAll:      k.client(stateOf(t, k.states, "b", Setting{"datestyle", "nonsense"})),
		}
		for plan, s := range bad {
			a.take()
			a.conn.Ran(a.Holder, 0)
			if plan == PlanAll {
				a.run("SELECT 1")
			}
			a.give()
			before := k.Stats().Discarded(ReasonSwitchFailed)
			if err := s.reserve(); err != nil {
				t.Fatal(err)
			}
			if got := s.conn.Plan(s.Holder, s.Want, Watch); got != plan {
				t.Fatalf("plan %d, want %d", got, plan)
			}
			var refused *wire.Error
			if err := s.send(s.Want.Switch(plan.Scrub())); !errors.As(err, &refused) || refused.Code != "22023" {
				t.Errorf("plan %d: the switch gave %v, want 22023", plan, err)
			}
			if s.conn.Carried() != nil {
				t.Errorf("plan %d: something is carried behind a failed switch", plan)
			}
			s.give()
			if got := k.Stats().Discarded(ReasonSwitchFailed) - before; got != 1 {
				t.Errorf("plan %d: %d connections were closed", plan, got)
			}
		}
	})
}
