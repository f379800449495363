package auth

import "slices"

// Method is how a client proves its user.
type Method uint8

// The methods.
const (
	Trust         Method = iota // not at all
	Reject                      // it cannot
	ByPassword                  // by the password in plain text
	ByMD5                       // by an MD5 hash, or by SCRAM if the secret is a verifier
	BySCRAM                     // by SCRAM-SHA-256, with channel binding if there is TLS
	ByCertificate               // by a TLS certificate
	ByPeer                      // by the operating system's user, on a Unix socket
)

// methods are the names, as in pg_hba.conf.
var methods = []string{"trust", "reject", "password", "md5", "scram-sha-256", "cert", "peer"}

func (m Method) String() string { return methods[m] }

// ParseMethod gives the method of a name.
func ParseMethod(name string) (Method, bool) {
	i := slices.Index(methods, name)
	return Method(max(i, 0)), i >= 0
}

// NeedsSecret says that somebody must know the user's secret.
func (m Method) NeedsSecret() bool { return m == ByPassword || m == ByMD5 || m == BySCRAM }
