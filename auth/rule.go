package auth

import "net/netip"

// connection is which connections a rule is about.
type connection uint8

const (
	anyConnection connection = iota // of a rule that no file holds
	onSocket                        // local
	onNetwork                       // host
	withTLS                         // hostssl
	withoutTLS                      // hostnossl
	withGSS                         // hostgssenc: none
)

// connections are the words of a file. GSSAPI encryption is never spoken, so
// that everybody is without.
var connections = map[string]connection{
	"local": onSocket, "host": onNetwork, "hostssl": withTLS, "hostnossl": withoutTLS,
	"hostgssenc": withGSS, "hostnogssenc": onNetwork,
}

// CertCheck is what is asked of a client's certificate besides the method.
type CertCheck uint8

// The checks.
const (
	NoCert     CertCheck = iota
	VerifyCA             // an authority vouches for it
	VerifyFull           // and it names the user
)

// Rule says how certain clients prove their user.
type Rule struct {
	Line   int // of the file, 0 for a rule that no file holds
	Method Method
	Map    string // the map of names that holds; "" wants equal names
	Cert   CertCheck

	connection connection
	databases  []name
	users      []name
	address    address
}

// Always is the rule for everybody.
func Always(m Method, mapName string) Rule {
	r := Rule{Method: m, Map: mapName, databases: []name{{kind: nameAll}}, users: []name{{kind: nameAll}}}
	if m == ByCertificate {
		r.Cert = VerifyFull
	}
	return r
}

// Client is what rules look at. Nothing of it has been proven.
type Client struct {
	Socket         bool       // it is on a Unix socket
	Address        netip.Addr // else this is its address
	TLS            bool
	User, Database string
	Own            func() []netip.Prefix // the addresses of this machine
}

// matches says that the rule is about the client.
func (r *Rule) matches(c Client) bool {
	return r.reaches(c) && anyMatches(r.databases, c.Database, c.User) && anyMatches(r.users, c.User, c.User)
}

func (r *Rule) reaches(c Client) bool {
	switch r.connection {
	case anyConnection:
		return true
	case onSocket:
		return c.Socket
	case withTLS:
		if !c.TLS {
			return false
		}
	case withoutTLS:
		if c.TLS {
			return false
		}
	case withGSS:
		return false
	}
	return !c.Socket && r.address.matches(c.Address.Unmap().WithZone(""), c.Own)
}

// Exposed says that the rule lets in whoever can reach this machine, and asks for
// nothing.
func (r *Rule) Exposed() bool { return r.Method == Trust && r.remote() }

// Overheard says that by the rule a password may travel to this machine in clear
// text, unless clients have to use TLS anyway.
func (r *Rule) Overheard() bool {
	return r.Method == ByPassword && r.connection != withTLS && r.remote()
}

// remote says that the rule is about clients on other machines too.
func (r *Rule) remote() bool {
	return r.connection != onSocket && r.connection != withGSS && !r.address.local()
}

// Policy is how clients prove their user: by the first rule that matches.
type Policy struct {
	Rules []Rule
	Maps  Maps
}

// Match gives the rule for a client, nil if there is none.
func (p *Policy) Match(c Client) *Rule {
	for i := range p.Rules {
		if p.Rules[i].matches(c) {
			return &p.Rules[i]
		}
	}
	return nil
}
