package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestTLSTakesOverWhereTheClientAsksForIt(t *testing.T) {
	ssl, gss := startupPacket(codeSSL, ""), startupPacket(codeGSSENC, "")
	start := startupPacket(v30, params("user", "app"))
	for name, c := range map[string]struct{ plain, secured, answer, refusal string }{
		"TLS":                     {ssl, start, "S", ""},
		"no second TLS in TLS":    {ssl, ssl + start, "S", "unsupported frontend protocol 1234.5679"},
		"no GSS in TLS":           {ssl, gss + start, "S", "unsupported frontend protocol 1234.5680"},
		"bytes before the answer": {ssl + start, "", "", "received unencrypted data after SSL request"},
	} {
		var answer, inside bytes.Buffer
		s, err := ReadStartup(bufio.NewReader(strings.NewReader(c.plain)), &answer, func() (*bufio.Reader, io.Writer, error) {
			return bufio.NewReader(strings.NewReader(c.secured)), &inside, nil
		})
		if c.refusal == "" && (err != nil || s == nil) || c.refusal != "" && (err == nil || !strings.Contains(err.Error(), c.refusal)) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		if answer.String() != c.answer || inside.Len() > 0 {
			t.Errorf("%s: answered %q, and inside TLS %q", name, &answer, &inside)
		}
	}
}

func TestAFailedHandshakeEndsTheLogin(t *testing.T) {
	broken := errors.New("broken")
	s, err := ReadStartup(bufio.NewReader(strings.NewReader(startupPacket(codeSSL, ""))), io.Discard,
		func() (*bufio.Reader, io.Writer, error) { return nil, nil, broken })
	if s != nil || !errors.Is(err, broken) {
		t.Errorf("%+v, %v", s, err)
	}
}
