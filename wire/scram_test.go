package wire

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/xdg-go/scram"
)

// pencil is what Postgres 15 stored for the password "pencil".
const pencil = "SCRAM-SHA-256$4096:K4QR++/jm87s/I57+uA0MA==$wR/0hVLnz/CE+SNbghHZqPVpmapb43n5Ij/6jqlnjU4=:gJH+Ut2TNmu0984fOLXXJexg/NLJdrFubHNiL4DBWdU="

func verifier(t *testing.T, password string) Verifier {
	t.Helper()
	v, err := NewVerifier(password, []byte("0123456789abcdef"), 4096)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// login plays the library's client, with password, against v.
func login(v Verifier, user, password string) error {
	client, err := scram.SHA256.NewClientUnprepped(user, password, "")
	if err != nil {
		return err
	}
	conversation, server := client.NewConversation(), NewScramServer(v, nil)
	first, err := conversation.Step("")
	if err != nil {
		return err
	}
	reply, err := server.First(ScramSHA256, []byte(first))
	if err != nil {
		return err
	}
	final, err := conversation.Step(string(reply))
	if err != nil {
		return err
	}
	if reply, err = server.Final([]byte(final)); err != nil {
		return err
	}
	if _, err = conversation.Step(string(reply)); err != nil || !conversation.Valid() {
		return fmt.Errorf("the client does not accept the server's signature: %v", err)
	}
	return nil
}

func TestTheRightPasswordPassesAndNoOther(t *testing.T) {
	v := verifier(t, "secret")
	if err := login(v, "app", "secret"); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"", "secre", "secret ", "Secret", "secrets", "\x00"} {
		if err := login(v, "app", wrong); err != ErrWrongPassword {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestTheUserNameInsideIsIgnored(t *testing.T) {
	for _, user := range []string{"", "someone", "a,b=c", "ünïcode"} {
		if err := login(verifier(t, "secret"), user, "secret"); err != nil {
			t.Errorf("%q: %v", user, err)
		}
	}
}

func TestAVerifierOfPostgresIsDerivedFromTheSamePassword(t *testing.T) {
	v, err := ParseVerifier(pencil)
	if err != nil {
		t.Fatal(err)
	}
	made, err := NewVerifier("pencil", []byte(v.secret().salt), 4096)
	if err != nil || made.Encode() != pencil {
		t.Errorf("%s, %v", made.Encode(), err)
	}
}

func TestPasswordsArePreparedAsPostgresDoes(t *testing.T) {
	// Each compared with the verifier that PostgreSQL 15 made.
	for password, want := range map[string]string{
		"plain":            "plain",
		"tab\tand\x01":     "tab\tand\x01", // ASCII is left alone
		"I\u00adX":         "IX",           // mapped to nothing
		"\u2168":           "IX",           // NFKC
		"a\u00a0b":         "a b",
		"a\u200bb":         "a b", // a space in Postgres
		"a\u1806b":         "ab",
		"\u00ad":           "\u00ad",           // nothing would be left
		"\u2460\U0001F600": "\u2460\U0001F600", // unassigned in Unicode 3.2, so refused
		"-\u0340-":         "-\u0340-",         // prohibited before the normalization
		"-\u3244-":         "-\u3244-",         // unassigned before it
		"\u0627a":          "\u0627a",          // mixed directions
		"\u0627\ufb50":     "\u0627\u0671",
		"\xff\u2168":       "\xff\u2168", // no UTF-8
		"":                 "",
	} {
		if got := saslPrep(password); got != want {
			t.Errorf("%+q becomes %+q, want %+q", password, got, want)
		}
	}
}

func TestVerifiersReadBackAsWritten(t *testing.T) {
	for _, iterations := range []int{1, 4096, 1000000} {
		v := verifier(t, "secret")
		v.secret().iterations = iterations
		got, err := ParseVerifier(v.Encode())
		if err != nil || *got.secret() != *v.secret() {
			t.Errorf("%d iterations: %v", iterations, err)
		}
	}
}

func TestWhatIsNoVerifierIsRefused(t *testing.T) {
	bad := []string{
		"", "secret", "md5aabbccddeeff00112233445566778899",
		strings.Replace(pencil, "SHA-256", "SHA-1", 1),
		strings.Replace(pencil, "SCRAM", "scram", 1),
		strings.Replace(pencil, "4096", "0", 1),
		strings.Replace(pencil, "4096", "-1", 1),
		strings.Replace(pencil, "4096", "4294967296", 1),
		strings.Replace(pencil, "4096", "x", 1),
		strings.Replace(pencil, "K4QR++/jm87s/I57+uA0MA==", "", 1),
		strings.Replace(pencil, "K4QR", "K4Q!", 1),
		strings.Replace(pencil, "$wR/0", "$wR/0wR/0", 1),
		pencil + "=", pencil + ":x", pencil + "\n ",
		strings.ReplaceAll(pencil, "$", ":"),
	}
	for n := range pencil {
		bad = append(bad, pencil[:n])
	}
	for _, s := range bad {
		if v, err := ParseVerifier(s); err == nil || v.reveal != nil {
			t.Errorf("%q passes", s)
		} else if len(s) > 20 && strings.Contains(err.Error(), s) {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
	if _, err := NewVerifier("x", nil, 4096); err == nil {
		t.Error("no salt")
	}
	if _, err := NewVerifier("x", []byte("salt"), 0); err == nil {
		t.Error("no iterations")
	}
}

func TestAVerifierNeverPrints(t *testing.T) {
	v := verifier(t, "secret")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("login", "verifier", v, "in", struct{ V Verifier }{v})
	asJSON, _ := json.Marshal(struct{ V Verifier }{v})
	printed := log.String() + string(asJSON)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%c", "%t", "%08b", "%p"} {
		printed += fmt.Sprintf(verb, v) + fmt.Sprintf(verb, struct{ V Verifier }{v}) + fmt.Sprintf(verb, &v)
		printed += fmt.Sprintf(verb, struct{ v Verifier }{v}) + fmt.Sprintf(verb, []Verifier{v})
	}
	printed += v.String() + v.GoString()
	stored := v.secret().storedKey[:4]
	for _, secret := range []string{v.secret().salt, fmt.Sprintf("%x", v.secret().salt), fmt.Sprintf("%x", stored), strings.Trim(fmt.Sprint(stored), "[]"), "4096"} {
		if strings.Contains(strings.ToLower(printed), secret) {
			t.Errorf("%q is in\n%s", secret, printed)
		}
	}
}

func TestAnUnknownUserSeesTheUsualConversationAndNoPasswordFits(t *testing.T) {
	key := []byte("the pooler's own secret")
	mock := MockVerifier(key, "nobody", ScramIterations)
	if mock.Encode() != MockVerifier(key, "nobody", ScramIterations).Encode() {
		t.Error("the same user is to see the same salt each time")
	}
	if mock.Encode() == MockVerifier(key, "other", ScramIterations).Encode() || mock.Encode() == MockVerifier([]byte("another"), "nobody", ScramIterations).Encode() {
		t.Error("user and key are to matter")
	}
	if mock.secret().iterations != 4096 || len(mock.secret().salt) != 16 {
		t.Errorf("%d iterations, %d bytes of salt", mock.secret().iterations, len(mock.secret().salt))
	}
	for _, password := range []string{"", "secret", "nobody", string(key)} {
		if err := login(mock, "nobody", password); err != ErrWrongPassword {
			t.Errorf("%q: %v", password, err)
		}
	}
	shape := func(v Verifier) string {
		reply, err := NewScramServer(v, nil).First(ScramSHA256, []byte("n,,n=,r=abc"))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, field := range strings.Split(string(reply), ",") {
			fmt.Fprintf(&b, "%s %d,", field[:1], len(field))
		}
		return b.String()
	}
	if a, b := shape(mock), shape(verifier(t, "secret")); a != b {
		t.Errorf("%s for an unknown user, %s for a known one", a, b)
	}
}

func TestNoPasswordFitsTheZeroVerifier(t *testing.T) {
	s := NewScramServer(Verifier{}, nil)
	reply, err := s.First(ScramSHA256, []byte("n,,n=,r=nonce"))
	if err != nil {
		t.Fatal(err)
	}
	nonce := strings.TrimPrefix(strings.Split(string(reply), ",")[0], "r=")
	proof := base64.StdEncoding.EncodeToString(make([]byte, 32))
	if _, err := s.Final([]byte("c=biws,r=" + nonce + ",p=" + proof)); err != ErrWrongPassword || (Verifier{}).Encode() != "" {
		t.Error(err)
	}
}

func TestAFirstMessageThatIsNotOursIsRefused(t *testing.T) {
	const good = "n,,n=,r=nonce"
	for _, c := range []struct{ mechanism, data, code string }{
		{"SCRAM-SHA-256-PLUS", good, "08P01"}, {"SCRAM-SHA-1", good, "08P01"}, {"", good, "08P01"}, {"scram-sha-256", good, "08P01"},
		{ScramSHA256, "p=tls-server-end-point,,n=,r=nonce", "08P01"}, {ScramSHA256, "p=x,,n=,r=nonce", "08P01"},
		{ScramSHA256, "n,a=admin,n=,r=nonce", "0A000"}, {ScramSHA256, "n,,m=x,n=,r=nonce", "08P01"},
		{ScramSHA256, "", "08P01"}, {ScramSHA256, "n", "08P01"}, {ScramSHA256, "n,,", "08P01"}, {ScramSHA256, "n,,n=", "08P01"},
		{ScramSHA256, "x,,n=,r=nonce", "08P01"}, {ScramSHA256, "n,,x=,r=nonce", "08P01"}, {ScramSHA256, "n,,n=,x=nonce", "08P01"},
		{ScramSHA256, ",,,", "08P01"}, {ScramSHA256, "\x00", "08P01"},
	} {
		s := NewScramServer(verifier(t, "secret"), nil)
		reply, err := s.First(c.mechanism, []byte(c.data))
		var e *Error
		if reply != nil || !errors.As(err, &e) || e.Code != c.code || e.Severity != "FATAL" {
			t.Errorf("%s %q: %q, %v", c.mechanism, c.data, reply, err)
		}
		if _, err := s.Final([]byte("c=biws,r=nonce,p=AAAA")); !errors.As(err, &e) {
			t.Errorf("Final after a failed First: %v", err)
		}
	}
	for _, flag := range []string{"n", "y"} {
		if _, err := NewScramServer(verifier(t, "x"), nil).First(ScramSHA256, []byte(flag+",,n=,r=nonce")); err != nil {
			t.Errorf("flag %s: %v", flag, err)
		}
	}
}

func TestAFinalMessageThatBreaksTheRulesIsNoWrongPassword(t *testing.T) {
	proof := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, template := range []string{
		"", "c=biws", "c=biws,r=%s", "r=%s,c=biws,p=" + proof, "c=biws,r=%s,p=AAAA", "c=biws,r=%s,p=!", "c=biws,r=%s,p=",
		"c=biws,r=%sx,p=" + proof, "c=biws,r=x,p=" + proof, "c=eSws,r=%s,p=" + proof, "c=,r=%s,p=" + proof,
		"c=biws,r=%s,p=" + proof + "\x00", "c=biws,r=%s," + proof,
	} {
		s := NewScramServer(verifier(t, "secret"), nil)
		reply, err := s.First(ScramSHA256, []byte("n,,n=,r=nonce"))
		if err != nil {
			t.Fatal(err)
		}
		nonce := strings.TrimPrefix(strings.Split(string(reply), ",")[0], "r=")
		_, err = s.Final([]byte(strings.ReplaceAll(template, "%s", nonce)))
		var e *Error
		if !errors.As(err, &e) || e.Code != "08P01" {
			t.Errorf("%q: %v", template, err)
		}
	}
	s := NewScramServer(verifier(t, "secret"), nil)
	reply, _ := s.First(ScramSHA256, []byte("n,,n=,r=nonce"))
	nonce := strings.TrimPrefix(strings.Split(string(reply), ",")[0], "r=")
	if _, err := s.Final([]byte("c=biws,r=" + nonce + ",p=" + proof)); err != ErrWrongPassword {
		t.Error("a well-formed message with a proof of zeros:", err)
	}
}

func TestAConversationHasTwoSteps(t *testing.T) {
	var e *Error
	if _, err := NewScramServer(verifier(t, "x"), nil).Final([]byte("c=biws,r=,p=")); !errors.As(err, &e) {
		t.Errorf("Final before First: %v", err)
	}
	s := NewScramServer(verifier(t, "x"), nil)
	if _, err := s.First(ScramSHA256, []byte("n,,n=,r=abc")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.First(ScramSHA256, []byte("n,,n=,r=abc")); !errors.As(err, &e) {
		t.Errorf("First twice: %v", err)
	}
	if _, err := s.Final([]byte("c=biws,r=abc,p=AAAA")); !errors.As(err, &e) {
		t.Errorf("Final after a second First: %v", err)
	}
}

func TestNoncesAreOfTheServersMaking(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		reply, err := NewScramServer(verifier(t, "x"), nil).First(ScramSHA256, []byte("n,,n=,r=abc"))
		if err != nil || !strings.HasPrefix(string(reply), "r=abc") || seen[string(reply)] {
			t.Fatalf("%q, %v", reply, err)
		}
		seen[string(reply)] = true
	}
}

func TestInnerLengthsOfASASLResponseAreExact(t *testing.T) {
	body := func(n int64) []byte {
		return append(binary.BigEndian.AppendUint32([]byte("SCRAM-SHA-256\x00"), uint32(n)), "data"...)
	}
	mechanism, data, err := ParseSASLInitialResponse(body(4))
	if mechanism != ScramSHA256 || string(data) != "data" || err != nil {
		t.Errorf("%s %q %v", mechanism, data, err)
	}
	for _, n := range []int64{-1 << 31, -1<<31 + 1, -2, -1, 0, 3, 5, 1<<31 - 1} {
		if _, _, err := ParseSASLInitialResponse(body(n)); err == nil {
			t.Errorf("length %d passes", n)
		}
	}
	whole := body(4)
	for n := range whole {
		if _, _, err := ParseSASLInitialResponse(whole[:n:n]); err == nil {
			t.Errorf("%d bytes of %d pass", n, len(whole))
		}
	}
	none := []byte("X\x00\xff\xff\xff\xff")
	if mechanism, data, err := ParseSASLInitialResponse(none); mechanism != "X" || data != nil || err != nil {
		t.Errorf("no data: %s %q %v", mechanism, data, err)
	}
	empty := []byte("X\x00\x00\x00\x00\x00")
	if _, data, err := ParseSASLInitialResponse(empty); data == nil || len(data) != 0 || err != nil {
		t.Errorf("empty data: %q %v", data, err)
	}
}

func TestAnotherCodecReadsTheAuthMessages(t *testing.T) {
	var backend bytes.Buffer
	backend.Write(AppendAuthSASL(nil, "A", "SCRAM-SHA-256"))
	backend.Write(AppendAuthSASLContinue(nil, []byte("r=x")))
	backend.Write(AppendAuthSASLFinal(nil, []byte("v=y")))
	backend.Write(AppendAuthOK(nil))
	frontend := pgproto3.NewFrontend(&backend, nil)
	for _, want := range []pgproto3.BackendMessage{
		&pgproto3.AuthenticationSASL{AuthMechanisms: []string{"A", "SCRAM-SHA-256"}},
		&pgproto3.AuthenticationSASLContinue{Data: []byte("r=x")},
		&pgproto3.AuthenticationSASLFinal{Data: []byte("v=y")},
		&pgproto3.AuthenticationOk{},
	} {
		got, err := frontend.Receive()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %#v, %v; want %#v", got, err, want)
		}
	}
}

// serveLogin is the least of a server: startup, SCRAM, ReadyForQuery.
func serveLogin(conn net.Conn, v Verifier) error {
	defer conn.Close()
	r := bufio.NewReader(conn)
	if _, err := ReadStartup(r, conn, nil); err != nil {
		return err
	}
	s := NewScramServer(v, nil)
	_, err := conn.Write(AppendAuthSASL(nil, ScramSHA256))
	if err != nil {
		return err
	}
	_, body, err := ReadMessage(r, 4096)
	if err != nil {
		return err
	}
	mechanism, data, err := ParseSASLInitialResponse(body)
	if err != nil {
		return err
	}
	reply, err := s.First(mechanism, data)
	if err != nil {
		return err
	}
	if _, err = conn.Write(AppendAuthSASLContinue(nil, reply)); err != nil {
		return err
	}
	if _, body, err = ReadMessage(r, 4096); err != nil {
		return err
	}
	if reply, err = s.Final(body); err != nil {
		wrong := &Error{Severity: SeverityFatal, Code: "28P01", Message: `password authentication failed for user "app"`}
		_, _ = conn.Write(wrong.AppendTo(nil))
		return err
	}
	out := AppendAuthOK(AppendAuthSASLFinal(nil, reply))
	_, err = conn.Write(AppendReady(out, TxIdle))
	return err
}

func TestPgconnLogsInWithTheRightPasswordOnly(t *testing.T) {
	for _, prefer := range []string{"disable", "prefer"} {
		for password, ok := range map[string]bool{"pencil": true, "pen": false} {
			v, err := ParseVerifier(pencil)
			if err != nil {
				t.Fatal(err)
			}
			config, err := pgconn.ParseConfig("host=pooler.test user=app database=acme sslmode=" + prefer + " password=" + password)
			if err != nil {
				t.Fatal(err)
			}
			config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"192.0.2.1"}, nil }
			served := make(chan error, 4)
			config.DialFunc = func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				go func() { served <- serveLogin(server, v) }()
				return client, nil
			}
			conn, err := pgconn.ConnectConfig(t.Context(), config)
			if ok != (err == nil) {
				t.Errorf("sslmode %s, password %s: %v", prefer, password, err)
			}
			var e *pgconn.PgError
			if !ok && (!errors.As(err, &e) || e.Code != "28P01" || e.Routine != "tenantpool") {
				t.Errorf("the client got %v", err)
			}
			if conn != nil {
				_ = conn.Conn().Close()
			}
		}
	}
}

func FuzzScramServer(f *testing.F) {
	f.Add("SCRAM-SHA-256", []byte("n,,n=,r=nonce"), []byte("c=biws,r=nonce,p=AAAA"))
	f.Add("SCRAM-SHA-256", []byte("y,,n=a=2Cb,r=nonce,x=y"), []byte(""))
	f.Add("SCRAM-SHA-256-PLUS", []byte("p=tls-exporter,,n=,r=nonce"), []byte("c=,r=,p="))
	v, err := ParseVerifier(pencil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, mechanism string, first, final []byte) {
		s := NewScramServer(v, nil)
		if reply, err := s.First(mechanism, first); err == nil && (mechanism != ScramSHA256 || len(reply) == 0) {
			t.Errorf("%s %q: %q", mechanism, first, reply)
		}
		if reply, err := s.Final(final); err == nil {
			t.Errorf("logged in without the password: %q", reply)
		}
	})
}

func FuzzParseVerifier(f *testing.F) {
	f.Add(pencil)
	f.Add(strings.Replace(pencil, "4096", "04096", 1))
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVerifier(s)
		if err != nil {
			return
		}
		if again, err := ParseVerifier(v.Encode()); err != nil || again.Encode() != v.Encode() {
			t.Errorf("%q reads back differently: %v", s, err)
		}
	})
}

func FuzzParseSASLInitialResponse(f *testing.F) {
	f.Add([]byte("SCRAM-SHA-256\x00\x00\x00\x00\x04data"))
	f.Fuzz(func(t *testing.T, body []byte) {
		mechanism, data, err := ParseSASLInitialResponse(body)
		if err != nil {
			return
		}
		msg := pgproto3.SASLInitialResponse{AuthMechanism: mechanism, Data: data}
		want, err := msg.Encode(nil)
		if err == nil && data != nil && !bytes.Equal(want[HeaderSize:], body) {
			t.Errorf("%q reads %q %q", body, mechanism, data)
		}
	})
}
