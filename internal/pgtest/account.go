package pgtest

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// Account is the unprivileged user that programs run as which refuse to run as root. A nil *Account
// is the current user.
type Account struct {
	Name     string
	UID, GID uint32
}

// Unprivileged returns the account to use: nil unless the current user is root, then "postgres" if
// it exists, else "nobody".
func Unprivileged() (*Account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			return newAccount(u)
		}
	}
	return nil, fmt.Errorf("running as root, and neither user postgres nor nobody exists to run a server as")
}

func newAccount(u *user.User) (*Account, error) {
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", u.Username, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", u.Username, err)
	}
	return &Account{Name: u.Username, UID: uint32(uid), GID: uint32(gid)}, nil
}

// Own gives a file or directory to the account.
func (a *Account) Own(path string) error {
	if a == nil {
		return nil
	}
	return os.Chown(path, int(a.UID), int(a.GID))
}
