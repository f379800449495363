package wire

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/xdg-go/scram"
)

// endPoint plays the hash of a certificate.
var endPoint = []byte("the hash of the pooler's certificate")

// bind plays the library's client, bound to data by type kind, against a server
// whose connection has endPoint.
func bind(t *testing.T, password string, kind scram.ChannelBindingType, data []byte) error {
	t.Helper()
	client, err := scram.SHA256.NewClientUnprepped("", password, "")
	if err != nil {
		t.Fatal(err)
	}
	conversation := client.NewConversationWithChannelBinding(scram.ChannelBinding{Type: kind, Data: data})
	server := NewScramServer(verifier(t, "secret"), endPoint)
	first, _ := conversation.Step("")
	reply, err := server.First(ScramSHA256Plus, []byte(first))
	if err != nil {
		return err
	}
	final, _ := conversation.Step(string(reply))
	if reply, err = server.Final([]byte(final)); err != nil {
		return err
	}
	if _, err = conversation.Step(string(reply)); err != nil || !conversation.Valid() {
		return fmt.Errorf("the client does not accept the server's signature: %v", err)
	}
	return nil
}

func TestAProofIsBoundToItsConnection(t *testing.T) {
	const kind = scram.ChannelBindingTLSServerEndpoint
	if err := bind(t, "secret", kind, endPoint); err != nil {
		t.Error(err)
	}
	if err := bind(t, "wrong", kind, endPoint); err != ErrWrongPassword {
		t.Errorf("a wrong password: %v", err)
	}
	for _, password := range []string{"secret", "wrong"} {
		var e *Error
		if err := bind(t, password, kind, []byte("another's certificate")); !errors.As(err, &e) || e.Code != "28000" || e.Severity != "FATAL" {
			t.Errorf("%s through somebody in between: %v", password, err)
		}
		if err := bind(t, password, scram.ChannelBindingTLSExporter, endPoint); !errors.As(err, &e) || e.Code != "08P01" {
			t.Errorf("another type of binding: %v", err)
		}
	}
}

func TestWhatAClientSaysOfBindingMustFitWhatItWasOffered(t *testing.T) {
	for _, c := range []struct {
		mechanism, flag string
		endPoint        []byte
		code            string // "" is accepted
	}{
		{ScramSHA256, "n", nil, ""}, {ScramSHA256, "y", nil, ""}, {ScramSHA256, "n", endPoint, ""},
		{ScramSHA256, "y", endPoint, "28000"}, // somebody took the offer away
		{ScramSHA256Plus, endPointFlag, endPoint, ""}, {ScramSHA256Plus, endPointFlag, nil, "08P01"},
		{ScramSHA256Plus, "n", endPoint, "08P01"}, {ScramSHA256Plus, "y", endPoint, "08P01"},
		{ScramSHA256Plus, "p=tls-unique", endPoint, "08P01"}, {ScramSHA256Plus, "p=", endPoint, "08P01"},
		{ScramSHA256, endPointFlag, endPoint, "08P01"}, {ScramSHA256, endPointFlag, nil, "08P01"},
		{"SCRAM-SHA-1-PLUS", endPointFlag, endPoint, "08P01"},
	} {
		_, err := NewScramServer(verifier(t, "x"), c.endPoint).First(c.mechanism, []byte(c.flag+",,n=,r=nonce"))
		var e *Error
		if c.code == "" && err != nil || c.code != "" && (!errors.As(err, &e) || e.Code != c.code || e.Severity != "FATAL") {
			t.Errorf("%s %s, bindable %v: %v", c.mechanism, c.flag, c.endPoint != nil, err)
		}
	}
	if got := ScramMechanisms(nil); !reflect.DeepEqual(got, []string{ScramSHA256}) {
		t.Error(got)
	}
	if got := ScramMechanisms(endPoint); !reflect.DeepEqual(got, []string{ScramSHA256Plus, ScramSHA256}) {
		t.Error(got)
	}
}

func TestAVerifierFitsThePasswordItWasMadeFrom(t *testing.T) {
	v, err := ParseVerifier(pencil)
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{"pencil": true, "pen": false, "": false, "pencil\u00ad": true, "Pencil": false} {
		if got := v.Fits(password); got != want {
			t.Errorf("%q: %v", password, got)
		}
	}
	if (Verifier{}).Fits("") || (Verifier{}).Fits("pencil") || MockVerifier([]byte("key"), "u", 10).Fits("") {
		t.Error("something fits nothing")
	}
}

func TestAnotherCodecReadsTheRequestsForAPassword(t *testing.T) {
	var backend bytes.Buffer
	backend.Write(AppendAuthCleartext(nil))
	backend.Write(AppendAuthMD5(nil, [4]byte{1, 0, 3, 4}))
	frontend := pgproto3.NewFrontend(&backend, nil)
	for _, want := range []pgproto3.BackendMessage{&pgproto3.AuthenticationCleartextPassword{}, &pgproto3.AuthenticationMD5Password{Salt: [4]byte{1, 0, 3, 4}}} {
		if got, err := frontend.Receive(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %#v, %v", got, err)
		}
	}
}

func TestAPasswordIsOneStringAndNothingElse(t *testing.T) {
	for _, password := range []string{"", "x", strings.Repeat("x", 5000), "\xff"} {
		msg, err := (&pgproto3.PasswordMessage{Password: password}).Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		body := msg[HeaderSize:]
		if got, err := ParsePassword(body); err != nil || got != password {
			t.Errorf("%.10q reads %.10q, %v", password, got, err)
		}
		for _, n := range []int{0, len(body) / 2, len(body) - 1} {
			if _, err := ParsePassword(body[:n:n]); err == nil {
				t.Errorf("%d bytes of %d pass", n, len(body))
			}
		}
	}
	if _, err := ParsePassword([]byte("x\x00y\x00")); err == nil {
		t.Error("two strings pass")
	}
}

func FuzzBoundScramServer(f *testing.F) {
	f.Add(ScramSHA256Plus, []byte("p=tls-server-end-point,,n=,r=nonce"), []byte("c=,r=nonce,p=AAAA"))
	f.Add(ScramSHA256, []byte("n,,n=,r=nonce"), []byte("c=biws,r=nonce,p=AAAA"))
	f.Add(ScramSHA256, []byte("y,,n=,r=nonce"), []byte(""))
	v, err := ParseVerifier(pencil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, mechanism string, first, final []byte) {
		s := NewScramServer(v, endPoint)
		reply, err := s.First(mechanism, first)
		bound := mechanism == ScramSHA256Plus && bytes.HasPrefix(first, []byte(endPointFlag+","))
		if err == nil && (len(reply) == 0 || !bound && (mechanism != ScramSHA256 || first[0] != 'n')) {
			t.Errorf("%s %q: %q", mechanism, first, reply)
		}
		if reply, err := s.Final(final); err == nil {
			t.Errorf("logged in without the password: %q", reply)
		}
	})
}
