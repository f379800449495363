package proxy

import (
	"errors"

	"tenantpool/wire"
)

// maxAuthMessage caps a client's authentication messages.
const maxAuthMessage = 64 << 10

// authenticate proves the user, by SCRAM-SHA-256 or not at all (trust). What it
// has to say in the end waits in g.out: a client that is refused later, for its
// tenant does not exist, must see the same as after a wrong password.
func (g *login) authenticate() error {
	if g.proxy.opts.Verify == nil {
		g.out = wire.AppendAuthOK(g.out)
		return nil
	}
	v, ok := g.proxy.opts.Verify.Verifier(g.user)
	if !ok {
		v = wire.MockVerifier(g.proxy.mockKey[:], g.user)
	}
	if err := g.scram(v); err != nil {
		return err
	}
	if !ok {
		return passwordFailed(g.user) // no password fits a mock, but nothing rests on that
	}
	return nil
}

func (g *login) scram(v wire.Verifier) error {
	if _, err := g.conn.Write(wire.AppendAuthSASL(nil, wire.ScramSHA256)); err != nil {
		return err
	}
	body, err := g.authMessage()
	if err != nil {
		return err
	}
	mechanism, data, err := wire.ParseSASLInitialResponse(body)
	if err != nil {
		return err
	}
	server := wire.NewScramServer(v)
	challenge, err := server.First(mechanism, data)
	if err != nil {
		return err
	}
	if _, err := g.conn.Write(wire.AppendAuthSASLContinue(nil, challenge)); err != nil {
		return err
	}
	if body, err = g.authMessage(); err != nil {
		return err
	}
	final, err := server.Final(body)
	if errors.Is(err, wire.ErrWrongPassword) {
		return passwordFailed(g.user)
	}
	if err != nil {
		return err
	}
	g.out = wire.AppendAuthOK(wire.AppendAuthSASLFinal(g.out, final))
	return nil
}

// authMessage reads the client's next message, which must be an answer to our
// authentication request: nothing else is looked at before login.
func (g *login) authMessage() ([]byte, error) {
	m, body, err := wire.ReadMessage(g.r, maxAuthMessage)
	if err != nil {
		return nil, err
	}
	if m != wire.ClientPassword {
		return nil, wire.FatalProtocol("expected SASL response, got message type %d", byte(m))
	}
	return body, nil
}
