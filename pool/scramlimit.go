package pool

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"tenantpool/wire"
)

// maxIterations is the most work that a server may ask of us to prove a password:
// about half a second. pgconn would do ten times as much, and no deadline would
// stop it.
const maxIterations = 1_000_000

// maxServerAuth caps a server's authentication messages, header included.
const maxServerAuth = 64 << 10

// saslContinue is the code of the message in which a server asks.
const saslContinue = 11

// limitedFrontend is pgproto3's for a server that may be hostile.
func limitedFrontend(r io.Reader, w io.Writer) *pgproto3.Frontend {
	return pgproto3.NewFrontend(&scramGuard{r: r}, w)
}

// scramGuard reads along until a login is over. It holds nothing back but a
// message that asks for too much, and whatever follows that.
type scramGuard struct {
	r       io.Reader
	over    bool
	message []byte // what has come of the present one, as far as it is looked at
	skip    int64  // bytes of one that is not
	err     error
}

// Read is io.Reader.
func (g *scramGuard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.r.Read(p)
	for b := p[:n]; len(b) > 0 && !g.over; {
		b = g.scan(b)
		if g.err != nil {
			return 0, g.err
		}
	}
	return n, err
}

// scan looks at the front of b and returns the rest.
func (g *scramGuard) scan(b []byte) []byte {
	if g.skip > 0 {
		n := min(g.skip, int64(len(b)))
		g.skip -= n
		return b[n:]
	}
	want := wire.HeaderSize
	if len(g.message) >= want {
		want = g.size()
	}
	n := min(want-len(g.message), len(b))
	g.message = append(g.message, b[:n]...)
	if len(g.message) == want {
		g.complete()
	}
	return b[n:]
}

// size is the whole length of the present message by its header.
func (g *scramGuard) size() int { return int(binary.BigEndian.Uint32(g.message[1:])) + 1 }

// complete is called with a header, and again with the whole of an Authentication
// message.
func (g *scramGuard) complete() {
	kind, size := wire.ServerMsg(g.message[0]), g.size()
	switch {
	case kind == wire.ServerReadyForQuery || size < wire.HeaderSize:
		g.over = true // in the second case pgproto3 ends it
	case kind != wire.ServerAuthentication:
		g.skip = int64(size - wire.HeaderSize)
		g.message = g.message[:0]
	case size > maxServerAuth:
		g.err = fmt.Errorf("the server sends an authentication message of %d bytes", size)
	case len(g.message) == size:
		g.err = judgeChallenge(g.message[wire.HeaderSize:])
		g.message = g.message[:0]
	}
}

// judgeChallenge refuses a SCRAM challenge that would cost too much.
func judgeChallenge(body []byte) error {
	if len(body) < 4 || binary.BigEndian.Uint32(body) != saslContinue {
		return nil
	}
	_, count, _ := strings.Cut(string(body[4:]), ",i=")
	count, _, _ = strings.Cut(count, ",")
	if n, err := strconv.ParseUint(count, 10, 64); err != nil || n > maxIterations {
		return fmt.Errorf("the server asks for more than %d SCRAM iterations, or for none", maxIterations)
	}
	return nil
}
