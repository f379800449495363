package soak

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/wire"
)

// patience is how long an answer may take before it counts as none.
const patience = time.Minute

// link is one connection to the pooler behind its login, which pgconn does; from there on it speaks
// in single messages. Its client closes it.
type link struct {
	conn   net.Conn
	in     *bufio.Reader
	pid    uint32
	secret []byte
}

// dial logs in as the probe's user, with some settings in the startup packet.
func (s *soak) dial(ctx context.Context, p *Probe, settings map[string]string) (*link, error) {
	cfg := s.login.Copy()
	cfg.User, cfg.Database, cfg.RuntimeParams = p.user, p.database, settings
	s.door <- struct{}{}
	defer func() { <-s.door }()
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	pg, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := pg.SyncConn(ctx); err != nil {
		return nil, errors.Join(err, pg.Close(ctx))
	}
	h, err := pg.Hijack()
	if err != nil {
		return nil, err
	}
	if h.Frontend.ReadBufferLen() > 0 {
		h.Conn.Close()
		return nil, errors.New("something came unasked behind the login")
	}
	return &link{conn: h.Conn, in: bufio.NewReaderSize(h.Conn, 4096), pid: h.PID, secret: h.SecretKey}, nil
}

// loginConfig is what the logins of all clients share.
func loginConfig(address, password string) (*pgconn.Config, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		return nil, err
	}
	cfg, err := pgconn.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	cfg.Host, cfg.Port, cfg.Password = host, uint16(number), password
	return cfg, nil
}

func (l *link) write(b []byte) error {
	_ = l.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := l.conn.Write(b)
	return err
}

// message is one message of the server's. Its body is valid until the next one is read.
type message struct {
	kind byte
	body []byte
}

// maxBody is longer than any message that the soak asks for.
const maxBody = 1 << 20

func (l *link) read() (message, error) {
	if l.in.Buffered() == 0 {
		_ = l.conn.SetReadDeadline(time.Now().Add(patience))
	}
	head, err := l.in.Peek(5)
	if err != nil {
		return message{}, err
	}
	m := message{kind: head[0]}
	n := int(binary.BigEndian.Uint32(head[1:])) - 4
	if n < 0 || n > maxBody {
		return m, fmt.Errorf("message %q announces %d bytes", m.kind, n)
	}
	_, _ = l.in.Discard(5) // they have been peeked
	if n <= l.in.Size() {
		m.body, err = l.in.Peek(n)
		_, _ = l.in.Discard(len(m.body))
		return m, err
	}
	m.body = make([]byte, n)
	_, err = io.ReadFull(l.in, m.body)
	return m, err
}

// reset closes the connection so that the other side learns of it by an error.
func (l *link) reset() {
	if tcp, ok := l.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	l.conn.Close()
}

// cancel sends a cancel request for the link's session, or with another secret, and returns once the
// pooler has closed that connection.
func (l *link) cancel(address string, secret []byte) error {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(wire.AppendCancelRequest(nil, l.pid, secret)); err != nil {
		return err
	}
	_, _ = conn.Read(make([]byte, 1)) // nothing is ever answered
	return nil
}

// row splits a DataRow into its fields. NULL is "".
func row(body []byte) []string {
	if len(body) < 2 {
		return nil
	}
	fields := make([]string, 0, binary.BigEndian.Uint16(body))
	for b := body[2:]; len(b) >= 4; {
		n := int(int32(binary.BigEndian.Uint32(b)))
		b = b[4:]
		n = min(max(n, 0), len(b))
		fields = append(fields, string(b[:n]))
		b = b[n:]
	}
	return fields
}

// field gives the value of a field of an ErrorResponse or NoticeResponse.
func field(body []byte, kind byte) string {
	for len(body) > 1 {
		k := body[0]
		end := 1
		for end < len(body) && body[end] != 0 {
			end++
		}
		if k == kind {
			return string(body[1:end])
		}
		body = body[min(end+1, len(body)):]
	}
	return ""
}
