package pool

import (
	"sync/atomic"
	"time"

	"tenantpool/wire"
)

// tenantPlace is a tenant's place in one pool. Like the other places it is
// guarded by the pool's mutex, save for what is atomic.
type tenantPlace struct {
	tenant  *tenant
	idle    idleList
	lent    int
	line    line  // those who wait for the cluster's login
	lines   *line // that one and those of its own accounts, where anybody waits
	waiting int   // in all of them
	ledger
}

// profilePlace is a profile's place in one pool.
type profilePlace struct {
	used    bool               // since the last round of schema checks
	watched map[string]verdict // the schemas that were asked for
	missing *wire.Error        // set while one of them is
	fault   atomic.Pointer[fault]
}

// statePlace is a state's place in one pool, and the way to the other three.
type statePlace struct {
	idle    idleList
	unsaid  *wire.Error // why a server that reports its path cannot have the state
	tenant  *tenantPlace
	profile *profilePlace
	account *accountPlace
	fault   atomic.Pointer[fault]
}

// fault keeps what cannot be set from being tried again and again.
type fault struct {
	err   *wire.Error
	delay time.Duration
	until time.Time
}

// now is the fault's error while it lasts.
func (f *fault) now() *wire.Error {
	if f == nil || !time.Now().Before(f.until) {
		return nil
	}
	return f.err
}

// worse is the fault after another failure.
func (f *fault) worse(err *wire.Error) *fault {
	delay := minDelay
	if f != nil {
		delay = min(2*f.delay, maxDelay)
	}
	return &fault{err, delay, time.Now().Add(jitter(delay))}
}

// place returns the state's place in this pool.
func (p *Pool) place(s *State) *statePlace {
	if at := s.places.find(p.id); at != nil {
		return at
	}
	return s.places.add(p.id, func(at *statePlace) {
		at.unsaid = s.unsayable()
		at.tenant = p.tenantPlace(s.profile.tenant)
		at.profile = p.profilePlace(s.profile)
		at.account = p.accountPlace(s.profile.spec.Account)
	})
}

func (p *Pool) tenantPlace(t *tenant) *tenantPlace {
	if at := t.places.find(p.id); at != nil {
		return at
	}
	return t.places.add(p.id, func(at *tenantPlace) { at.tenant = t })
}

func (p *Pool) profilePlace(prof *Profile) *profilePlace {
	if at := prof.places.find(p.id); at != nil {
		return at
	}
	return prof.places.add(p.id, func(*profilePlace) {})
}
