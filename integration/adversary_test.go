package integration

import (
	"fmt"
	"slices"
	"testing"
)

// attack is what a client of tenant acme does to whoever has its server connection next.
//
// The next one is a client of globex that has been there all the while. It must be told nothing
// unasked, must find its own row and the connection as blank, and then do what finds says. Then
// acme's client, or a new one if that is gone, does what after says. At the end both see their own
// rows only, by one and the same server connection.
type attack struct {
	name    string   // a sentence
	options []string // further startup parameters of acme's client
	does    []step
	finds   []step
	after   []step
	server  fate
	only    []level // the levels that this is true of; nil is all
	exposed bool    // prepared statements are within reach, as docs/isolation.md says: finds looks at them
}

// fate is what becomes of the server connection that an attack ran on.
type fate uint8

const (
	kept     fate = iota // the next tenant has it
	replaced             // it has been closed
	either               // that is a matter of time
)

// allAttacks are those of every topic.
func allAttacks() []attack {
	return slices.Concat(attacksBySettings, attacksByRole, attacksByPath, attacksByTemp, attacksByCursors, attacksByPreparing,
		attacksByLocks, attacksByDiscarding, attacksByTransactions, attacksByMessages, attacksByCancels, attacksOnTheSwitch,
		attacksByPlans, attacksByLeftovers(), attacksByDying())
}

func TestNothingThatATenantDoesReachesTheNext(t *testing.T) {
	needsPooler(t)
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			server := adversaryServer(t, version)
			for _, l := range levels {
				t.Run(string(l), func(t *testing.T) { openArena(t, server, l).suffer(t) })
			}
		})
	}
}

// suffer plays every attack of the level, one after the other.
func (a *arena) suffer(t *testing.T) {
	first := a.enter(t, "globex")
	a.blank = first.look()
	first.vanish(false)
	played := 0
	for _, at := range allAttacks() {
		if at.only == nil || slices.Contains(at.only, a.level) {
			played++
			t.Run(at.name, func(t *testing.T) { a.play(t, at) })
		}
	}
	t.Logf("%d attacks at level %s", played, a.level)
}

// enter connects a client of the tenant.
func (a *arena) enter(t testing.TB, tenant string, more ...string) *side {
	t.Helper()
	return &side{rawClient: login(t, a.p.endpoint, tenant, more...), arena: a, tenant: tenant}
}

func (a *arena) play(t *testing.T, at attack) {
	a.ask(t, "TRUNCATE acme.notes, globex.notes")
	next := a.enter(t, "globex")
	next.send(parse("mine", "SELECT name FROM whoami"), named)
	next.until('Z')
	attacker := a.enter(t, "acme", at.options...)
	pid := attacker.value("SELECT pg_backend_pid()")
	attacker.do(at.does)

	next.isToldNothing(pid, at.server)
	if !at.exposed {
		next.hasItsStatement()
		next.findsBlank()
	}
	next.do(at.finds)
	next = next.orAnother()
	attacker = attacker.orAnother()
	attacker.do(at.after)
	attacker = attacker.orAnother()
	a.expectApart(attacker, next)
	third := a.enter(t, "initech")
	third.findsBlank()
	for _, s := range []*side{attacker, next, third} {
		s.vanish(false)
	}
}

// orAnother is the client, or a new one of its tenant if it is gone, which must find a blank connection.
func (s *side) orAnother() *side {
	if !s.gone {
		return s
	}
	another := s.arena.enter(s.t, s.tenant)
	another.findsBlank()
	return another
}

// isToldNothing has the next tenant's client ask for its row: that, and not a message more, is what
// it must be told.
func (s *side) isToldNothing(pid string, f fate) {
	s.t.Helper()
	s.send(query("SELECT name, pg_backend_pid() FROM whoami"))
	answer := s.until('Z')
	rows, err := result(answer)
	if err != nil || len(rows) != 1 || kinds(answer) != "TDCZ" || rows[0][0] != s.tenant || status(answer) != 'I' {
		s.t.Fatalf("the next client, of %s, was told %q, status %c: %v, %v", s.tenant, kinds(answer), status(answer), rows, err)
	}
	if s.arena.level != atDedicated && f != either && (rows[0][1] == pid) != (f == kept) {
		s.t.Errorf("the server connection of the attack was %s, that of the next client is %s: this shows something else", pid, rows[0][1])
	}
}

// hasItsStatement runs the statement that the next tenant's client prepared before the attack.
func (s *side) hasItsStatement() {
	s.t.Helper()
	s.send(named)
	if rows, err := result(s.until('Z')); err != nil || len(rows) != 1 || rows[0][0] != s.tenant {
		s.t.Errorf("a statement that %s prepared earlier gives %v, %v", s.tenant, rows, err)
	}
}

// expectApart is the closing check: each of two clients sees its tenant's rows only,
// on the same server connection; or, at level dedicated, each on one of its
// tenant's own login, of which there was never more than one at a time.
func (a *arena) expectApart(one, other *side) {
	one.t.Helper()
	pids := map[string]bool{}
	for _, s := range []*side{one, other} {
		row := s.run("SELECT (SELECT string_agg(name, ',') FROM whoami), (SELECT string_agg(tenant, ',') FROM shared.ledger), session_user, pg_backend_pid()")[0]
		pids[row[3]] = true
		if want := []string{s.tenant, s.tenant, a.level.login(s.tenant)}; !slices.Equal(row[:3], want) {
			s.t.Errorf("a client of %s sees %q, want %q", s.tenant, row[:3], want)
		}
	}
	if a.level != atDedicated && len(pids) != 1 {
		one.t.Errorf("two clients had %d server connections", len(pids))
	}
	if n := a.ask(one.t, "SELECT count(*) FROM pg_stat_activity WHERE "+a.borrowed()); n != "1" {
		one.t.Errorf("the pooler has %s server connections, want 1", n)
	}
}

// borrowed is a condition on pg_stat_activity: the server connections that the pooler lends.
func (a *arena) borrowed() string {
	return fmt.Sprintf("datname = '%s' AND usename <> 'postgres' AND application_name <> 'tenantpool control'", a.database)
}
