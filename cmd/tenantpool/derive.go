package main

import (
	"crypto/rand"
	"sync"

	"tenantpool/config"
	"tenantpool/wire"
)

// saltSize and iterations are those of a verifier that Postgres makes.
const (
	saltSize   = 16
	iterations = 4096
)

// derivations keeps the verifiers derived from plain passwords: deriving one
// takes as long as a password check is meant to take.
type derivations struct {
	mu   sync.Mutex
	done map[string]wire.Verifier
}

// all derives the verifiers of every plain password, so that the first login of
// a user takes no longer than that of one who does not exist.
func (d *derivations) all(users *config.Users) {
	for user, secret := range users.All() {
		if secret.Kind() == config.Plain && !secret.IsZero() {
			d.of(user, secret.Reveal())
		}
	}
}

func (d *derivations) of(user, password string) (wire.Verifier, bool) {
	d.mu.Lock()
	v, ok := d.done[user]
	d.mu.Unlock()
	if ok {
		return v, true
	}
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt)
	v, err := wire.NewVerifier(password, salt, iterations)
	if err != nil {
		return v, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if first, ok := d.done[user]; ok {
		return first, true // another login was quicker: one salt for all
	}
	if d.done == nil {
		d.done = make(map[string]wire.Verifier)
	}
	d.done[user] = v
	return v, true
}
