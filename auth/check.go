package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"

	"tenantpool/wire"
)

// maxIterations is the most a verifier may ask for where the pooler has to do the
// work: about half a second. SCRAM leaves it to the client.
const maxIterations = 1_000_000

// keyed is a hash that only this process can make.
func (d *Directory) keyed(parts ...string) []byte {
	mac := hmac.New(sha256.New, d.key)
	for _, p := range parts {
		mac.Write([]byte(p))
		mac.Write([]byte{0})
	}
	return mac.Sum(nil)
}

// same compares two texts in a time that tells nothing of either.
func (d *Directory) same(a, b string) bool { return hmac.Equal(d.keyed(a), d.keyed(b)) }

// work runs what costs as much as a check of a password, when there is a slot.
func (d *Directory) work(ctx context.Context, do func()) error {
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.slots }()
	do()
	return nil
}

// derive gives the verifier of a password in plain text, made once.
func (d *Directory) derive(ctx context.Context, user string, secret Secret) (v wire.Verifier, err error) {
	key := [sha256.Size]byte(d.keyed("derived", user, secret.Reveal()))
	if v, ok := d.made(key); ok {
		return v, nil
	}
	err = d.work(ctx, func() {
		var ok bool
		if v, ok = d.made(key); ok {
			return // another login was quicker
		}
		made, failed := wire.NewVerifier(secret.Reveal(), wire.MockSalt(d.key, user), wire.ScramIterations)
		if failed != nil {
			panic("BUG: a password without a verifier: " + failed.Error())
		}
		v = made
		d.mu.Lock()
		defer d.mu.Unlock()
		put(d.derived, key, v, maxKept+len(d.listed))
	})
	return v, err
}

func (d *Directory) made(key [sha256.Size]byte) (wire.Verifier, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v, ok := d.derived[key]
	return v, ok
}

// Verifier is what SCRAM holds an account's proof against. The error is ctx's.
func (d *Directory) Verifier(ctx context.Context, a Account) (wire.Verifier, error) {
	if a.usable() {
		switch a.secret.Kind() {
		case SCRAM:
			return a.verifier, nil
		case Plain:
			return d.derive(ctx, a.User, a.secret)
		}
	}
	return d.mock(a.User), nil
}

// UsesSCRAM says whether the method md5 means SCRAM for this account, because its
// secret is a verifier.
func (d *Directory) UsesSCRAM(a Account) bool {
	if a.usable() {
		return a.secret.Kind() == SCRAM
	}
	return d.model(a.User).kind == SCRAM
}

// Fits says whether the password in plain text proves the account. It takes as
// long for every account and every password. The error is ctx's.
func (d *Directory) Fits(ctx context.Context, a Account, password string) (fits bool, err error) {
	against := d.mock(a.User)
	byVerifier := a.usable() && a.secret.Kind() == SCRAM && a.verifier.Iterations() <= maxIterations
	if byVerifier {
		against = a.verifier
	}
	err = d.work(ctx, func() { fits = against.Fits(password) && byVerifier })
	if !a.usable() {
		return false, err
	}
	switch a.secret.Kind() {
	case Plain:
		fits = d.same(a.secret.Reveal(), password)
	case MD5:
		fits = d.same(a.secret.Reveal(), HashMD5(a.User, password))
	}
	return fits && err == nil, err
}

// FitsMD5 says whether the answer to an MD5 challenge proves the account.
func (d *Directory) FitsMD5(a Account, salt [4]byte, answer string) bool {
	hash := HashMD5(a.User, a.secret.Reveal()) // of nothing, if there is no secret
	if a.secret.Kind() == MD5 {
		hash = a.secret.Reveal()
	}
	fits := subtle.ConstantTimeCompare([]byte(AnswerMD5(hash, salt)), []byte(answer)) == 1
	return fits && a.usable() && a.secret.Kind() != SCRAM
}
