package integration

import (
	"strings"
	"time"
)

// side is one client in an attack.
type side struct {
	*rawClient
	arena  *arena
	tenant string
	gone   bool
}

// step is something that a client does, and what it must see of it.
type step func(s *side)

func (s *side) do(steps []step) {
	s.t.Helper()
	for _, step := range steps {
		step(s)
	}
}

// says runs simple Queries that must work.
func says(sql ...string) step {
	return func(s *side) {
		for _, q := range sql {
			s.run(q)
		}
	}
}

// batches runs statements in a batch of the extended protocol each; all must work.
func batches(sql ...string) step {
	return func(s *side) {
		for _, q := range sql {
			s.send(once(q))
			if _, err := result(s.until('Z')); err != nil {
				s.t.Fatalf("%s in a batch: %v", q, err)
			}
		}
	}
}

// tries runs simple Queries whatever comes of them.
func tries(sql ...string) step {
	return func(s *side) {
		for _, q := range sql {
			s.try(q)
		}
	}
}

// fails runs simple Queries that must each end in the SQLSTATE.
func fails(code string, sql ...string) step {
	return func(s *side) {
		for _, q := range sql {
			if rows, err := s.try(q); err == nil || err.code != code {
				s.t.Errorf("%s, %s: got %v, %v; want %s", s.tenant, q, rows, err, code)
			}
		}
	}
}

// failsInBatch is fails by the extended protocol.
func failsInBatch(code string, sql ...string) step {
	return func(s *side) {
		for _, q := range sql {
			s.send(once(q))
			if rows, err := result(s.until('Z')); err == nil || err.code != code {
				s.t.Errorf("%s, %s in a batch: got %v, %v; want %s", s.tenant, q, rows, err, code)
			}
		}
	}
}

// sees runs a query whose first value must be as wanted.
func sees(sql, want string) step {
	return func(s *side) {
		if got := s.value(sql); got != want {
			s.t.Errorf("%s, %s: got %q, want %q", s.tenant, sql, got, want)
		}
	}
}

// hides runs statements inside a function: no pooler reads them.
func hides(sql ...string) step {
	return func(s *side) {
		for _, q := range sql {
			s.run("SELECT shared.run($hidden$" + q + "$hidden$)")
		}
	}
}

// traps runs statements inside a trigger, by a text that calls no function at all.
func traps(sql ...string) step {
	return func(s *side) {
		for _, q := range sql {
			s.run("INSERT INTO trap VALUES ($hidden$" + q + "$hidden$)")
		}
	}
}

// sends writes bytes.
func sends(parts ...[]byte) step { return func(s *side) { s.send(parts...) } }

// hears reads as many messages as wanted has letters; they must be of those kinds. Parameter changes
// and notices do not count.
func hears(wanted string) step {
	return func(s *side) {
		var got []reply
		for len(got) < len(wanted) {
			if m := s.next(); m.kind != 'S' && m.kind != 'N' {
				got = append(got, m)
			}
		}
		if kinds(got) != wanted {
			s.t.Errorf("%s: got %q, want %q: %v", s.tenant, kinds(got), wanted, firstError(got))
		}
	}
}

// dies expects the pooler to end the connection with a FATAL error of the SQLSTATE.
func dies(code string) step {
	return func(s *side) {
		s.gone = true
		if e := firstError(s.rest()); e == nil || e.code != code {
			s.t.Errorf("%s: the connection ended with %v, want %s", s.tenant, e, code)
		}
	}
}

// leaves says good-bye, vanishes just closes, and breaks resets the connection.
func leaves(s *side) {
	s.gone = true
	s.send(terminate)
	s.rest()
}

func vanishes(s *side) { s.gone = true; s.vanish(false) }

func breaks(s *side) { s.gone = true; s.vanish(true) }

// outside runs SQL as the superuser, past the pooler.
func outside(sql string) step { return func(s *side) { s.arena.ask(s.t, s.fill(sql)) } }

// awaits waits until a query of the superuser's says true.
func awaits(sql string) step {
	return func(s *side) {
		eventually(s.t, sql, func() bool { return s.arena.ask(s.t, s.fill(sql)) == "t" })
	}
}

// fill puts the arena's names into SQL: {db}, {login}, {lent} (a condition on pg_stat_activity).
func (s *side) fill(sql string) string {
	return strings.NewReplacer("{db}", s.arena.database, "{login}", s.arena.level.login("acme"), "{lent}", s.arena.borrowed()).Replace(sql)
}

// becomes repeats a query until it gives the value; errors are passed over, other values are not.
func becomes(sql, want string) step {
	return func(s *side) {
		deadline := time.Now().Add(patience)
		for {
			rows, err := s.try(sql)
			if err == nil && rows[0][0] == want {
				return
			}
			if err == nil || time.Now().After(deadline) {
				s.t.Fatalf("%s, %s: got %v, %v; want %q", s.tenant, sql, rows, err, want)
			}
		}
	}
}

// turnedAway tries to log in as a client of the tenant with more startup parameters; that must be
// refused with the SQLSTATE.
func turnedAway(code string, more ...string) step {
	return func(s *side) {
		c := dialRaw(s.t, s.arena.p.endpoint)
		c.send(startup(version30, append([]string{"user", "app", "database", s.tenant}, more...)...))
		if e := c.authenticate("app", ""); e == nil || e.code != code || e.severity != "FATAL" {
			s.t.Errorf("a login with %q gave %v, want %s", more, e, code)
		}
		c.vanish(false)
	}
}

// together lets another client of the tenant do something at this point.
func together(tenant string, steps ...step) step {
	return func(s *side) {
		other := s.arena.enter(s.t, tenant)
		other.do(steps)
		other.vanish(false)
	}
}
