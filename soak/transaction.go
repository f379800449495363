package soak

import (
	"fmt"
	"strings"
)

// steps are what may happen inside a transaction.
var steps = []func(*client) error{
	(*client).simple, (*client).extended, (*client).preparedStatement, (*client).look, (*client).look,
	(*client).setSome, (*client).setSome, (*client).setSomeLocal, (*client).setSomeLocal, (*client).resetSome,
	(*client).localPath, (*client).savepoint, (*client).savepoint, (*client).hiddenLocal, (*client).cursor,
	(*client).portal, (*client).transactionLock,
}

func (c *client) begin() error {
	if err := c.do("BEGIN"); err != nil {
		return err
	}
	c.model.save()
	return nil
}

func (c *client) rollback() error {
	if err := c.do("ROLLBACK"); err != nil {
		return err
	}
	c.model.rollback()
	return nil
}

// transaction is some steps and one of the ends that a transaction can have.
func (c *client) transaction() error {
	if err := c.begin(); err != nil {
		return err
	}
	if err := c.do(c.ledgerSQL()); err != nil {
		return err
	}
	for range c.dice.IntN(5) {
		if err := steps[c.dice.IntN(len(steps))](c); err != nil {
			return err
		}
	}
	switch n := c.dice.IntN(20); {
	case n < 4:
		return c.rollback()
	case n < 6:
		return c.failedCommit()
	case n < 7:
		c.tally.departures++
		return c.bye()
	case n < 8:
		c.desert()
		return nil
	}
	return c.committing(1, func() error {
		if err := c.do("COMMIT"); err != nil {
			return err
		}
		c.model.commit()
		return nil
	})
}

// failedCommit commits a transaction that an error has ended, which rolls it back.
func (c *client) failedCommit() error {
	if err := c.do("SELECT 1/0", "22012"); err != nil {
		return err
	}
	if err := c.do(itemsSQL, "25P02"); err != nil {
		return err
	}
	if err := c.do("COMMIT"); err != nil {
		return err
	}
	c.model.rollback()
	return nil
}

// changes are what a savepoint can undo.
var changes = []func(*client) error{
	(*client).setSome, (*client).setSomeLocal, (*client).localPath, (*client).resetSome,
}

// savepoint changes settings behind a savepoint and goes back, or not.
func (c *client) savepoint() error {
	if err := c.do("SAVEPOINT s"); err != nil {
		return err
	}
	c.model.save()
	for range c.dice.IntN(3) {
		if err := changes[c.dice.IntN(len(changes))](c); err != nil {
			return err
		}
	}
	if c.dice.IntN(3) == 0 {
		defer c.model.release()
		return c.do("RELEASE s")
	}
	if err := c.wreck(); err != nil {
		return err
	}
	if err := c.do("ROLLBACK TO s"); err != nil {
		return err
	}
	c.model.back()
	c.model.release()
	if err := c.do("RELEASE s"); err != nil {
		return err
	}
	return c.look()
}

// wreck is what a savepoint has to undo: an error, a path that a function has moved to another tenant.
func (c *client) wreck() error {
	switch c.dice.IntN(3) {
	case 0:
		return c.do("SELECT 1/0", "22012")
	case 1:
		c.told = true
		return c.do(hide("SET LOCAL search_path TO " + ident(c.other().home)))
	}
	return nil
}

// localPath takes a path of the tenant's own for the rest of the transaction.
func (c *client) localPath() error {
	names := append([]string{"pg_catalog"}, c.probe.route.Path...)
	if err := c.do("SET LOCAL search_path TO " + pathSQL(names)); err != nil {
		return err
	}
	c.model.setLocal("search_path", strings.Join(names, ","))
	return nil
}

func pathSQL(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = ident(n)
	}
	return strings.Join(quoted, ", ")
}

func (c *client) hiddenLocal() error {
	return c.do(hide(fmt.Sprintf("SET LOCAL soak.hidden = '%s'", c.probe.mark())))
}

// cursor reads a cursor in two bites.
func (c *client) cursor() error {
	name := c.name("c")
	fetch := "FETCH 5 FROM " + name
	for _, sql := range []string{"DECLARE " + name + " CURSOR FOR " + itemsSQL, fetch, fetch, "CLOSE " + name} {
		if err := c.do(sql); err != nil {
			return err
		}
	}
	return nil
}

// portal is cursor by messages of the protocol.
func (c *client) portal() error {
	first := join(parse("", itemsSQL), bind("p", ""), describe('P', "p"), execute("p", 5), syncNow)
	if err := c.gives(5, "five rows of a portal", 1, first); err != nil {
		return err
	}
	return c.gives(15, "the rest of the portal", 1, join(execute("p", 0), closePortal("p"), syncNow))
}

func (c *client) transactionLock() error {
	const sql = "SELECT tenant, pg_backend_pid(), pg_advisory_xact_lock_shared(%d, 9000001) FROM soak_whoami"
	return c.do(fmt.Sprintf(sql, c.lockClass()))
}
