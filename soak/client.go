package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// client is one client of the soak. One goroutine owns it.
type client struct {
	soak   *soak
	number int
	probe  *Probe
	dice   *rand.Rand
	tally  tally

	link   *link // nil between two sessions
	model  model
	serial int    // makes names of this client's unlike each other
	pid    string // the server process that its last row came from
	blind  bool   // rows prove nothing: the client has moved its own path where nobody sees it
	pinned bool   // it may keep a server from the others
	told   bool   // other tenants may be mentioned to it: it has named one
	recent [history]string
	acted  int
	status byte // of the last ReadyForQuery
}

// history is how many of a client's actions are kept as evidence.
const history = 50

// What ends a trick without being a finding.
var (
	errBusy    = errors.New("refused for want of room")
	errForeign = errors.New("a row of another tenant")
)

// work does one thing after another until the soak is over.
func (c *client) work(ctx context.Context) {
	defer c.leave()
	for !c.soak.over() {
		if err := c.turn(ctx); err != nil && !errors.Is(err, errForeign) {
			if ctx.Err() != nil {
				return
			}
			c.report(Unexpected, err.Error())
			c.leave()
		}
	}
}

// turn is a login if need be, sometimes a look around, and one trick.
func (c *client) turn(ctx context.Context) error {
	if c.link == nil {
		if ok, err := c.arrive(ctx); !ok || err != nil {
			return err
		}
	} else if c.dice.IntN(8) == 0 {
		if err := c.eased(c.look()); err != nil {
			return err
		}
	}
	t := c.choose()
	c.tally.tricks[t]++
	if err := c.eased(tricks[t].do(c)); err != nil {
		return fmt.Errorf("%s: %w", tricks[t].name, err)
	}
	switch {
	case c.link == nil:
	case c.status != 'I':
		return fmt.Errorf("%s: the session is left in status %q", tricks[t].name, c.status)
	case c.pinned && c.dice.IntN(8) == 0:
		return c.depart()
	}
	return nil
}

// eased takes a refusal for want of room as no error, and leaves the transaction that it came in.
func (c *client) eased(err error) error {
	if !errors.Is(err, errBusy) {
		return err
	}
	if c.link != nil && c.model.saves != nil {
		return c.rollback()
	}
	return nil
}

func (c *client) choose() int {
	n := c.dice.IntN(weights)
	for i, t := range tricks {
		if n -= t.weight; n < 0 {
			return i
		}
	}
	panic("BUG: the weights do not add up")
}

// arrive logs in and looks whether the session is as new.
func (c *client) arrive(ctx context.Context) (bool, error) {
	c.remember("login")
	start := map[string]string{"application_name": fmt.Sprintf("soak client %d", c.number)}
	if s := c.someSetting(); c.dice.IntN(3) == 0 && s.name != "search_path" {
		start[s.name] = c.draw(s)
	}
	link, err := c.soak.dial(ctx, c.probe, start)
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == "53300":
		c.tally.refused(refused.Code)
		return false, nil
	case err != nil:
		return false, fmt.Errorf("login: %w", err)
	}
	c.link = link
	c.model = newModel(c.soak.settingsWith(c.probe, start))
	c.blind, c.told, c.pinned, c.pid = false, false, false, ""
	if err := c.look(); err != nil {
		return true, c.eased(err)
	}
	return true, c.eased(c.hiddenLastval())
}

// leave closes the connection, if there is one.
func (c *client) leave() {
	if c.link != nil {
		c.link.conn.Close()
		c.link = nil
	}
}

// answer is what is kept of a number of exchanges.
type answer struct {
	rows    int
	last    []string // the fields of the last row
	code    string   // SQLSTATE of the first error
	text    string   // its message
	ended   bool     // the server closed the session behind a FATAL error
	copying bool     // the server waits for COPY data
}

// ask sends requests and reads as many ReadyForQuery as they have boundaries, or up to the begin of a
// COPY from the client. Every row has to be the tenant's.
func (c *client) ask(note string, boundaries int, requests ...[]byte) (answer, error) {
	c.remember(note)
	if err := c.link.write(join(requests...)); err != nil {
		return answer{}, err
	}
	return c.answers(boundaries)
}

func (c *client) answers(boundaries int) (a answer, err error) {
	for boundaries > 0 && !a.copying {
		m, err := c.link.read()
		if err != nil {
			if a.ended {
				return a, nil
			}
			return a, fmt.Errorf("no answer behind %d rows, error %q: %w", a.rows, a.code, err)
		}
		if err := c.take(&a, m); err != nil {
			return a, err
		}
		if m.kind == 'Z' {
			boundaries--
		}
	}
	if a.code != "" {
		c.remember("  -> " + a.code + " " + a.text)
	}
	return a, nil
}

// take judges one message and keeps what is wanted of it.
func (c *client) take(a *answer, m message) error {
	switch m.kind {
	case 'D':
		a.rows++
		a.last = row(m.body)
		return c.judge(a.last)
	case 'd':
		a.rows++
		return c.judge(strings.Split(strings.TrimSuffix(string(m.body), "\n"), "\t"))
	case 'E':
		if a.code == "" {
			a.code, a.text = field(m.body, 'C'), field(m.body, 'M')
		}
		a.ended = field(m.body, 'S') == "FATAL"
	case 'N', 'S', 'A':
		c.overhear(m)
	case 'G':
		a.copying = true
	case 'Z':
		c.status = m.body[0]
		if c.status == 'I' {
			c.tally.transactions++
			c.soak.transactions.Add(1)
		}
	}
	return nil
}

// judge looks whose a row is.
func (c *client) judge(fields []string) error {
	c.tally.rows++
	c.soak.rows.Add(1)
	if len(fields) > 1 {
		c.pid = fields[1]
	}
	if c.blind || len(fields) > 0 && fields[0] == c.probe.route.Tenant {
		return nil
	}
	c.report(Foreign, fmt.Sprintf("the row (%s)", strings.Join(fields, ", ")))
	c.soak.halt()
	c.leave()
	return errForeign
}

// overhear judges what the pooler tells without being asked: it may not name another tenant.
func (c *client) overhear(m message) {
	text := string(m.body)
	at := strings.Index(text, stem)
	if at >= 0 && !c.told && !strings.Contains(text, stem+c.probe.mark()) {
		c.report(Leftover, fmt.Sprintf("message %q tells %q", m.kind, text[at:min(len(text), at+len(stem)+4)]))
	}
}

// want is ask for requests that must end in one of these SQLSTATEs; "" is success.
func (c *client) want(note string, boundaries int, request []byte, codes ...string) (answer, error) {
	a, err := c.ask(note, boundaries, request)
	if err != nil {
		return a, err
	}
	return a, c.expect(a, codes...)
}

// expect judges how an answer ended. A refusal for want of room is errBusy unless it was wanted.
func (c *client) expect(a answer, codes ...string) error {
	for _, code := range codes {
		if a.code == code {
			if code != "" {
				c.tally.refused(code)
			}
			return nil
		}
	}
	if a.code == "53300" && !a.ended {
		c.tally.refused(a.code)
		return errBusy
	}
	if a.code == "" {
		return fmt.Errorf("it worked, want %s", strings.Join(codes, " or "))
	}
	return fmt.Errorf("%s: %s (want %q)", a.code, a.text, strings.Join(codes, " or "))
}

// run is want for a simple query.
func (c *client) run(sql string, codes ...string) (answer, error) {
	if len(codes) == 0 {
		codes = []string{""}
	}
	return c.want(sql, 1, query(sql), codes...)
}

// do is run for a query whose answer does not matter.
func (c *client) do(sql string, codes ...string) error {
	_, err := c.run(sql, codes...)
	return err
}

// remember keeps an action as evidence.
func (c *client) remember(what string) {
	c.recent[c.acted%history] = what
	c.acted++
}

// actions are the last ones, oldest first.
func (c *client) actions() []string {
	var all []string
	for i := max(0, c.acted-history); i < c.acted; i++ {
		all = append(all, c.recent[i%history])
	}
	return all
}

// report notes a finding, with the evidence.
func (c *client) report(kind Kind, text string) {
	c.soak.found(Finding{Kind: kind, Tenant: c.probe.route.Tenant, Client: c.number, Server: c.pid, Text: text, Actions: c.actions()})
}
