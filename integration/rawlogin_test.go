package integration

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/jackc/pgproto3/v2"
	"github.com/xdg-go/scram"
)

// login connects user app as a client of the tenant, which must work.
func login(t testing.TB, e endpoint, tenant string, more ...string) *rawClient {
	t.Helper()
	database, options := e.names(tenant)
	c := dialRaw(t, e)
	params := append([]string{"user", "app", "database", database}, more...)
	if options != "" {
		params = append(params, "options", options)
	}
	c.send(startup(version30, params...))
	if err := c.authenticate("app", password("app")); err != nil {
		t.Fatalf("login as app of %s: %v", tenant, err)
	}
	return c
}

// tryLogin logs a user in to a database and returns how that ended.
func tryLogin(t testing.TB, e endpoint, user, secret, database string) (*rawClient, *serverError) {
	t.Helper()
	c := dialRaw(t, e)
	c.send(startup(version30, "user", user, "database", database))
	return c, c.authenticate(user, secret)
}

// authenticate reads the server's answer to a startup packet up to the first ReadyForQuery, and
// proves the user when asked to.
func (c *rawClient) authenticate(user, secret string) *serverError {
	c.t.Helper()
	proof := &proof{user: user, secret: secret}
	for {
		switch m := c.next(); m.kind {
		case 'R':
			answer, err := proof.answer(m.body)
			if err != nil {
				c.t.Fatal(err)
			}
			c.send(answer)
		case 'S':
			name, value, _ := bytes.Cut(m.body, []byte{0})
			c.params[string(name)] = string(bytes.TrimSuffix(value, []byte{0}))
		case 'K':
			c.takeKey(m)
		case 'E':
			return parseError(m.body)
		case 'Z':
			return nil
		}
	}
}

func md5Hex(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }

// proof is a user's side of an authentication.
type proof struct {
	user, secret string
	conversation *scram.ClientConversation
}

// The authentication requests that these tests meet.
const (
	authOK           = 0
	authCleartext    = 3
	authMD5          = 5
	authSASL         = 10
	authSASLContinue = 11
	authSASLFinal    = 12
)

// answer is what to send after an authentication request; nothing after some.
func (p *proof) answer(request []byte) ([]byte, error) {
	switch code := binary.BigEndian.Uint32(request); code {
	case authOK:
		return nil, nil
	case authCleartext:
		return encode(&pgproto3.PasswordMessage{Password: p.secret}), nil
	case authMD5:
		hash := "md5" + md5Hex(md5Hex(p.secret+p.user)+string(request[4:]))
		return encode(&pgproto3.PasswordMessage{Password: hash}), nil
	case authSASL:
		client, err := scram.SHA256.NewClient("", p.secret, "") // the startup packet names the user
		if err != nil {
			return nil, err
		}
		p.conversation = client.NewConversation()
		first, err := p.conversation.Step("")
		return encode(&pgproto3.SASLInitialResponse{AuthMechanism: "SCRAM-SHA-256", Data: []byte(first)}), err
	case authSASLContinue:
		final, err := p.conversation.Step(string(request[4:]))
		return encode(&pgproto3.SASLResponse{Data: []byte(final)}), err
	case authSASLFinal:
		_, err := p.conversation.Step(string(request[4:]))
		return nil, err
	default:
		return nil, fmt.Errorf("authentication request %d", code)
	}
}
