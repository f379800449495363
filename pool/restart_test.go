package pool

import (
	"context"
	"errors"
	"testing"
	"time"

	"tenantpool/internal/pgtest"
	"tenantpool/wire"
)

func TestTheControlConnectionComesBackWithTheServer(t *testing.T) {
	server := pgtest.StartOwn(t, pgtest.Options{})
	k := newReal(t, server, nil)
	k.exec("CREATE SCHEMA acme")
	if ok, err := k.SchemaIsTenant(t.Context(), "acme"); err != nil || !ok {
		t.Fatal(ok, err)
	}
	server.Down(false)
	if err := server.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ok, err := k.SchemaIsTenant(t.Context(), "none"); err != nil || ok {
		t.Errorf("the first question after a restart: %v, %v", ok, err)
	}
}

func TestWhoWaitsIsServedWhenTheServerComesUp(t *testing.T) {
	server := pgtest.StartOwn(t, pgtest.Options{})
	k := newReal(t, server, nil)
	server.Down(false)
	s := k.client(stateOf(t, k.states, "a"))
	greeted := make(chan error, 1)
	go func() {
		_, err := k.Welcome(t.Context(), nil)
		greeted <- err
	}()
	if c, err := k.Checkout(&s.Waiter); c != nil || err != nil {
		t.Fatal(c, err)
	}
	for k.LastError(nil) == nil {
		if err := wait(t.Context(), time.Millisecond); !err {
			t.Fatal("no login was tried")
		}
	}
	if e := k.LastError(nil); e.Code != "08006" && e.Code != "57P03" {
		t.Errorf("the last error is %v", e)
	}
	if err := server.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, ok := (<-s.answer).(*Conn)
	if !ok {
		t.Fatal("the waiter was refused")
	}
	k.Release(c)
	if err := <-greeted; err != nil {
		t.Errorf("one who was to be greeted got %v", err)
	}
}

func TestALoginThroughAnotherPoolerIsRefused(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, nil)
		params := k.birthParams(nil)
		pg, _, err := k.open(t.Context(), k.loginOf(nil), params)
		if err != nil {
			t.Fatal(err)
		}
		defer pg.Close(context.Background())
		good, err := firstRow(pg.Exec(t.Context(), checkQuery(checked(params))))
		if err != nil {
			t.Fatal(err)
		}
		if err := k.judge(pg, good, nil, params); err != nil {
			t.Fatal(err)
		}
		for i, bad := range map[int]string{0: "1", 2: "postgres", 4: "acme", 5: "acme", 6: "public"} {
			row := append([][]byte(nil), good...)
			row[i] = []byte(bad)
			var refused *loginRefused
			if err := k.judge(pg, row, nil, params); !errors.As(err, &refused) {
				t.Errorf("column %d is %q: %v", i, bad, err)
			}
		}
	})
}

func TestAVerdictStandsForAWhile(t *testing.T) {
	at := time.Now()
	for _, c := range []struct {
		ok     bool
		age    time.Duration
		stands bool
	}{{true, 29 * time.Second, true}, {true, 31 * time.Second, false}, {false, 4 * time.Second, true}, {false, 6 * time.Second, false}} {
		if got := (verdict{c.ok, at}).stands(at.Add(c.age)); got != c.stands {
			t.Errorf("good: %v, %v old: stands %v", c.ok, c.age, got)
		}
	}
}

func TestAKeptVerdictAsksNoServer(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, func(o *Options) { o.SchemaCheck = time.Hour })
		k.exec("CREATE SCHEMA a AUTHORIZATION " + loginRole)
		prof := mustProfile(t, k.states, ProfileSpec{Tenant: "a", Path: []string{"a"}})
		if err := k.CheckSchema(t.Context(), prof, "a"); err != nil {
			t.Fatal(err)
		}
		<-k.control.turn // nobody can ask any more
		if err := k.CheckSchema(t.Context(), prof, "a"); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := k.CheckSchema(ctx, prof, "b"); !errors.Is(err, context.Canceled) {
			t.Errorf("one that was not kept: %v", err)
		}
		k.control.turn <- struct{}{}
	})
}

func TestWithoutRoundsAMissingSchemaIsStillFoundAgain(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, nil)
		s := k.client(stateOf(t, k.states, "a"))
		if err := k.CheckSchema(t.Context(), s.Want.profile, "a"); err == nil {
			t.Fatal("a schema that does not exist was found")
		}
		k.exec("CREATE SCHEMA a AUTHORIZATION " + loginRole)
		for s.conn == nil {
			if err := s.reserve(); err != nil && err.Code != "3F000" || t.Context().Err() != nil {
				t.Fatal(err)
			}
		}
		s.prepare()
		s.give()
	})
}

func TestACacheKeepsWhatWasUsedLast(t *testing.T) {
	c := newCache[int](2)
	c.put("a", 1)
	c.put("b", 2)
	c.get("a")
	c.put("c", 3)
	c.put("a", 4)
	if _, ok := c.get("b"); ok {
		t.Error("the one used longest ago was kept")
	}
	if v, ok := c.get("a"); !ok || v != 4 || len(c.entries) != 2 {
		t.Errorf("a is %d, %v, of %d", v, ok, len(c.entries))
	}
}

func TestAStateTellsWhatItIs(t *testing.T) {
	in := NewStates()
	spec := ProfileSpec{Tenant: "a", Path: []string{"a"}, Role: "r", Settings: []Setting{{"app.x", "y"}}}
	s := in.State(mustProfile(t, in, spec), nil)
	p := s.Profile()
	if p.Tenant() != "a" || p.Path()[0] != "a" || p.Role() != "r" || p.Settings()[0] != spec.Settings[0] || p.PathOnly() {
		t.Errorf("%+v", p.spec)
	}
	text := NewStatementTable().Intern([]byte("LISTEN x\x00\x00\x00"))
	if text.Traits() != wire.Scan([]byte("LISTEN x")) {
		t.Errorf("traits are %b", text.Traits())
	}
	for k := EventConnected; k <= EventSchemaBack; k++ {
		if k.String() == "" {
			t.Errorf("event %d has no name", k)
		}
	}
	for r := range reasons {
		if r.String() == "" {
			t.Errorf("reason %d has no name", r)
		}
	}
}
