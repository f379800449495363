package integration

import (
	"bufio"
	"encoding/binary"
	"net"
	"testing"
	"time"
)

// rawClient speaks the protocol by hand: it can send anything in any pieces, and sees every message
// as it came.
type rawClient struct {
	t      testing.TB
	conn   net.Conn // with TLS, if the endpoint wants it
	tcp    *net.TCPConn
	in     *bufio.Reader
	params map[string]string
	pid    uint32
	key    []byte
	at     endpoint
}

// dialRaw connects and says nothing yet. The connection closes at the end of the test.
func dialRaw(t testing.TB, e endpoint) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", e.address())
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	c := &rawClient{t: t, conn: conn, tcp: conn.(*net.TCPConn), params: map[string]string{}, at: e}
	if e.ca != "" {
		c.conn, err = startTLS(conn, e.clientTLS(t))
		must(t, err)
	}
	c.in = bufio.NewReader(c.conn)
	return c
}

// send writes all parts at once.
func (c *rawClient) send(parts ...[]byte) {
	c.t.Helper()
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := c.conn.Write(join(parts...)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// read reads one message; the time it may take is bounded.
func (c *rawClient) read() (reply, error) {
	c.conn.SetReadDeadline(time.Now().Add(patience))
	return readReply(c.in)
}

// next is read for tests that cannot go on without a message.
func (c *rawClient) next() reply {
	c.t.Helper()
	m, err := c.read()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return m
}

// until reads messages up to and with the next one of a kind.
func (c *rawClient) until(kind byte) []reply {
	c.t.Helper()
	var all []reply
	for {
		m, err := c.read()
		if err != nil {
			c.t.Fatalf("read: %v, after %q %v", err, kinds(all), firstError(all))
		}
		all = append(all, m)
		if m.kind == kind {
			return all
		}
	}
}

// rest reads until the server closes the connection.
func (c *rawClient) rest() []reply {
	c.t.Helper()
	var all []reply
	for {
		m, err := c.read()
		if err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				c.t.Fatalf("the connection stays open after %q %v", kinds(all), firstError(all))
			}
			return all
		}
		all = append(all, m)
	}
}

// try runs a simple Query to its end and returns its rows or its error.
func (c *rawClient) try(sql string) ([][]string, *serverError) {
	c.t.Helper()
	c.send(query(sql))
	return result(c.until('Z'))
}

// result picks the rows and the first error out of the answer to one exchange.
func result(replies []reply) (rows [][]string, err *serverError) {
	for _, m := range replies {
		if m.kind == 'D' {
			rows = append(rows, m.row())
		}
	}
	return rows, firstError(replies)
}

// run is try for SQL that must work.
func (c *rawClient) run(sql string) [][]string {
	c.t.Helper()
	rows, err := c.try(sql)
	if err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
	return rows
}

// value is the first field of the first row of a query that must work.
func (c *rawClient) value(sql string) string {
	c.t.Helper()
	rows := c.run(sql)
	if len(rows) == 0 {
		c.t.Fatalf("%s: no row", sql)
	}
	return rows[0][0]
}

// expect fails the test unless a query's value is as wanted.
func (c *rawClient) expect(sql, want string) {
	c.t.Helper()
	if got := c.value(sql); got != want {
		c.t.Errorf("%s: got %q, want %q", sql, got, want)
	}
}

// status is the transaction status of an answer's ReadyForQuery: I, T or E.
func status(replies []reply) byte {
	for _, m := range replies {
		if m.kind == 'Z' {
			return m.body[0]
		}
	}
	return 0
}

// vanish closes the connection without a word: with a reset if hard, else in order.
func (c *rawClient) vanish(hard bool) {
	if hard {
		c.tcp.SetLinger(0)
	}
	c.tcp.Close()
}

// cancel sends a cancel request for what the client runs and waits until it has been dealt with.
func (c *rawClient) cancel() {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.at.address())
	must(c.t, err)
	defer conn.Close()
	_, err = conn.Write(cancelRequest(c.pid, c.key))
	must(c.t, err)
	conn.SetReadDeadline(time.Now().Add(patience))
	if n, _ := conn.Read(make([]byte, 1)); n != 0 {
		c.t.Error("a cancel request was answered")
	}
}

// takeKey keeps the contents of a BackendKeyData.
func (c *rawClient) takeKey(m reply) {
	c.pid, c.key = binary.BigEndian.Uint32(m.body), m.body[4:]
}
