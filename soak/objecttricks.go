package soak

import (
	"fmt"
	"strconv"
)

// What a client makes in plain sight ties its session to a server, and is gone with the session.
var objectTricks = []trick{
	{"temporary table", 2, (*client).temp},
	{"cursor WITH HOLD", 2, (*client).holdCursor},
	{"SQL PREPARE", 2, (*client).sqlPrepare},
	{"advisory lock", 2, (*client).lock},
	{"lastval", 2, (*client).lastval},
	{"LISTEN", 2, (*client).listen},
}

// name is one that no other client uses.
func (c *client) name(kind string) string {
	c.serial++
	return fmt.Sprintf("%s_%s_c%d_%d", kind, c.probe.mark(), c.number, c.serial)
}

// object makes an object, uses it, and often drops it again.
func (c *client) object(name, make, use, drop string, rows int) error {
	if err := c.do(make); err != nil {
		return err
	}
	c.model.objects[name], c.pinned = true, true
	if err := c.gives(rows, use, 1, query(use)); err != nil {
		return err
	}
	if err := c.simple(); err != nil || c.dice.IntN(3) == 0 {
		return err
	}
	if err := c.do(drop); err != nil {
		return err
	}
	delete(c.model.objects, name)
	return nil
}

func (c *client) temp() error {
	if !c.soak.temp {
		return nil
	}
	name := c.name("t")
	return c.object(name, "CREATE TEMP TABLE "+name+" AS SELECT tenant FROM soak_whoami",
		"SELECT tenant, pg_backend_pid() FROM "+name, "DROP TABLE "+name, 1)
}

func (c *client) holdCursor() error {
	name := c.name("c")
	return c.object(name, "DECLARE "+name+" CURSOR WITH HOLD FOR "+itemsSQL, "FETCH 5 FROM "+name, "CLOSE "+name, 5)
}

func (c *client) sqlPrepare() error {
	name := c.name("q")
	return c.object(name, "PREPARE "+name+" AS "+itemsSQL, "EXECUTE "+name, "DEALLOCATE "+name, 20)
}

func (c *client) lock() error {
	c.serial++
	number := 1_000_000 + c.number*100 + c.serial%100
	call := func(function string) string {
		return fmt.Sprintf("SELECT tenant, pg_backend_pid(), %s(%d, %d) FROM soak_whoami", function, c.lockClass(), number)
	}
	name := fmt.Sprintf("lock_%d_%d", c.lockClass(), number)
	if c.model.objects[name] {
		return nil
	}
	return c.object(name, call("pg_advisory_lock_shared"), whoSQL, call("pg_advisory_unlock_shared"), 1)
}

// lastval draws a number and asks for it again: it is the same one, or an error.
func (c *client) lastval() error {
	a, err := c.run("SELECT tenant, pg_backend_pid(), nextval('soak_seq') FROM soak_whoami")
	if err != nil {
		return err
	}
	c.judgeNumber(a, "")
	c.model.sequence = a.last[len(a.last)-1]
	if err := c.simple(); err != nil {
		return err
	}
	a, err = c.run("SELECT tenant, pg_backend_pid(), lastval() FROM soak_whoami", "", "55000")
	if err != nil || a.code != "" {
		return err
	}
	c.pinned = true
	c.judgeNumber(a, "")
	if got := a.last[len(a.last)-1]; got != c.model.sequence {
		return fmt.Errorf("lastval is %s, nextval was %s", got, c.model.sequence)
	}
	return nil
}

// judgeNumber looks whether the last column is a number of the tenant's sequence, or the word that
// stands for none.
func (c *client) judgeNumber(a answer, none string) {
	text := a.last[len(a.last)-1]
	if n, err := strconv.Atoi(text); (err != nil || !c.probe.owns(n)) && text != none {
		c.report(Leftover, "another's sequence gave "+text)
	}
}

func (c *client) listen() error { return c.do("LISTEN "+c.bell(), "0A000") }
