package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jackc/pgx/v5/pgproto3"
)

// startupPacket is a packet of the startup phase: length, code, body.
func startupPacket(code uint32, body string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)+8))
	return string(binary.BigEndian.AppendUint32(b, code)) + body
}

func params(pairs ...string) string { return strings.Join(pairs, "\x00") + "\x00\x00" }

const v30 = 3 << 16

func readStartup(raw string) (*Startup, string, error) {
	var answer bytes.Buffer
	s, err := ReadStartup(bufio.NewReader(strings.NewReader(raw)), &answer, nil)
	return s, answer.String(), err
}

func TestAStartupPacketKeepsItsParametersInOrder(t *testing.T) {
	raw := startupPacket(v30, params("user", "app", "options", "-c a=b", "database", "acme", "x", "", "user", "app2"))
	s, answer, err := readStartup(raw)
	if err != nil || answer != "" {
		t.Fatal(answer, err)
	}
	want := &Startup{Params: []Param{{"user", "app"}, {"options", "-c a=b"}, {"database", "acme"}, {"x", ""}, {"user", "app2"}}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v", s)
	}
	if user, ok := s.Get("user"); user != "app2" || !ok {
		t.Errorf("user %q", user)
	}
	if _, ok := s.Get("X"); ok {
		t.Error("names are compared by their bytes")
	}
	if x, ok := s.Get("x"); x != "" || !ok {
		t.Error("an empty value is a value")
	}
}

func TestTheDatabaseIsTheUserIfNoneIsNamed(t *testing.T) {
	for _, raw := range []string{params("user", "acme"), params("user", "acme", "database", ""), params("user", "x", "user", "acme")} {
		s, _, err := readStartup(startupPacket(v30, raw))
		if err != nil {
			t.Fatal(err)
		}
		if db, _ := s.Get("database"); db != "acme" {
			t.Errorf("%q: database %q", raw, db)
		}
	}
}

func TestOtherVersionsAreNegotiated(t *testing.T) {
	for asked, want := range map[uint32]struct {
		minor     int
		negotiate bool
	}{0: {0, false}, 1: {0, true}, 2: {2, false}, 3: {2, true}, 9999: {2, true}, 65535: {2, true}} {
		s, _, err := readStartup(startupPacket(v30|asked, params("user", "app")))
		if err != nil || s.Minor != want.minor || s.Negotiate != want.negotiate {
			t.Errorf("3.%d: %+v, %v", asked, s, err)
		}
	}
}

func TestProtocolOptionsAreNegotiatedAndNoParameters(t *testing.T) {
	s, _, err := readStartup(startupPacket(v30, params("_pq_.a", "1", "user", "app", "_pq_.b", "2")))
	if err != nil || !s.Negotiate || s.Minor != 0 || !slices.Equal(s.Unrecognized, []string{"_pq_.a", "_pq_.b"}) || len(s.Params) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestNegotiateProtocolVersionIsWhatPostgresSends(t *testing.T) {
	// As PostgreSQL 15 answered _pq_.x, with its 3.0.
	want := "v\x00\x00\x00\x13\x00\x03\x00\x00\x00\x00\x00\x01_pq_.x\x00"
	if got := string(AppendNegotiateProtocolVersion(nil, 0, []string{"_pq_.x"})); got != want {
		t.Errorf("got %q", got)
	}
	var msg pgproto3.NegotiateProtocolVersion
	err := msg.Decode(AppendNegotiateProtocolVersion(nil, 2, []string{"a", "b"})[HeaderSize:])
	if err != nil || msg.NewestMinorProtocol != v30|2 || !slices.Equal(msg.UnrecognizedOptions, []string{"a", "b"}) {
		t.Errorf("%+v, %v", msg, err)
	}
}

func TestAnotherCodecsStartupIsRead(t *testing.T) {
	raw, err := (&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion32, Parameters: map[string]string{"user": "app", "database": "acme"}}).Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := readStartup(string(raw))
	if db, _ := s.Get("database"); err != nil || s.Minor != 2 || db != "acme" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestWhatPostgresRefusesIsRefusedInItsWords(t *testing.T) {
	const (
		length     = "FATAL: invalid length of startup packet (SQLSTATE 08P01)"
		terminator = "FATAL: invalid startup packet layout: expected terminator as last byte (SQLSTATE 08P01)"
		noUser     = "FATAL: no PostgreSQL user name specified in startup packet (SQLSTATE 28000)"
		cancelKey  = "FATAL: invalid length of cancel key in cancel request packet (SQLSTATE 08P01)"
		stuffed    = "FATAL: received unencrypted data after %s request (SQLSTATE 08P01)"
	)
	unsupported := func(v string) string {
		return "FATAL: unsupported frontend protocol " + v + ": server supports 3.0 to 3.2 (SQLSTATE 0A000)"
	}
	for raw, want := range map[string]string{
		"\x00\x00\x00\x00": length, "\x00\x00\x00\x01": length, "\x00\x00\x00\x07": length,
		"\x00\x00\x27\x15": length, "\x7f\xff\xff\xff": length, "\xff\xff\xff\xff": length, "\x80\x00\x00\x00": length,
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n":                                       length,
		"\x16\x03\x01\x02\x00\x01\x00\x01":                                        length,
		"SSH-2.0-OpenSSH_9.2\r\n":                                                 length,
		"Q\x00\x00\x00\x05":                                                       length,
		startupPacket(v30, ""):                                                    terminator,
		startupPacket(v30, "user\x00app\x00"):                                     terminator,
		startupPacket(v30, "user\x00app"):                                         terminator,
		startupPacket(v30, "user"):                                                terminator,
		startupPacket(v30, params("user", "app")+"\x00"):                          terminator,
		startupPacket(v30, params("user", "app")+"x"):                             terminator,
		startupPacket(v30, "\x00user\x00app\x00\x00"):                             terminator,
		startupPacket(v30, "user\x00\x00app\x00\x00"):                             terminator,
		startupPacket(v30, "\x00"):                                                noUser,
		startupPacket(v30, params("user", "")):                                    noUser,
		startupPacket(v30, params("database", "acme")):                            noUser,
		startupPacket(v30, params("USER", "app")):                                 noUser,
		startupPacket(2<<16, params("user", "app")):                               unsupported("2.0"),
		startupPacket(4<<16|1, "x"):                                               unsupported("4.1"),
		startupPacket(0, ""):                                                      unsupported("0.0"),
		startupPacket(0xffffffff, ""):                                             unsupported("65535.65535"),
		startupPacket(1234<<16|5677, ""):                                          unsupported("1234.5677"),
		startupPacket(codeSSL, "x"):                                               length,
		startupPacket(codeGSSENC, "xxxx"):                                         length,
		startupPacket(codeSSL, "") + "x":                                          fmt.Sprintf(stuffed, "SSL"),
		startupPacket(codeGSSENC, "") + startupPacket(v30, params("user", "app")): fmt.Sprintf(stuffed, "GSSAPI encryption"),
		startupPacket(codeSSL, "") + startupPacket(v30, params("user", "app")):    fmt.Sprintf(stuffed, "SSL"),
		startupPacket(codeCancel, ""):                                             "FATAL: invalid length of cancel request packet (SQLSTATE 08P01)",
		startupPacket(codeCancel, "123"):                                          "FATAL: invalid length of cancel request packet (SQLSTATE 08P01)",
		startupPacket(codeCancel, "pid."):                                         cancelKey,
		startupPacket(codeCancel, "pid.123"):                                      cancelKey,
		startupPacket(codeCancel, "pid."+strings.Repeat("k", 257)):                cancelKey,
	} {
		s, answer, err := readStartup(raw)
		var e *Error
		if s != nil || answer != "" || !errors.As(err, &e) || err.Error() != want {
			t.Errorf("%.40q: %+v, answered %q, %v", raw, s, answer, err)
		}
	}
}

func TestOtherProtocolsAreToldWhatThisPortSpeaks(t *testing.T) {
	for raw, want := range map[string]string{"GET / HTTP/1.1\r\n": "HTTP", "\x16\x03\x01\x02\x00\x01": "TLS", "SSH-2.0": ""} {
		_, _, err := readStartup(raw)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Hint, want) || (want == "") != (e.Hint == "") {
			t.Errorf("%q: %+v", raw, err)
		}
	}
}

func TestNamesOfAnyLengthPassOrAreTooLongForThePacket(t *testing.T) {
	for n, fits := range map[int]bool{0: true, 1: true, 63: true, 64: true, 128: true, 9980: true, 10000: false, 65000: false} {
		name := strings.Repeat("n", n)
		s, _, err := readStartup(startupPacket(v30, params("user", "u", "x", name)))
		if fits != (err == nil) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if fits {
			if got, _ := s.Get("x"); got != name {
				t.Errorf("%d bytes come out as %d", n, len(got))
			}
		}
	}
	exact := params("user", strings.Repeat("u", maxStartupBody-4-7))
	if _, _, err := readStartup(startupPacket(v30, exact)); err != nil {
		t.Error("the longest packet that Postgres takes:", err)
	}
}

func TestCancelKeysOfFourToTwoHundredFiftySixBytesPass(t *testing.T) {
	for _, n := range []int{4, 32, 256} {
		key := strings.Repeat("k", n)
		s, _, err := readStartup(startupPacket(codeCancel, "\x00\x00\x30\x39"+key))
		want := &Startup{Cancel: &CancelRequest{PID: 12345, Secret: []byte(key)}}
		if err != nil || !reflect.DeepEqual(s, want) {
			t.Errorf("%d bytes: %+v, %v", n, s, err)
		}
	}
}

// talk plays a client that sends each packet once the answer to the one before
// has come, and returns what ReadStartup made of it and the answers.
func talk(packets ...string) (*Startup, string, error) {
	client, server := net.Pipe()
	answers := make(chan string)
	go func() {
		var got []byte
		for i, p := range packets {
			if _, err := io.WriteString(client, p); err != nil {
				break
			}
			if i == len(packets)-1 {
				break
			}
			b := make([]byte, 1)
			if _, err := io.ReadFull(client, b); err != nil {
				break
			}
			got = append(got, b...)
		}
		client.Close()
		answers <- string(got)
	}()
	s, err := ReadStartup(bufio.NewReader(server), server, nil)
	server.Close()
	return s, <-answers, err
}

func TestOneRequestForEachEncryptionIsAnsweredNo(t *testing.T) {
	ssl, gss, start := startupPacket(codeSSL, ""), startupPacket(codeGSSENC, ""), startupPacket(v30, params("user", "app"))
	for _, packets := range [][]string{{ssl, start}, {gss, start}, {ssl, gss, start}, {gss, ssl, start}, {ssl, startupPacket(codeCancel, "pid.key.")}} {
		s, answers, err := talk(packets...)
		if err != nil || s == nil || answers != strings.Repeat("N", len(packets)-1) {
			t.Errorf("%q: %+v, answered %q, %v", packets, s, answers, err)
		}
	}
}

func TestAHundredThousandSSLRequestsEndAtTheSecond(t *testing.T) {
	for code, version := range map[uint32]string{codeSSL: "1234.5679", codeGSSENC: "1234.5680"} {
		packets := slices.Repeat([]string{startupPacket(code, "")}, 100_000)
		_, answers, err := talk(packets...)
		var e *Error
		if answers != "N" || !errors.As(err, &e) || !strings.Contains(e.Message, "unsupported frontend protocol "+version) {
			t.Errorf("answered %q, %v", answers, err)
		}
	}
}

func TestBothEncryptionsAskedForTwiceEndAtTheThirdRequest(t *testing.T) {
	ssl, gss := startupPacket(codeSSL, ""), startupPacket(codeGSSENC, "")
	if _, answers, err := talk(ssl, gss, ssl, gss); answers != "NN" || err == nil {
		t.Errorf("answered %q, %v", answers, err)
	}
}

func TestAClientThatClosesIsToldFromOneThatBreaksOff(t *testing.T) {
	if _, _, err := readStartup(""); err != io.EOF {
		t.Errorf("zero bytes: %v", err)
	}
	if _, answer, err := readStartup(startupPacket(codeSSL, "")); answer != "N" || err != io.EOF {
		t.Errorf("after an SSLRequest: %q, %v", answer, err)
	}
	for _, raw := range []string{
		startupPacket(v30, params("user", "app", "database", "acme")),
		startupPacket(codeCancel, "pid.key."),
		startupPacket(codeSSL, ""),
	} {
		for n := 1; n < len(raw); n++ {
			if s, _, err := readStartup(raw[:n]); err != io.ErrUnexpectedEOF {
				t.Errorf("%d bytes of %q: %+v, %v", n, raw, s, err)
			}
		}
	}
}

func TestErrorsOfTheConnectionPassThrough(t *testing.T) {
	broken := errors.New("broken")
	if _, err := ReadStartup(bufio.NewReader(iotest.ErrReader(broken)), io.Discard, nil); !errors.Is(err, broken) {
		t.Error(err)
	}
	half := io.MultiReader(strings.NewReader(startupPacket(v30, "xxxx")[:10]), iotest.ErrReader(broken))
	if _, err := ReadStartup(bufio.NewReader(half), io.Discard, nil); !errors.Is(err, broken) {
		t.Error(err)
	}
	_, write := io.Pipe()
	write.CloseWithError(broken)
	ssl := strings.NewReader(startupPacket(codeSSL, ""))
	if _, err := ReadStartup(bufio.NewReader(ssl), write, nil); err == nil || errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func TestAStartupReadByteByByteIsTheSame(t *testing.T) {
	raw := startupPacket(v30, params("user", "app", "database", "acme"))
	want, _, _ := readStartup(raw)
	got, err := ReadStartup(bufio.NewReaderSize(iotest.OneByteReader(strings.NewReader(raw)), 16), io.Discard, nil)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestBytesBehindTheStartupPacketStayInTheReader(t *testing.T) {
	r := bufio.NewReader(strings.NewReader(startupPacket(v30, params("user", "app")) + "p\x00\x00\x00\x08pw1\x00rest"))
	if _, err := ReadStartup(r, io.Discard, nil); err != nil {
		t.Fatal(err)
	}
	typ, body, err := ReadMessage(r, 1000)
	if typ != ClientPassword || string(body) != "pw1\x00" || err != nil {
		t.Errorf("%c %q %v", typ, body, err)
	}
	if rest, _ := io.ReadAll(r); string(rest) != "rest" {
		t.Errorf("rest %q", rest)
	}
}

func TestAMessagesLengthIsCheckedBeforeItIsRead(t *testing.T) {
	for length, ok := range map[uint32]bool{0: false, 3: false, 4: true, 20: true, 21: false, 1 << 27: false, 1<<31 - 1: false, 1 << 31: false, 1<<32 - 1: false} {
		raw := binary.BigEndian.AppendUint32([]byte{'p'}, length)
		raw = append(raw, make([]byte, 16)...)
		_, body, err := ReadMessage(bufio.NewReader(bytes.NewReader(raw)), 20)
		if ok {
			if err != nil || len(body) != int(length)-4 {
				t.Errorf("length %d: %d bytes, %v", length, len(body), err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Code != "08P01" {
			t.Errorf("length %d: %v", length, err)
		}
	}
}

func TestEveryStrictPrefixOfAMessageIsUnexpected(t *testing.T) {
	raw := "p\x00\x00\x00\x08pw1\x00"
	if _, _, err := ReadMessage(bufio.NewReader(strings.NewReader("")), 100); err != io.EOF {
		t.Error(err)
	}
	for n := 1; n < len(raw); n++ {
		if _, _, err := ReadMessage(bufio.NewReader(strings.NewReader(raw[:n])), 100); err != io.ErrUnexpectedEOF {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func FuzzReadStartup(f *testing.F) {
	for _, body := range []string{params("user", "app"), params("user", "app", "database", "acme", "_pq_.x", "1"), "", "user"} {
		f.Add([]byte(startupPacket(v30, body)))
		f.Add([]byte(startupPacket(codeSSL, "") + startupPacket(v30|1, body)))
	}
	f.Add([]byte(startupPacket(codeCancel, "pid.key.")))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, answer, err := readStartup(string(raw))
		if err != nil {
			if s != nil {
				t.Errorf("both %+v and %v", s, err)
			}
			return
		}
		if s.Cancel != nil {
			return
		}
		var body []string
		for _, p := range s.Params {
			body = append(body, p.Name, p.Value)
		}
		for _, name := range s.Unrecognized {
			body = append(body, name, "")
		}
		again, _, err := readStartup(startupPacket(v30|uint32(s.Minor), params(body...)))
		if err != nil || !slices.Equal(again.Params, s.Params) || !slices.Equal(again.Unrecognized, s.Unrecognized) || again.Minor != s.Minor || len(answer) > 2 {
			t.Errorf("%q reads %+v, then %+v, %v", raw, s, again, err)
		}
	})
}
