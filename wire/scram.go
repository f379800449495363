package wire

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"
	"github.com/xdg-go/stringprep"
	"golang.org/x/text/unicode/norm"
)

// The SASL mechanisms spoken. The second binds the exchange to the TLS
// connection it takes place on.
const (
	ScramSHA256     = "SCRAM-SHA-256"
	ScramSHA256Plus = "SCRAM-SHA-256-PLUS"
)

// ScramIterations is what Postgres takes by default
// (SCRAM_SHA_256_DEFAULT_ITERATIONS).
const ScramIterations = 4096

// saltSize is the length of the salts Postgres makes.
const saltSize = 16

// ErrWrongPassword is the end of a conversation that kept to the protocol and
// did not prove the password.
var ErrWrongPassword = errors.New("wrong password")

var errVerifier = errors.New("not a SCRAM-SHA-256 verifier")

// Verifier is what Postgres stores of a password (RFC 5802, pg_authid): enough
// to check a proof of it, not enough to make one. It never prints its content,
// not even from an unexported field, where fmt asks no method: it shows the
// address of a function and follows a pointer. No password fits the zero
// Verifier.
type Verifier struct{ reveal func() *scramSecret }

type scramSecret struct {
	iterations           int
	salt                 string // raw bytes
	storedKey, serverKey [sha256.Size]byte
}

func newVerifier(s *scramSecret) Verifier {
	return Verifier{func() *scramSecret { return s }}
}

// secret is what v holds: for the zero Verifier zeros, and of no known key the
// hash is zero.
func (v Verifier) secret() *scramSecret {
	if v.reveal == nil {
		return new(scramSecret)
	}
	return v.reveal()
}

// ParseVerifier reads the form of pg_authid.rolpassword,
// SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>. Its error says
// nothing of what s holds.
func ParseVerifier(s string) (Verifier, error) {
	var v scramSecret
	rest, isScram := strings.CutPrefix(s, ScramSHA256+"$")
	head, keys, hasKeys := strings.Cut(rest, "$")
	count, salt, hasSalt := strings.Cut(head, ":")
	stored, server, hasServer := strings.Cut(keys, ":")
	if !isScram || !hasKeys || !hasSalt || !hasServer {
		return Verifier{}, errVerifier
	}
	iterations, err := strconv.ParseInt(count, 10, 32)
	rawSalt, errSalt := base64.StdEncoding.DecodeString(salt)
	if err != nil || errSalt != nil || iterations < 1 || len(rawSalt) == 0 ||
		!decodeKey(&v.storedKey, stored) || !decodeKey(&v.serverKey, server) {
		return Verifier{}, errVerifier
	}
	v.iterations, v.salt = int(iterations), string(rawSalt)
	return newVerifier(&v), nil
}

func decodeKey(dst *[sha256.Size]byte, s string) bool {
	key, err := base64.StdEncoding.DecodeString(s)
	return err == nil && copy(dst[:], key) == sha256.Size && len(key) == sha256.Size
}

// NewVerifier derives the verifier of a password. The password is prepared as
// Postgres does it, so both derive the same keys from the same salt.
func NewVerifier(password string, salt []byte, iterations int) (Verifier, error) {
	if len(salt) == 0 || iterations < 1 || iterations > math.MaxInt32 {
		return Verifier{}, errors.New("a SCRAM verifier needs a salt and at least one iteration")
	}
	salted, err := pbkdf2.Key(sha256.New, saslPrep(password), salt, iterations, sha256.Size)
	if err != nil {
		return Verifier{}, fmt.Errorf("derive SCRAM keys: %w", err)
	}
	clientKey := keyed(salted, "Client Key")
	return newVerifier(&scramSecret{
		iterations: iterations,
		salt:       string(salt),
		storedKey:  sha256.Sum256(clientKey[:]),
		serverKey:  keyed(salted, "Server Key"),
	}), nil
}

// mappedFirst repairs two entries of the library's table B.1: U+200B, which
// RFC 4013 lists twice, is a space in Postgres; U+1806 is missing.
var mappedFirst = strings.NewReplacer("\u200b", " ", "\u1806", "")

// mapAndCheck is SASLprep without its normalization.
var mapAndCheck = stringprep.Profile{
	Mappings:  stringprep.SASLprep.Mappings,
	Prohibits: stringprep.SASLprep.Prohibits,
	CheckBiDi: true,
}

// saslPrep is SASLprep as Postgres does it (pg_saslprep in common/saslprep.c
// and its callers): what is prohibited is looked for before the normalization,
// not after it, and a password that is refused or left empty is used as it is.
func saslPrep(password string) string {
	mapped, err := mapAndCheck.Prepare(mappedFirst.Replace(password))
	if err != nil || mapped == "" {
		return password
	}
	return norm.NFKC.String(mapped)
}

func keyed(key []byte, parts ...string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		mac.Write([]byte(p))
	}
	mac.Sum(sum[:0])
	return sum
}

// MockVerifier is the verifier of a user that does not exist. It is the same
// for the same key and user, looks like one that Postgres made, and no password
// fits it: its keys are no derivation of anything. key is the pooler's secret.
func MockVerifier(key []byte, user string, iterations int) Verifier {
	return newVerifier(&scramSecret{
		iterations: iterations,
		salt:       string(MockSalt(key, user)),
		storedKey:  keyed(key, "stored\x00", user),
		serverKey:  keyed(key, "server\x00", user),
	})
}

// MockSalt is the salt that MockVerifier gives a user. Where the pooler makes a
// verifier from a password it takes the same one, so that such a user's challenge
// does not differ from that of nobody.
func MockSalt(key []byte, user string) []byte {
	salt := keyed(key, "salt\x00", user)
	return salt[:saltSize]
}

// Iterations is what a check of a password costs, 0 for the zero Verifier.
func (v Verifier) Iterations() int { return v.secret().iterations }

// Fits says whether v was made from the password. It takes as long as deriving a
// verifier does, whatever the outcome; of the zero Verifier it is false.
func (v Verifier) Fits(password string) bool {
	secret := v.secret()
	made, err := NewVerifier(password, []byte(secret.salt), secret.iterations)
	if err != nil {
		return false
	}
	key := made.secret().serverKey
	return hmac.Equal(key[:], secret.serverKey[:])
}

// Encode is the form that ParseVerifier reads and pg_authid stores, "" for the
// zero Verifier. It is a secret.
func (v Verifier) Encode() string {
	secret := v.secret()
	if secret.iterations == 0 {
		return ""
	}
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("%s$%d:%s$%s:%s", ScramSHA256, secret.iterations,
		b64([]byte(secret.salt)), b64(secret.storedKey[:]), b64(secret.serverKey[:]))
}

const hiddenSecret = "***"

// String hides the secret.
func (v Verifier) String() string { return hiddenSecret }

// GoString hides the secret.
func (v Verifier) GoString() string { return hiddenSecret }

// Format hides the secret under every verb.
func (v Verifier) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hiddenSecret) }

// LogValue hides the secret.
func (v Verifier) LogValue() slog.Value { return slog.StringValue(hiddenSecret) }

// ScramServer is the server's side of one SCRAM-SHA-256 conversation: First,
// then Final, each once.
type ScramServer struct {
	conversation *scram.ServerConversation
	bindable     bool // the channel has something to bind to
	bound        bool // the client binds to it
	started      bool // First has succeeded
}

// endPointFlag is how a client says that it binds to the end point of the TLS
// connection, the one type of channel binding that Postgres knows.
const endPointFlag = "p=tls-server-end-point"

// NewScramServer starts a conversation with whoever claims to know the
// password behind v. For an unknown user pass a MockVerifier, so that the
// conversation takes its usual course and fails where a wrong password does.
// endPoint is the tls-server-end-point data (RFC 5929) of the connection, nil if
// there is none; ScramMechanisms says what to offer.
func NewScramServer(v Verifier, endPoint []byte) *ScramServer {
	secret := v.secret()
	credentials := func(string) (scram.StoredCredentials, error) {
		return scram.StoredCredentials{
			KeyFactors: scram.KeyFactors{Salt: secret.salt, Iters: secret.iterations},
			StoredKey:  secret.storedKey[:],
			ServerKey:  secret.serverKey[:],
		}, nil
	}
	server, err := scram.SHA256.NewServer(credentials)
	if err != nil {
		panic("BUG: scram server: " + err.Error())
	}
	binding := scram.ChannelBinding{Type: scram.ChannelBindingTLSServerEndpoint, Data: endPoint}
	return &ScramServer{conversation: server.NewConversationWithChannelBinding(binding), bindable: len(endPoint) > 0}
}

// ScramMechanisms are the mechanisms to offer, the preferred one first, on a
// connection with these tls-server-end-point data.
func ScramMechanisms(endPoint []byte) []string {
	if len(endPoint) > 0 {
		return []string{ScramSHA256Plus, ScramSHA256}
	}
	return []string{ScramSHA256}
}

// First takes the mechanism and data of a SASLInitialResponse and returns the
// data of the AuthenticationSASLContinue to answer with. The user name inside
// is ignored, as in Postgres: the startup packet's counts. The error is an
// *Error for the client.
func (s *ScramServer) First(mechanism string, initial []byte) ([]byte, error) {
	if err := s.judge(mechanism, initial); err != nil {
		return nil, err
	}
	reply, err := s.conversation.Step(string(initial))
	if err != nil {
		return nil, malformedScram()
	}
	if s.conversation.AuthzID() != "" {
		return nil, fatal("0A000", "client uses authorization identity, but it is not supported")
	}
	s.started = true
	return []byte(reply), nil
}

// judge holds what the client says of channel binding against the mechanism it
// has chosen and what it was offered (RFC 5802, section 6).
func (s *ScramServer) judge(mechanism string, initial []byte) error {
	s.bound = mechanism == ScramSHA256Plus && s.bindable
	flag, _, _ := bytes.Cut(initial, []byte{','})
	binds := bytes.HasPrefix(flag, []byte("p="))
	switch {
	case mechanism != ScramSHA256 && !s.bound:
		return FatalProtocol("client selected an invalid SASL authentication mechanism")
	case binds && !s.bound:
		return FatalProtocol("client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding data")
	case s.bound && !binds:
		return FatalProtocol("client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data")
	case s.bound && string(flag) != endPointFlag:
		return FatalProtocol("unsupported SCRAM channel-binding type")
	case s.bindable && string(flag) == "y": // somebody took our offer out of the message
		return fatal("28000", "SCRAM channel binding negotiation error")
	}
	return nil
}

// Final takes the data of the client's SASLResponse and returns the data of the
// AuthenticationSASLFinal to answer with. The error is ErrWrongPassword for a
// proof that does not fit, an *Error for the client if it broke the protocol.
// Proofs are compared in constant time (by the library, with hmac.Equal).
func (s *ScramServer) Final(msg []byte) ([]byte, error) {
	if !s.started || s.conversation.Done() {
		return nil, malformedScram()
	}
	reply, err := s.conversation.Step(string(msg))
	switch {
	case err == nil && s.conversation.Valid():
		return []byte(reply), nil
	case reply == scram.ErrInvalidProof:
		return nil, ErrWrongPassword
	case reply == scram.ErrChannelBindingsDontMatch && s.bound:
		return nil, fatal("28000", "SCRAM channel binding check failed")
	}
	return nil, malformedScram()
}

func malformedScram() *Error { return FatalProtocol("malformed SCRAM message") }

// Codes of the Authentication message.
const (
	authOK           = 0
	authCleartext    = 3
	authMD5          = 5
	authSASL         = 10
	authSASLContinue = 11
	authSASLFinal    = 12
)

// AppendAuthOK appends AuthenticationOk.
func AppendAuthOK(dst []byte) []byte { return appendAuth(dst, authOK, nil) }

// AppendAuthCleartext appends AuthenticationCleartextPassword.
func AppendAuthCleartext(dst []byte) []byte { return appendAuth(dst, authCleartext, nil) }

// AppendAuthMD5 appends AuthenticationMD5Password.
func AppendAuthMD5(dst []byte, salt [4]byte) []byte { return appendAuth(dst, authMD5, salt[:]) }

// ParsePassword reads the body of a client's 'p' message that answers one of
// these two: the password, or its hash.
func ParsePassword(body []byte) (string, error) {
	word, rest, ok := cstring(body)
	if !ok || len(rest) > 0 {
		return "", FatalProtocol("invalid password packet size")
	}
	return string(word), nil
}

// AppendAuthSASL appends AuthenticationSASL, which offers mechanisms in order
// of preference.
func AppendAuthSASL(dst []byte, mechanisms ...string) []byte {
	return appendAuth(dst, authSASL, []byte(strings.Join(mechanisms, "\x00")+"\x00\x00"))
}

// AppendAuthSASLContinue appends AuthenticationSASLContinue.
func AppendAuthSASLContinue(dst, data []byte) []byte { return appendAuth(dst, authSASLContinue, data) }

// AppendAuthSASLFinal appends AuthenticationSASLFinal.
func AppendAuthSASLFinal(dst, data []byte) []byte { return appendAuth(dst, authSASLFinal, data) }

func appendAuth(dst []byte, code uint32, data []byte) []byte {
	start := len(dst)
	dst = begin(dst, byte(ServerAuthentication))
	dst = binary.BigEndian.AppendUint32(dst, code)
	return finish(append(dst, data...), start)
}

// ParseSASLInitialResponse reads the body of a client's first 'p' message. data
// is a view into body, and nil if the client sent none (length -1). A length
// that is not exactly what follows is an error (CVE-2026-6664 was its sum
// wrapping around).
func ParseSASLInitialResponse(body []byte) (mechanism string, data []byte, err error) {
	name, rest, ok := cstring(body)
	if !ok || len(rest) < 4 {
		return "", nil, FatalProtocol("invalid message format")
	}
	n, data := int64(int32(binary.BigEndian.Uint32(rest))), rest[4:]
	switch {
	case n == -1 && len(data) == 0:
		return string(name), nil, nil
	case n == int64(len(data)):
		return string(name), data, nil
	}
	return "", nil, FatalProtocol("invalid message format")
}
