package integration

import "fmt"

// soakActs are what a client of the soak may do, and how often out of soakWeights times.
var soakActs = [soakActCount]struct {
	name   string
	weight int
	do     func(*soaker) error
}{
	{"a simple query", 30, (*soaker).simple},
	{"an extended query", 20, (*soaker).extended},
	{"a prepared query", 30, (*soaker).preparedQuery},
	{"a pipeline", 6, (*soaker).pipeline},
	{"a committed transaction", 14, (*soaker).commit},
	{"a transaction in one write", 5, (*soaker).commitAtOnce},
	{"a rollback", 5, (*soaker).rollback},
	{"an error", 4, (*soaker).fail},
	{"an error in a batch", 4, (*soaker).failInBatch},
	{"an error in a transaction", 4, (*soaker).failInTransaction},
	{"a copy", 3, (*soaker).copy},
	{"a setting", 2, (*soaker).setting},
	{"a departure", 2, (*soaker).depart},
	{"a departure inside a message", 1, (*soaker).departInMessage},
	{"a departure inside a transaction", 1, (*soaker).departInTransaction},
	{"a departure inside a batch", 1, (*soaker).departInBatch},
	{"a departure inside a copy", 1, (*soaker).departInCopy},
	{"a departure before the answer", 1, (*soaker).departUnanswered},
}

const (
	soakActCount = 18
	soakWeights  = 134
)

const (
	itemSQL   = "SELECT tenant, id FROM items WHERE id = "
	itemsSQL  = "SELECT tenant, id FROM items ORDER BY id"
	ledgerSQL = "INSERT INTO ledger SELECT %d, tenant FROM items WHERE id = 1 RETURNING tenant"
)

// want asks and compares the answer with what it must be.
func (c *soaker) want(request []byte, boundaries int, wanted answer) error {
	got, err := c.ask(request, boundaries)
	if err != nil {
		return err
	}
	if got != wanted {
		return fmt.Errorf("got %+v, want %+v", got, wanted)
	}
	c.checked += boundaries
	if wanted.code != "" {
		c.errors++
	}
	return nil
}

func (c *soaker) simple() error {
	return c.want(query(itemSQL+c.item()), 1, answer{1, "", 'I'})
}

func (c *soaker) extended() error {
	return c.want(once(itemSQL+"$1", c.item()), 1, answer{1, "", 'I'})
}

func (c *soaker) preparedQuery() error {
	run := join(bind("", "item", c.item()), execute("", 0), syncNow)
	if !c.prepared {
		run = join(parse("item", itemSQL+"$1"), run)
		c.prepared = true
	}
	return c.want(run, 1, answer{1, "", 'I'})
}

func (c *soaker) pipeline() error {
	return c.want(join(once(itemSQL+"$1", c.item()), query(itemsSQL), once(itemSQL+"$1", c.item())), 3, answer{22, "", 'I'})
}

func (c *soaker) ledger() []byte { return query(fmt.Sprintf(ledgerSQL, c.number)) }

// inTransaction runs requests one after the other in a transaction that it leaves open. They count as
// no transactions of their own.
func (c *soaker) inTransaction(requests ...[]byte) error {
	for _, r := range append([][]byte{query("BEGIN")}, requests...) {
		a, err := c.ask(r, 1)
		if err != nil {
			return err
		}
		if a.status != 'T' {
			return fmt.Errorf("in a transaction: %+v", a)
		}
	}
	return nil
}

func (c *soaker) commit() error {
	if err := c.inTransaction(c.ledger(), once(itemSQL+"$1", c.item())); err != nil {
		return err
	}
	c.unsure++
	if err := c.want(query("COMMIT"), 1, answer{0, "", 'I'}); err != nil {
		return err
	}
	c.unsure--
	c.committed++
	return nil
}

func (c *soaker) commitAtOnce() error {
	c.unsure++
	a, err := c.ask(join(query("BEGIN"), c.ledger(), query("COMMIT")), 3)
	if err == nil && a != (answer{1, "", 'I'}) {
		err = fmt.Errorf("got %+v", a)
	}
	if err != nil {
		return err
	}
	c.unsure--
	c.committed++
	c.checked++
	return nil
}

func (c *soaker) rollback() error {
	if err := c.inTransaction(c.ledger()); err != nil {
		return err
	}
	return c.want(query("ROLLBACK"), 1, answer{0, "", 'I'})
}

func (c *soaker) fail() error {
	return c.want(query(itemsSQL+"; SELECT 1/0"), 1, answer{20, "22012", 'I'})
}

func (c *soaker) failInBatch() error {
	batch := join(parse("", itemSQL+"$1"), bind("", "", c.item()), execute("", 0), parse("", "SELECT 1/0"), bind("", ""),
		execute("", 0), bind("", "", c.item()), execute("", 0), syncNow)
	return c.want(batch, 1, answer{1, "22012", 'I'})
}

func (c *soaker) failInTransaction() error {
	if err := c.inTransaction(c.ledger()); err != nil {
		return err
	}
	a, err := c.ask(query("SELECT 1/0"), 1)
	if err != nil || a != (answer{0, "22012", 'E'}) {
		return fmt.Errorf("an error gave %+v, %w", a, err)
	}
	return c.want(query("COMMIT"), 1, answer{0, "", 'I'})
}

func (c *soaker) copy() error {
	if _, err := c.ask(query("COPY ledger FROM STDIN"), 1); err != nil {
		return err
	}
	c.unsure++
	if err := c.want(join(copyData(fmt.Sprintf("%d\t%s\n", c.number, c.tenant)), copyDone), 1, answer{0, "", 'I'}); err != nil {
		return err
	}
	c.unsure--
	c.committed++
	return nil
}

// setting changes something for this client only, and undoes it when it has seen that it holds.
func (c *soaker) setting() error {
	changed := query(fmt.Sprintf("SET statement_timeout = '%ds'", 600+c.number))
	if err := c.want(changed, 1, answer{0, "", 'I'}); err != nil {
		return err
	}
	seen := query(fmt.Sprintf("SELECT tenant FROM items WHERE current_setting('statement_timeout')::interval = '%ds'", 600+c.number))
	if err := c.want(seen, 1, answer{20, "", 'I'}); err != nil {
		return err
	}
	return c.want(query("RESET statement_timeout"), 1, answer{0, "", 'I'})
}

func (c *soaker) depart() error {
	c.departures++
	c.conn.Write(terminate)
	c.leave()
	return nil
}

func (c *soaker) departInMessage() error {
	whole := c.ledger()
	c.conn.Write(whole[:1+c.dice.IntN(len(whole)-1)])
	c.desert()
	return nil
}

func (c *soaker) departInTransaction() error {
	err := c.inTransaction(c.ledger())
	c.desert()
	return err
}

func (c *soaker) departInBatch() error {
	c.conn.Write(join(parse("", fmt.Sprintf(ledgerSQL, c.number)), bind("", ""), execute("", 0), flush))
	c.desert()
	return nil
}

func (c *soaker) departInCopy() error {
	_, err := c.ask(query("COPY ledger FROM STDIN"), 1)
	if err == nil {
		c.conn.Write(copyData(fmt.Sprintf("%d\t%s\n", c.number, c.tenant)))
	}
	c.desert()
	return err
}

// departUnanswered leaves a whole statement behind, which may or may not still run.
func (c *soaker) departUnanswered() error {
	c.unsure++
	c.conn.Write(c.ledger())
	c.desert()
	return nil
}
