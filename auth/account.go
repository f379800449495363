package auth

import (
	"crypto/md5"
	"encoding/hex"
	"time"

	"tenantpool/wire"
)

// Account is what is known of the user that somebody claims to be. Of one that
// does not exist, too: such an account is only missing a secret that could fit.
type Account struct {
	User  string
	Known bool
	Why   string // why no password can prove the user, for the log; "" if one can

	secret   Secret // none unless a password may prove the user
	verifier wire.Verifier
}

// account judges a secret that was found.
func account(user string, secret Secret, until time.Time, now time.Time) Account {
	a := Account{User: user, Known: true}
	switch {
	case secret.IsZero():
		a.Why = "the user has no password"
	case !until.IsZero() && !now.Before(until):
		a.Why = "the user's password has expired"
	case secret.Kind() == SCRAM:
		var err error
		if a.verifier, err = wire.ParseVerifier(secret.Reveal()); err != nil {
			a.Why = "the user's SCRAM verifier is malformed"
			break
		}
		a.secret = secret
	default:
		a.secret = secret
	}
	return a
}

// unknown is the account of a user that does not exist.
func unknown(user string) Account { return Account{User: user, Why: "there is no such user"} }

// usable says that a password can prove the user.
func (a Account) usable() bool { return !a.secret.IsZero() }

// md5Prefix stands before a hash where a secret is kept.
const md5Prefix = "md5"

func md5Hex(parts ...string) string {
	h := md5.New()
	for _, p := range parts {
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// HashMD5 is the form in which Postgres keeps a password with MD5.
func HashMD5(user, password string) string { return md5Prefix + md5Hex(password, user) }

// AnswerMD5 is what a client says to a challenge when the secret is kept as hash.
func AnswerMD5(hash string, salt [4]byte) string {
	return md5Prefix + md5Hex(hash[len(md5Prefix):], string(salt[:]))
}
