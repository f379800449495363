package soak

import (
	"errors"
	"fmt"
	"os"
)

// What functions and triggers do is in no text that a pooler reads. All of it may stay visible to the
// tenant whose function it was, and to nobody else.
var hiddenTricks = []trick{
	{"hidden setting", 4, (*client).hiddenSetting},
	{"hidden reported setting", 2, (*client).hiddenReported},
	{"hidden temporary table", 3, (*client).hiddenTemp},
	{"hidden temporary table in a tenant's table's place", 3, (*client).hiddenMask},
	{"hidden cursor", 3, (*client).hiddenCursor},
	{"hidden PREPARE", 3, (*client).hiddenPrepare},
	{"hidden lock", 3, (*client).hiddenLock},
	{"hidden LISTEN", 2, (*client).hiddenListen},
	{"notification", 2, (*client).notify},
	{"hidden lastval", 3, (*client).hiddenLastval},
	{"hidden path, rolled back", 2, (*client).hiddenPathUndone},
	{"hidden path, left behind", 3, (*client).hiddenPathLeft},
	{"trigger that moves the path for its statement", 2, (*client).trapLocal},
	{"trigger that moves the path for good", 1, (*client).trapLeft},
	{"hidden read-only default, left behind", 1, (*client).hiddenReadOnly},
}

// hide is a query whose function runs sql. Its row is the tenant's.
func hide(sql string) string { return "SELECT soak_run($hide$" + sql + "$hide$), pg_backend_pid()" }

// trap is an INSERT whose trigger runs sql.
func trap(sql string) string { return "INSERT INTO soak_trap VALUES ($hide$" + sql + "$hide$)" }

// hiddenName is a name that says whose it is.
func (c *client) hiddenName() string {
	return fmt.Sprintf("h_%s_%08x", c.probe.mark(), c.dice.Uint32())
}

func (c *client) hiddenSetting() error {
	if c.dice.IntN(2) == 0 {
		return c.do(trap("SET soak.hidden = '" + c.probe.mark() + "'"))
	}
	const name = "statement_timeout"
	value := fmt.Sprintf("77%s1ms", c.probe.mark())
	if c.soak.governed(name) {
		return nil
	}
	if err := c.do(hide("SET " + name + " = '" + value + "'")); err != nil {
		return err
	}
	c.model.hidden[name] = value
	return nil
}

// hiddenReported changes what the server reports by itself, which makes it the client's own.
func (c *client) hiddenReported() error {
	const name = "application_name"
	value := fmt.Sprintf("soak client %d, hidden", c.number)
	if c.soak.governed(name) {
		return nil
	}
	if err := c.do(hide("SET " + name + " = '" + value + "'")); err != nil {
		return err
	}
	c.model.set(name, value)
	return c.look()
}

func (c *client) hiddenTemp() error {
	if !c.soak.temp {
		return nil
	}
	return c.do(hide("CREATE TEMP TABLE " + c.hiddenName() + " AS SELECT 1 AS one"))
}

func (c *client) hiddenMask() error {
	if !c.soak.temp {
		return nil
	}
	table := masks[c.dice.IntN(len(masks))]
	return c.do(hide(fmt.Sprintf("CREATE TEMP TABLE IF NOT EXISTS %s AS SELECT * FROM %s.%[1]s", table, ident(c.probe.home))))
}

func (c *client) hiddenCursor() error {
	return c.do(hide("DECLARE " + c.hiddenName() + " CURSOR WITH HOLD FOR SELECT 1"))
}

func (c *client) hiddenPrepare() error {
	return c.do(hide("PREPARE " + c.hiddenName() + " AS SELECT 1"))
}

// lockClass is the first number of all advisory locks of the tenant's clients.
func (c *client) lockClass() int { return 7_000_000 + c.probe.number }

func (c *client) hiddenLock() error {
	return c.do(hide(fmt.Sprintf("SELECT pg_advisory_lock_shared(%d, %d)", c.lockClass(), 9_000_000+c.dice.IntN(1_000_000))))
}

// bell is the channel of the tenant.
func (c *client) bell() string { return "h_" + c.probe.mark() + "_bell" }

func (c *client) hiddenListen() error { return c.do(hide("LISTEN " + c.bell())) }

func (c *client) notify() error {
	return c.do("NOTIFY " + c.bell() + ", '" + stem + c.probe.mark() + "'")
}

// hiddenLastval asks for the last number of the sequence where no text shows it.
func (c *client) hiddenLastval() error {
	a, err := c.run("SELECT tenant, pg_backend_pid(), soak_lastval() FROM soak_whoami")
	if err != nil {
		return err
	}
	c.judgeNumber(a, "none")
	return nil
}

func (c *client) hiddenPathUndone() error {
	if err := c.begin(); err != nil {
		return err
	}
	c.told = true
	if err := c.do(hide("SET search_path TO " + ident(c.other().home))); err != nil {
		return err
	}
	if err := c.rollback(); err != nil {
		return err
	}
	return c.simple()
}

// astray runs what moves the path of the client itself and goes: what it is shown from then on is its
// own fault, and what others are shown is not.
func (c *client) astray(sql string) error {
	c.blind, c.told = true, true
	for _, request := range []string{sql, itemSQL + c.item()}[:1+c.dice.IntN(2)] {
		a, err := c.ask(request, 1, query(request))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if err != nil || a.ended {
			c.leave() // the pooler may well end such a session
			return nil
		}
	}
	c.tally.departures++
	return c.bye()
}

func (c *client) hiddenPathLeft() error {
	return c.astray(hide("SET search_path TO " + ident(c.other().home)))
}

func (c *client) trapLocal() error {
	c.told = true
	if err := c.do(trap("SET LOCAL search_path TO " + ident(c.other().home))); err != nil {
		return err
	}
	return c.simple()
}

// trapLeft moves the path where only a server that reports it, or a switch for every session, can keep
// the tenant's other clients from following.
func (c *client) trapLeft() error {
	if !c.soak.traps {
		return c.trapLocal()
	}
	return c.astray(trap("SET search_path TO " + ident(c.other().home)))
}

func (c *client) hiddenReadOnly() error {
	c.blind = true
	if err := c.do(hide("SET default_transaction_read_only = on")); err != nil {
		c.blind = false
		return err
	}
	c.tally.departures++
	return c.bye()
}
