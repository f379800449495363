package soak

import (
	"errors"
	"fmt"
	"os"
	"time"
)

var faultTricks = []trick{
	{"error", 4, (*client).fail},
	{"error in a batch", 4, (*client).failInBatch},
	{"text that does not parse", 2, (*client).garble},
	{"statement that is not there", 2, (*client).missing},
	{"statement that is there already", 2, (*client).duplicate},
	{"cancel", 6, (*client).cancel},
	{"cancel of a write", 2, (*client).cancelWrite},
	{"cancel with a wrong key", 2, (*client).wrongCancel},
	{"kill of the own server", 1, (*client).kill},
}

func (c *client) fail() error { return c.do(itemsSQL+"; SELECT 1/0", "22012") }

func (c *client) failInBatch() error {
	item := join(bind("", "", c.item()), execute("", 0))
	fails := join(parse("", "SELECT 1/0"), bind("", ""), execute("", 0))
	_, err := c.want("an error in a batch", 1, join(parse("", itemSQL+"$1"), item, fails, item, syncNow), "22012")
	return err
}

func (c *client) garble() error {
	if c.dice.IntN(2) == 0 {
		return c.do("SELEC tenant", "42601")
	}
	fails := join(parse("", "SELECT tenant FROM nowhere"), syncNow)
	_, err := c.want("a Parse that fails", 2, join(fails, once(itemSQL+"$1", c.item())), "42P01")
	return err
}

func (c *client) missing() error {
	codes := map[string][]byte{"26000": bind("", "nobody's"), "34000": execute("nobody's", 0)}
	for code, request := range codes {
		if _, err := c.want("what is not there", 1, join(request, syncNow), code); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) duplicate() error {
	for name := range c.model.prepared {
		_, err := c.want("statement "+name+" once more", 1, join(parse(name, whoSQL), syncNow), "42P05")
		return err
	}
	return c.preparedStatement()
}

// canceled sends a request and, at a random moment, a cancel request, and reads the answer.
func (c *client) canceled(sql string) (answer, error) {
	c.remember(sql + ", canceled")
	if err := c.link.write(query(sql)); err != nil {
		return answer{}, err
	}
	time.Sleep(time.Duration(c.dice.IntN(4000)) * time.Microsecond) // any moment will do
	if err := c.link.cancel(c.soak.address, c.link.secret); err != nil {
		return answer{}, err
	}
	a, err := c.answers(1)
	if err != nil {
		return a, err
	}
	return a, c.expect(a, "", "57014")
}

func (c *client) cancel() error {
	sql := itemsSQL
	if c.dice.IntN(2) == 0 {
		sql = "SELECT tenant, pg_backend_pid(), id FROM soak_items, pg_sleep(0.01)"
	}
	if _, err := c.canceled(sql); err != nil {
		return err
	}
	return c.do(whoSQL, "", "57014") // a server itself may be that late
}

func (c *client) cancelWrite() error {
	c.tally.unsure++
	a, err := c.canceled(c.ledgerSQL())
	if err != nil {
		return err
	}
	if a.code == "" {
		c.tally.unsure--
		c.tally.committed++
	}
	return c.do(whoSQL, "", "57014")
}

// wrongCancel must cancel nothing.
func (c *client) wrongCancel() error {
	c.remember("a query, and a cancel with a wrong key")
	if err := c.link.write(query("SELECT tenant, pg_backend_pid(), id FROM soak_items, pg_sleep(0.005)")); err != nil {
		return err
	}
	wrong := append([]byte{}, c.link.secret...)
	wrong[len(wrong)-1] ^= 0x55
	if err := c.link.cancel(c.soak.address, wrong); err != nil {
		return err
	}
	a, err := c.answers(1)
	if err == nil {
		err = c.expect(a, "")
	}
	return err
}

// kill ends the server process that the client happens to have, where it may.
func (c *client) kill() error {
	const sql = "SELECT tenant, pg_backend_pid(), pg_terminate_backend(pg_backend_pid()) FROM soak_whoami"
	a, err := c.ask(sql, 1, query(sql))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if err != nil || a.ended {
		if a.code != "" {
			c.tally.refused(a.code)
		}
		if a.code != "" && a.code != "57P01" && a.code != "08006" {
			return fmt.Errorf("the end of its server gave %s: %s", a.code, a.text)
		}
		c.leave()
		return nil
	}
	return c.expect(a, "42501", "57P01")
}
