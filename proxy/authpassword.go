package proxy

import (
	"crypto/rand"

	"tenantpool/auth"
	"tenantpool/wire"
)

// password asks for the password in plain text.
func (g *login) password(a auth.Account) (proven bool, err error) {
	answer, err := g.askPassword(wire.AppendAuthCleartext(nil))
	if err != nil {
		return false, err
	}
	return g.live.options.Directory.Fits(g.ctx, a, answer)
}

// md5 asks for a hash of the password with a salt of ours.
func (g *login) md5(a auth.Account) (proven bool, err error) {
	var salt [4]byte
	_, _ = rand.Read(salt[:])
	answer, err := g.askPassword(wire.AppendAuthMD5(nil, salt))
	if err != nil {
		return false, err
	}
	return g.live.options.Directory.FitsMD5(a, salt, answer), nil
}

func (g *login) askPassword(request []byte) (string, error) {
	if _, err := g.conn.Write(request); err != nil {
		return "", err
	}
	body, err := g.authMessage("password")
	if err != nil {
		return "", err
	}
	return wire.ParsePassword(body)
}
