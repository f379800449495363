package routing

import (
	"errors"
	"fmt"
	"strings"
)

// login is one element of a list of users: a name that may hold {tenant} once
// and may end in *, which stands for any rest, an empty one included.
type login struct {
	name Pattern
	star bool
}

func parseLogin(s string) (login, error) {
	if s == "" {
		return login{}, errors.New("a login may not be empty")
	}
	body, star := strings.CutSuffix(s, "*")
	if strings.Contains(body, "*") {
		return login{}, fmt.Errorf("%q: * may stand at the end only", s)
	}
	name, err := splitTenant(body)
	if err != nil {
		return login{}, fmt.Errorf("%q %w", s, err)
	}
	return login{name, star}, nil
}

// admits reports whether the login may act for the tenant.
func (l login) admits(user, tenant string) bool {
	name := l.name.Expand(tenant)
	return user == name || l.star && strings.HasPrefix(user, name)
}

// anyone reports whether l is "*".
func (l login) anyone() bool { return l.star && l.name == Pattern{} }

// logins is a list of users. A nil list admits everyone.
type logins []login

func (ls logins) admit(user, tenant string) bool {
	if ls == nil {
		return true
	}
	for _, l := range ls {
		if l.admits(user, tenant) {
			return true
		}
	}
	return false
}
