package proxy

import (
	"errors"

	"tenantpool/auth"
	"tenantpool/wire"
)

// scram has the client prove by SCRAM-SHA-256 that it knows the password, bound to
// the TLS connection if there is one and the client can. The proof of the server
// waits in g.out.
func (g *login) scram(a auth.Account) (proven bool, err error) {
	endPoint := g.tlsServerEndPoint()
	v, err := g.live.options.Directory.Verifier(g.ctx, a)
	if err != nil {
		return false, err
	}
	if _, err := g.conn.Write(wire.AppendAuthSASL(nil, wire.ScramMechanisms(endPoint)...)); err != nil {
		return false, err
	}
	body, err := g.authMessage("SASL")
	if err != nil {
		return false, err
	}
	mechanism, data, err := wire.ParseSASLInitialResponse(body)
	if err != nil {
		return false, err
	}
	server := wire.NewScramServer(v, endPoint)
	challenge, err := server.First(mechanism, data)
	if err != nil {
		return false, err
	}
	if _, err := g.conn.Write(wire.AppendAuthSASLContinue(nil, challenge)); err != nil {
		return false, err
	}
	if body, err = g.authMessage("SASL"); err != nil {
		return false, err
	}
	final, err := server.Final(body)
	if errors.Is(err, wire.ErrWrongPassword) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	g.out = wire.AppendAuthSASLFinal(g.out, final)
	return true, nil
}
