package pool

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
)

// Login is who a server connection logs in as.
type Login struct{ User, Password string }

// String leaves the password out.
func (l Login) String() string { return l.User }

// GoString leaves the password out.
func (l Login) GoString() string { return l.User }

// Account is a login for one tenant alone: the tenant's own, or the cluster's
// where connections are not to pass from tenant to tenant. Its connections are
// born with the tenant's profile, so that every reset ends there, and are lent
// to nobody else. It is immutable and interned. A profile without one uses
// connections of the cluster's login, which all such profiles share.
type Account struct {
	in     *States
	id     uint64
	login  Login
	base   ProfileSpec
	places slots[accountPlace]
}

var accountIDs atomic.Uint64

// Account interns the account by which a tenant is served. base is the tenant's
// own profile, as its route has it.
func (in *States) Account(l Login, base ProfileSpec) (*Account, error) {
	base = base.clone()
	base.Account = nil
	if err := base.check(); err != nil {
		return nil, fmt.Errorf("profile of tenant %q: %w", base.Tenant, err)
	}
	if err := checkRole(l.User); err != nil || l.User == "" {
		return nil, fmt.Errorf("login %q of tenant %q is not a name", l.User, base.Tenant)
	}
	key := appendField(appendField(base.key(), l.User), l.Password)
	return in.accounts.get(key, func(string) *Account {
		return &Account{in: in, id: accountIDs.Add(1), login: l, base: base}
	}), nil
}

// appendAccount adds an account to a key, which may be none.
func appendAccount(key []byte, a *Account) []byte {
	if a == nil {
		return binary.BigEndian.AppendUint64(key, 0)
	}
	return binary.BigEndian.AppendUint64(key, a.id)
}

// state is the state that the account's connections are born with.
func (a *Account) state() (*State, error) {
	spec := a.base
	spec.Account = a
	prof, err := a.in.Profile(spec)
	if err != nil {
		return nil, err
	}
	return a.in.State(prof, nil), nil
}

// tenant is the name of the tenant whom the account serves, "" for the cluster's login.
func (a *Account) tenant() string {
	if a == nil {
		return ""
	}
	return a.base.Tenant
}

// bearable reports whether a startup packet can carry the profile: its strings are
// read in the database's encoding, whatever that is.
func (a *Account) bearable() bool {
	if a == nil {
		return false
	}
	for _, schema := range a.base.Path {
		if !ascii(schema) {
			return false
		}
	}
	for _, s := range a.base.Settings {
		if !ascii(s.Name) || !ascii(s.Value) {
			return false
		}
	}
	return ascii(a.base.Role)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// accountPlace is an account's place in one pool, or the cluster's login's.
type accountPlace struct {
	account   *Account // nil for the cluster's login; it keeps the account alive
	line      line     // of its tenant; the cluster's login has one for each
	hungry    bool     // somebody waits, and is in one of the next two
	ready     lines    // of those who may have a connection
	borrowers lines    // of those who may if none is kept for others
	rank      int      // where it stands among Pool.hungry
	idle      idleList // idle ones; the cluster's login has them by tenant instead
	size      int      // its connections, those that are logging in included, those closing not
	dialing   int      // of these, logging in
	due       int      // connections of others being closed to make room for it
	proven    bool     // one of its logins has succeeded
	welcome   *Params  // what its connections report before anybody uses them

	gate     gate
	retrying bool // a timer will try to grow again
}

// lacks says that there is one who may have a connection and for whom none is on
// its way.
func (p *Pool) lacks(a *accountPlace) bool { return p.wanted(a) > a.dialing+a.due }

// before says that a place goes to a rather than b: to one without connections,
// else to the one whose tenant is next.
func (p *Pool) before(a, b *accountPlace, now int64) bool {
	if none := a.size+a.due == 0; none != (b.size+b.due == 0) {
		return none
	}
	l, m := p.next(a, now), p.next(b, now)
	return l != nil && (m == nil || l.before(m))
}

// accountPlace returns the account's place in this pool.
func (p *Pool) accountPlace(a *Account) *accountPlace {
	if a == nil {
		return p.own
	}
	if at := a.places.find(p.id); at != nil {
		return at
	}
	return a.places.add(p.id, func(at *accountPlace) { at.account = a })
}
