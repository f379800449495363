package admin

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"tenantpool/proxy"
	"tenantpool/wire"
)

// maxMessage caps what an operator may send at once, in bytes.
const maxMessage = 64 << 10

// flushSize is how much of an answer is gathered before it is sent, in bytes.
const flushSize = 32 << 10

// session is one operator. Its goroutine owns everything but stop.
type session struct {
	console *Console
	op      proxy.Operator
	role    Role
	pid     uint32
	secret  [4]byte
	params  map[string]string // what SHOW says of settings that clients like to ask for
	out     []byte
	broken  bool // the operator takes no more
	status  byte // of ReadyForQuery
	skip    bool // an error in a batch: drop up to Sync

	prepared map[string]*prepared
	portals  map[string]*portal

	mu   sync.Mutex
	stop context.CancelFunc // of the command that runs, nil if none does
}

func newSession(c *Console, op proxy.Operator) *session {
	s := &session{console: c, op: op, role: c.users().role(op.User, op.Owner), status: wire.TxIdle,
		prepared: make(map[string]*prepared), portals: make(map[string]*portal)}
	s.params = map[string]string{
		"server_version": "18.0 (tenantpool " + c.o.Version + ")", "server_encoding": "UTF8", "client_encoding": "UTF8",
		"DateStyle": "ISO, MDY", "IntervalStyle": "postgres", "TimeZone": "UTC", "integer_datetimes": "on",
		"standard_conforming_strings": "on", "is_superuser": "off", "session_authorization": op.User,
		"default_transaction_read_only": "off", "in_hot_standby": "off",
	}
	s.params["application_name"], _ = op.Startup.Get("application_name")
	return s
}

// run greets the operator and handles messages until the last.
func (s *session) run() {
	s.out = append(s.out, s.op.Greeting...)
	for name, value := range s.params {
		s.out = wire.AppendParameterStatus(s.out, name, value)
	}
	s.out = wire.AppendBackendKeyData(s.out, s.pid, s.secret[:])
	s.ready()
	for s.flush(); !s.broken; {
		m, body, err := wire.ReadMessage(s.op.In, maxMessage)
		if err != nil {
			s.farewell(err)
			return
		}
		if m == wire.ClientTerminate {
			return
		}
		s.handle(m, body)
		if s.op.In.Buffered() == 0 || len(s.out) > flushSize {
			s.flush()
		}
	}
}

// farewell tells an operator who has broken the protocol so.
func (s *session) farewell(err error) {
	var e *wire.Error
	if errors.As(err, &e) {
		s.out = e.WithSeverity(wire.SeverityFatal).AppendTo(s.out)
		s.flush()
	}
}

func (s *session) flush() {
	if len(s.out) == 0 || s.broken {
		return
	}
	_ = s.op.Conn.SetWriteDeadline(time.Now().Add(time.Minute))
	_, err := s.op.Conn.Write(s.out)
	s.broken = err != nil
	s.out = s.out[:0]
}

func (s *session) ready() { s.out = wire.AppendReady(s.out, s.status) }

func (s *session) handle(m wire.ClientMsg, body []byte) {
	if s.skip && m != wire.ClientSync {
		return
	}
	switch m {
	case wire.ClientQuery:
		s.query(body)
	case wire.ClientSync:
		s.skip = false
		clear(s.portals)
		s.ready()
	case wire.ClientFlush:
		s.flush()
	case wire.ClientCopyData, wire.ClientCopyDone, wire.ClientCopyFail:
	default:
		if err := s.extended(m, body); err != nil {
			s.fail(err)
			s.skip = true
		}
	}
}

// query runs the statements of a simple Query, up to the first that fails.
func (s *session) query(body []byte) {
	defer s.ready()
	text, ok := wire.QueryText(body)
	if !ok {
		s.fail(wire.FatalProtocol("malformed Query"))
		return
	}
	list, err := statements(string(text))
	if err != nil {
		s.fail(err)
		return
	}
	if len(list) == 0 {
		s.out = wire.AppendEmpty(s.out, wire.ServerEmptyQuery)
	}
	for _, words := range list {
		if err := s.simple(words); err != nil {
			s.fail(err)
			return
		}
	}
}

func (s *session) simple(words []word) error {
	call, err := s.find(words)
	if err != nil {
		return err
	}
	rows, tag, err := s.execute(call)
	if err != nil {
		return err
	}
	if cols := call.columns(); cols != nil {
		s.out = appendRowDescription(s.out, cols, nil)
		for _, r := range rows {
			s.out = appendDataRow(s.out, cols, nil, r)
			if len(s.out) > flushSize {
				s.flush()
			}
		}
	}
	s.out = wire.AppendCommandComplete(s.out, tag)
	return nil
}

// fail tells the operator of an error.
func (s *session) fail(err error) {
	var e *wire.Error
	if !errors.As(err, &e) {
		e = &wire.Error{Code: "XX000", Message: err.Error()}
	}
	s.out = e.WithSeverity(wire.SeverityError).AppendTo(s.out)
}

// execute runs a command. One that waits is cancelled by a cancel request, or when the operator goes.
func (s *session) execute(c *call) ([]row, string, error) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	s.mu.Lock()
	s.stop = stop
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.stop = nil
		s.mu.Unlock()
	}()
	c.ctx = ctx
	if c.command.waits {
		s.flush()
		defer s.watch(stop)()
	}
	rows, tag, err := c.command.run(c)
	if errors.Is(err, context.Canceled) {
		err = errCanceled
	}
	return rows, tag, err
}

var errCanceled = &wire.Error{Code: "57014", Message: "canceling statement due to user request"}

// cancel cancels the command that runs, if one does. Any goroutine may call it.
func (s *session) cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		s.stop()
	}
}

// watch calls gone if the operator's connection ends, until its own result is called.
func (s *session) watch(gone func()) (end func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := s.op.In.Peek(1); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			gone()
		}
	}()
	return func() {
		_ = s.op.Conn.SetReadDeadline(time.Now())
		<-done
		_ = s.op.Conn.SetReadDeadline(time.Time{})
	}
}

// notice tells the operator something beside the answer.
func (s *session) notice(text string) {
	at := len(s.out)
	s.out = (&wire.Error{Severity: "NOTICE", Code: "00000", Message: text}).AppendTo(s.out)
	s.out[at] = byte(wire.ServerNoticeResponse)
}
