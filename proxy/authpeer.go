package proxy

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"os/user"
	"strconv"

	"tenantpool/auth"
)

// certified holds the name in the client's certificate, which an authority vouches
// for, against its user.
func (g *login) certified(rule *auth.Rule) (why string, err error) {
	name, ok := commonName(g.peerCertificate())
	if !ok {
		return "the certificate has not exactly one common name", nil
	}
	if why := g.mapped(rule, "certificate", name); why != "" || rule.Method != auth.ByCertificate {
		return why, nil
	}
	return g.admitted()
}

// commonName is the one common name of a certificate. Of two, nobody could say which
// the authority has looked at.
func commonName(c *x509.Certificate) (name string, ok bool) {
	count := 0
	for _, part := range c.Subject.Names {
		if part.Type.Equal(oidCommonName) {
			count++
		}
	}
	return c.Subject.CommonName, count == 1 && c.Subject.CommonName != ""
}

var oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}

// peer asks the operating system who is at the other end of the Unix socket.
func (g *login) peer(rule *auth.Rule) (why string, err error) {
	uid, err := peerUID(g.conn)
	if err != nil {
		return "the system does not tell who the client is: " + err.Error(), nil
	}
	account, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return fmt.Sprintf("the system knows no user of number %d", uid), nil
	}
	if why := g.mapped(rule, "system user", account.Username); why != "" {
		return why, nil
	}
	return g.admitted()
}

// mapped says why somebody known by another name is not the user.
func (g *login) mapped(rule *auth.Rule, what, name string) (why string) {
	switch {
	case g.live.options.Policy.Maps.Allows(rule.Map, name, g.user):
		return ""
	case rule.Map != "":
		return fmt.Sprintf("map %q does not let the %s %q be the user", rule.Map, what, name)
	}
	return fmt.Sprintf("the %s is %q", what, name)
}

// admitted says why a user that was proven without a password may not log in.
func (g *login) admitted() (why string, err error) {
	known, err := g.live.options.Directory.Admits(g.ctx, g.user)
	switch {
	case err != nil:
		return "", g.nobodyToAsk(err)
	case !known:
		return "there is no such user", nil
	}
	return "", nil
}
