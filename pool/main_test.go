package pool

import (
	"os"
	"testing"

	"tenantpool/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// mustProfile interns a profile that a test knows to be good.
func mustProfile(t testing.TB, in *States, spec ProfileSpec) *Profile {
	t.Helper()
	p, err := in.Profile(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// stateOf is the state of a tenant whose path is its name.
func stateOf(t testing.TB, in *States, tenant string, own ...Setting) *State {
	t.Helper()
	return in.State(mustProfile(t, in, ProfileSpec{Tenant: tenant, Path: []string{tenant}}), own)
}

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s did not panic", what)
		}
	}()
	f()
}
