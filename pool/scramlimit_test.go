package pool

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jackc/pgx/v5/pgproto3"

	"tenantpool/wire"
)

// challengeOf is a SCRAM challenge of a server, behind the messages given.
func challengeOf(nonce, iterations string, before ...pgproto3.BackendMessage) []byte {
	var b []byte
	for _, m := range before {
		b, _ = m.Encode(b)
	}
	salt := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))
	return wire.AppendAuthSASLContinue(b, fmt.Appendf(nil, "r=%s,s=%s,i=%s", nonce, salt, iterations))
}

func TestAServerMayNotAskForMoreThanAMillionIterations(t *testing.T) {
	status := &pgproto3.ParameterStatus{Name: "server_version", Value: "18"}
	ok := &pgproto3.AuthenticationOk{}
	after := &pgproto3.ReadyForQuery{TxStatus: 'I'}
	for name, c := range map[string]struct {
		bytes []byte
		fine  bool
	}{
		"the usual":                {challengeOf("x", "4096"), true},
		"the most":                 {challengeOf("x", "1000000"), true},
		"one more":                 {challengeOf("x", "1000001"), false},
		"many more":                {challengeOf("x", "9999999999999999999999"), false},
		"a sign":                   {challengeOf("x", "+5000000"), false},
		"none":                     {challengeOf("x", ""), false},
		"a long nonce":             {challengeOf(strings.Repeat("x", 100<<10), "4096"), false},
		"behind a notice":          {challengeOf("x", "5000000", status), false},
		"behind a login":           {challengeOf("x", "5000000", ok, status), false},
		"behind the end of it all": {challengeOf("x", "5000000", ok, after), true},
		"an error first":           {challengeOf("x", "1000001", &pgproto3.ErrorResponse{Severity: "FATAL"}), false},
		"an empty message":         {challengeOf("x", "1000001", &pgproto3.BindComplete{}), false},
		"a length of nothing":      {append([]byte{'R', 0, 0, 0, 0}, challengeOf("x", "5000000")...), true},
	} {
		for how, r := range map[string]io.Reader{"whole": bytes.NewReader(c.bytes), "by the byte": iotest.OneByteReader(bytes.NewReader(c.bytes))} {
			guard := &scramGuard{r: r}
			got, err := io.ReadAll(guard)
			if c.fine && (err != nil || !bytes.Equal(got, c.bytes)) || !c.fine && (err == nil || len(got) >= len(c.bytes)) {
				t.Errorf("%s, %s: %v, %d bytes of %d", name, how, err, len(got), len(c.bytes))
			}
			if _, again := guard.Read(make([]byte, 1)); !c.fine && again == nil {
				t.Errorf("%s, %s: it can be read on", name, how)
			}
		}
	}
}

// greedy is a server that asks for five million iterations.
func greedy(conn net.Conn) {
	defer conn.Close()
	backend := pgproto3.NewBackend(conn, conn)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	_, _ = conn.Write(wire.AppendAuthSASL(nil, wire.ScramSHA256))
	_ = backend.SetAuthType(pgproto3.AuthTypeSASL)
	m, err := backend.Receive()
	first, ok := m.(*pgproto3.SASLInitialResponse)
	if err != nil || !ok {
		return
	}
	_, nonce, _ := strings.Cut(string(first.Data), "r=")
	_, _ = conn.Write(challengeOf(nonce+"more", "5000000"))
	_, _ = io.Copy(io.Discard, conn)
}

func TestALoginToAGreedyServerFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go greedy(conn)
		}
	}()
	p := New(Options{Hosts: []Host{{"127.0.0.1", uint16(ln.Addr().(*net.TCPAddr).Port)}}, Database: "d", User: "u", Password: "p", Size: 1})
	defer p.Close(t.Context())
	_, _, err = p.open(t.Context(), p.loginOf(nil), nil)
	if err == nil || !strings.Contains(err.Error(), "more than 1000000 SCRAM iterations") {
		t.Errorf("the login ends with %v", err)
	}
	var known *wire.Error
	if _, _, _, err := (&Lookup{p, usersQuery}).User(t.Context(), "x"); !errors.As(err, &known) || known.Code != unreachable {
		t.Errorf("a look-up ends with %v", err)
	}
}
