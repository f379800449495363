package integration

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// delivery is how the bytes of a script are written.
type delivery int

const (
	whole    delivery = iota // all up to a pause at once
	cut                      // in pieces cut anywhere
	bytewise                 // each byte on its own
	merged                   // the whole script at once
)

func (d delivery) String() string {
	return [...]string{"in whole writes", "in pieces", "byte by byte", "in one write"}[d]
}

// player holds scripts with one server or pooler, on one connection after the other.
type player struct {
	t        *testing.T
	at       endpoint
	tenant   string
	delivery delivery
	patience time.Duration
	rests    func() // called whenever the client rests
	client   *rawClient
}

// play holds a script and returns what came, and an error if something owed did not.
func (p *player) play(s script) (all []reply, err error) {
	p.t.Helper()
	if p.client == nil {
		p.client = login(p.t, p.at, p.tenant, "application_name", "player")
	}
	var l ledger
	var unsent []byte
	for i, line := range s.lines {
		unsent = append(unsent, line.bytes...)
		l.send(line.kind())
		end := i == len(s.lines)-1
		if !end && (!line.pause || p.delivery == merged) {
			continue
		}
		written := p.write(unsent, s.seed)
		if !end || !s.blind {
			all, err = p.read(all, &l)
		}
		<-written
		unsent = nil
		if err != nil {
			p.leave()
			return all, err
		}
		if l.rests() && !end {
			p.rest()
		}
	}
	return p.end(s, all)
}

func (p *player) rest() {
	if p.rests != nil {
		p.rests()
	}
}

// write sends b as the delivery has it, and closes the channel when all is sent.
func (p *player) write(b []byte, seed uint64) <-chan struct{} {
	done := make(chan struct{})
	client, pieces := p.client, rand.New(rand.NewPCG(seed, 2))
	send := func() {
		defer close(done)
		for len(b) > 0 {
			n := len(b)
			switch p.delivery {
			case cut:
				n = min(n, 1+pieces.IntN(60))
			case bytewise:
				n = 1
			}
			if _, err := client.conn.Write(b[:n]); err != nil {
				return // the reading side will see why
			}
			b = b[n:]
		}
	}
	if len(b) > 16<<10 {
		go send() // its answers must be read meanwhile
	} else {
		send()
	}
	return done
}

// read reads what is sure to come.
func (p *player) read(all []reply, l *ledger) ([]reply, error) {
	for l.due() {
		m, err := p.next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, fmt.Errorf("waiting for answers to %q: %w", l.owed, err)
		}
		all = append(all, m)
		l.receive(m)
	}
	return all, nil
}

func (p *player) next() (reply, error) {
	p.client.conn.SetReadDeadline(time.Now().Add(p.patience))
	return readReply(p.client.in)
}

// end does what the script ends with.
func (p *player) end(s script, all []reply) ([]reply, error) {
	switch s.ending {
	case stays:
		return all, nil
	case terminates:
		p.client.conn.Write(terminate)
	case halfCloses:
		p.client.tcp.CloseWrite()
	case deserts:
		p.leave()
		return all, nil
	}
	defer p.leave()
	for {
		m, err := p.next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, fmt.Errorf("waiting for the end of the connection: %w", err)
		}
		all = append(all, m)
	}
}

// leave closes the connection.
func (p *player) leave() {
	if p.client != nil {
		p.client.conn.Close()
		p.client = nil
	}
}

// account is what came as text, without what two runs need not have in common: the numbers of tables,
// of which only the order counts, and the order of several ParameterStatus in a row.
func account(all []reply, err error) string {
	tables := map[uint32]uint32{0: 0}
	lines := make([]string, len(all))
	for i, m := range all {
		if m.kind == 'T' {
			m = renumber(m, tables)
		}
		lines[i] = transcript([]reply{m})
	}
	for from := 0; from < len(lines); from++ {
		to := from
		for to < len(lines) && all[to].kind == 'S' {
			to++
		}
		slices.Sort(lines[from:to])
		from = max(from, to-1)
	}
	text := strings.Join(lines, "")
	if err != nil {
		text += err.Error() + "\n"
	}
	return text
}

// renumber is a RowDescription with the numbers of its tables replaced by the order in which they
// were first seen.
func renumber(m reply, tables map[uint32]uint32) reply {
	b := slices.Clone(m.body)
	for rest := b[2:]; len(rest) > 0; rest = rest[18:] {
		rest = rest[bytes.IndexByte(rest, 0)+1:]
		table := binary.BigEndian.Uint32(rest)
		if _, seen := tables[table]; !seen {
			tables[table] = uint32(len(tables))
		}
		binary.BigEndian.PutUint32(rest, tables[table])
	}
	return reply{m.kind, b}
}
