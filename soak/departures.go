package soak

// departures are the ways to go. Whatever is under way then must reach nobody else.
var departures = []trick{
	{"departure", 2, (*client).depart},
	{"departure inside a message", 1, (*client).departInMessage},
	{"departure inside a transaction", 1, (*client).departInTransaction},
	{"departure inside a failed transaction", 1, (*client).departInFailed},
	{"departure inside a batch", 1, (*client).departInBatch},
	{"departure inside a copy in", 1, (*client).departInCopy},
	{"departure inside a copy out", 1, (*client).departInCopyOut},
	{"departure inside a large result", 1, (*client).departInResult},
	{"departure before the answer", 1, (*client).departUnanswered},
	{"departure behind a pipeline", 1, (*client).departBehindPipeline},
}

// bye ends the session in good order. It counts as no departure by itself.
func (c *client) bye() error {
	c.remember("goodbye")
	_ = c.link.write(terminate) // the connection closes in any case
	c.leave()
	return nil
}

// desert ends the connection in the middle of something, by a reset or in order.
func (c *client) desert() {
	c.tally.departures++
	c.remember("desertion")
	if c.dice.IntN(2) == 0 {
		c.link.reset()
	}
	c.leave()
}

func (c *client) depart() error {
	c.tally.departures++
	return c.bye()
}

// deserting sends a request that is never answered to this client, and goes.
func (c *client) deserting(note string, request []byte) error {
	c.remember(note)
	_ = c.link.write(request) // it goes in any case
	c.desert()
	return nil
}

func (c *client) departInMessage() error {
	whole := query(c.ledgerSQL())
	return c.deserting("half a query", whole[:1+c.dice.IntN(len(whole)-1)])
}

func (c *client) departInTransaction() error {
	if err := c.begin(); err != nil {
		return err
	}
	if err := c.do(c.ledgerSQL()); err != nil {
		return err
	}
	c.desert()
	return nil
}

func (c *client) departInFailed() error {
	if err := c.begin(); err != nil {
		return err
	}
	if err := c.do("SELECT 1/0", "22012"); err != nil {
		return err
	}
	c.desert()
	return nil
}

func (c *client) departInBatch() error {
	return c.deserting("a batch without Sync", join(parse("", c.ledgerSQL()), bind("", ""), execute("", 0), flush))
}

func (c *client) departInCopy() error {
	if err := c.do("COPY soak_ledger FROM STDIN"); err != nil {
		return err
	}
	line := c.ledgerLine()
	return c.deserting("half a line of copy data", line[:1+c.dice.IntN(len(line)-1)])
}

// deserted reads the begin of a long answer and goes.
func (c *client) deserted(note, sql string) error {
	c.remember(note)
	if err := c.link.write(query(sql)); err != nil {
		return err
	}
	var a answer
	for a.rows < 1+c.dice.IntN(150) {
		m, err := c.link.read()
		if err != nil {
			return err
		}
		if err := c.take(&a, m); err != nil {
			return err
		}
		if m.kind == 'Z' {
			return c.expect(a, "")
		}
	}
	c.desert()
	return nil
}

func (c *client) departInCopyOut() error {
	return c.deserted("the begin of a copy out", "COPY ("+largeSQL+") TO STDOUT")
}

func (c *client) departInResult() error { return c.deserted("the begin of a large result", largeSQL) }

func (c *client) departUnanswered() error {
	c.tally.unsure++
	return c.deserting("a write that is not waited for", query(c.ledgerSQL()))
}

func (c *client) departBehindPipeline() error {
	c.tally.unsure += 2
	return c.deserting("a pipeline that is not waited for",
		join(once(itemSQL+"$1", c.item()), query(c.ledgerSQL()), query(itemsSQL), once(c.ledgerSQL()), query(largeSQL)))
}
