package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A driver is one client of our own driver. It speaks the protocol by hand, so
// that it costs little.
type driver struct {
	order order
	conn  net.Conn
	in    *bufio.Reader
	out   []byte
	done  []Txn
}

// connect logs a client in; the driver ends with the process.
func (o order) connect(ctx context.Context, i int) (*driver, error) {
	who := o.Who[i%len(o.Who)]
	c, err := pgconn.Connect(ctx, reach(o.Port, who, o.TLS, o.Options))
	if err != nil {
		return nil, err
	}
	h, err := c.Hijack()
	if err != nil {
		return nil, err
	}
	d := &driver{order: o, conn: h.Conn, in: bufio.NewReaderSize(h.Conn, o.readSize())}
	if o.Protocol == prepared {
		return d, d.ask(d.parse())
	}
	return d, nil
}

// readSize is small where there may be ten thousand clients.
func (o order) readSize() int {
	if o.Load == copyOut {
		return 64 << 10
	}
	return 2 << 10
}

// work runs transactions until the time has come.
func (d *driver) work(until time.Time) error {
	for {
		begun := time.Now()
		if begun.After(until) {
			return nil
		}
		if err := d.transaction(); err != nil {
			return err
		}
		end := time.Now()
		d.done = append(d.done, Txn{End: end, Latency: end.Sub(begun)})
		if d.order.Load == idle {
			time.Sleep(time.Until(until))
		}
	}
}

func (d *driver) transaction() error {
	switch d.order.Load {
	case writes:
		return d.tpcb()
	case copyOut:
		return d.query("COPY bulk TO STDOUT")
	case copyIn:
		return d.copyIn()
	}
	key := 1 + rand.IntN(d.order.Rows)
	if d.order.Protocol == prepared {
		return d.ask(d.execute(key))
	}
	return d.query(fmt.Sprintf("SELECT abalance FROM pgbench_accounts WHERE aid = %d", key))
}

// tpcb is pgbench's built-in transaction.
func (d *driver) tpcb() error {
	account, teller, delta := 1+rand.IntN(d.order.Rows), 1+rand.IntN(10), rand.IntN(10001)-5000
	for _, sql := range []string{
		"BEGIN",
		fmt.Sprintf("UPDATE pgbench_accounts SET abalance = abalance + %d WHERE aid = %d", delta, account),
		fmt.Sprintf("SELECT abalance FROM pgbench_accounts WHERE aid = %d", account),
		fmt.Sprintf("UPDATE pgbench_tellers SET tbalance = tbalance + %d WHERE tid = %d", delta, teller),
		fmt.Sprintf("UPDATE pgbench_branches SET bbalance = bbalance + %d WHERE bid = 1", delta),
		fmt.Sprintf("INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (%d, 1, %d, %d, CURRENT_TIMESTAMP)", teller, account, delta),
		"END",
	} {
		if err := d.query(sql); err != nil {
			return err
		}
	}
	return nil
}

func (d *driver) query(sql string) error {
	d.out = d.out[:0]
	d.add('Q', sql+"\x00")
	return d.ask(d.out)
}

// add appends a message.
func (d *driver) add(kind byte, body string) {
	d.out = append(d.out, kind)
	d.out = binary.BigEndian.AppendUint32(d.out, uint32(4+len(body)))
	d.out = append(d.out, body...)
}

func (d *driver) parse() []byte {
	d.out = d.out[:0]
	d.add('P', "s\x00SELECT abalance FROM pgbench_accounts WHERE aid = $1\x00\x00\x01\x00\x00\x00\x17")
	d.add('S', "")
	return d.out
}

func (d *driver) execute(key int) []byte {
	var binaryKey [4]byte
	binary.BigEndian.PutUint32(binaryKey[:], uint32(key))
	d.out = d.out[:0]
	d.add('B', "\x00s\x00\x00\x01\x00\x01\x00\x01\x00\x00\x00\x04"+string(binaryKey[:])+"\x00\x00")
	d.add('E', "\x00\x00\x00\x00\x00")
	d.add('S', "")
	return d.out
}

// ask sends messages and reads to the end of the answer.
func (d *driver) ask(messages []byte) error {
	if _, err := d.conn.Write(messages); err != nil {
		return err
	}
	_, err := d.readTo('Z')
	return err
}

// readTo reads up to a message of one of two kinds; an error of the server's is
// an error.
func (d *driver) readTo(kinds ...byte) (byte, error) {
	var header [5]byte
	for {
		if _, err := io.ReadFull(d.in, header[:]); err != nil {
			return 0, err
		}
		n := int(binary.BigEndian.Uint32(header[1:])) - 4
		if header[0] == 'E' {
			text := make([]byte, n)
			_, err := io.ReadFull(d.in, text)
			return 0, fmt.Errorf("the server says %q (%v)", text, err)
		}
		if _, err := d.in.Discard(n); err != nil {
			return 0, err
		}
		for _, k := range kinds {
			if header[0] == k {
				return k, nil
			}
		}
	}
}
