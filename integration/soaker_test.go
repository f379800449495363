package integration

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// soaker is one client of the soak. It speaks the protocol with little more than the messages
// themselves, so that two processors suffice for a thousand of it, the pooler and the server.
type soaker struct {
	tally
	soak     *soak
	number   int
	tenant   string
	dice     *rand.Rand
	conn     *net.TCPConn
	in       *bufio.Reader
	prepared bool
	err      error // what ended it before the time was up
}

// work does one thing after another until the soak is over.
func (c *soaker) work() {
	defer c.leave()
	for !c.soak.over() && c.err == nil {
		if c.conn == nil {
			if c.err = c.arrive(); c.err != nil {
				return
			}
		}
		kind := c.choose()
		c.kinds[kind]++
		if err := soakActs[kind].do(c); err != nil {
			c.err = fmt.Errorf("%s: %w", soakActs[kind].name, err)
		}
	}
}

func (c *soaker) choose() int {
	n := c.dice.IntN(soakWeights)
	for i, a := range soakActs {
		if n -= a.weight; n < 0 {
			return i
		}
	}
	panic("BUG: the weights do not add up")
}

// arrive connects and logs in.
func (c *soaker) arrive() error {
	conn, err := net.Dial("tcp", c.soak.at.address())
	if err != nil {
		return err
	}
	c.conn, c.prepared = conn.(*net.TCPConn), false
	if c.in == nil {
		c.in = bufio.NewReaderSize(conn, 2048)
	}
	c.in.Reset(conn)
	database, options := c.soak.at.names(c.tenant)
	_, err = c.ask(startup(version30, "user", "app", "database", database, "options", options), 1)
	return err
}

func (c *soaker) leave() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// desert ends the connection in the middle of something, by a reset or in order.
func (c *soaker) desert() {
	c.departures++
	if c.dice.IntN(2) == 0 {
		c.conn.SetLinger(0)
	}
	c.leave()
}

// answer is what is kept of a number of exchanges.
type answer struct {
	rows   int
	code   string // SQLSTATE of the last error
	status byte   // of the last ReadyForQuery
}

var errForeign = errors.New("a row of another tenant")

// ask sends a request and reads as many ReadyForQuery as it has boundaries. The first column of every
// row has to be the tenant's name.
func (c *soaker) ask(request []byte, boundaries int) (answer, error) {
	c.conn.SetDeadline(time.Now().Add(2 * time.Minute))
	if _, err := c.conn.Write(request); err != nil {
		return answer{}, err
	}
	var a answer
	for boundaries > 0 {
		m, err := c.message()
		if err != nil {
			return a, fmt.Errorf("after %d rows, error %q: %w", a.rows, a.code, err)
		}
		switch m.kind {
		case 'D':
			a.rows++
			c.judgeRow(m.body)
		case 'E':
			e := parseError(m.body)
			if a.code = e.code; e.severity == "FATAL" {
				return a, e
			}
		case 'G':
			return a, nil
		case 'Z':
			a.status = m.body[0]
			boundaries--
		}
	}
	if c.foreign > 0 {
		return a, errForeign
	}
	return a, nil
}

// message reads one message. Its body is valid until the next one is read.
func (c *soaker) message() (reply, error) {
	head, err := c.in.Peek(5)
	if err != nil {
		return reply{}, err
	}
	n := int(uint32(head[1])<<24|uint32(head[2])<<16|uint32(head[3])<<8|uint32(head[4])) + 1
	m := reply{kind: head[0]}
	if n <= c.in.Size() {
		b, err := c.in.Peek(n)
		if err != nil {
			return m, err
		}
		m.body = b[5:]
		c.in.Discard(n)
		return m, nil
	}
	c.in.Discard(5)
	m.body = make([]byte, n-5)
	_, err = io.ReadFull(c.in, m.body)
	return m, err
}

func (c *soaker) judgeRow(body []byte) {
	c.rows++
	if want := len(c.tenant); len(body) < 6+want || int(body[5]) != want || string(body[6:6+want]) != c.tenant {
		c.foreign++
	}
}

// item is the number of some item, as text.
func (c *soaker) item() string { return strconv.Itoa(1 + c.dice.IntN(20)) }
