package auth

import (
	"encoding/binary"

	"tenantpool/wire"
)

// model is what a client can see of a secret before it has proven anything.
type model struct {
	kind       SecretKind
	iterations int
}

func modelOf(a Account) model {
	m := model{a.secret.Kind(), wire.ScramIterations}
	if m.kind == SCRAM {
		m.iterations = a.verifier.Iterations()
	}
	return m
}

// model is what an unknown user looks like: one of those listed, always the same;
// without a list, the first that was found; else one that Postgres makes by
// default. Unknown users are as mixed as the others.
func (d *Directory) model(user string) model {
	if n := len(d.models); n > 0 {
		return d.models[binary.BigEndian.Uint64(d.keyed("model", user))%uint64(n)]
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sighted != nil {
		return *d.sighted
	}
	return model{SCRAM, wire.ScramIterations}
}

// mock is the verifier of a user that no password fits.
func (d *Directory) mock(user string) wire.Verifier {
	return wire.MockVerifier(d.key, user, d.model(user).iterations)
}
