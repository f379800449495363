package pool

import (
	"fmt"
	"math/rand/v2"
	"time"

	"tenantpool/wire"
)

// The pool's own refusals. proxy tells clients, with the severity of the moment.
var (
	errShutdown = &wire.Error{Severity: wire.SeverityFatal, Code: "57P01",
		Message: "terminating connection due to administrator command"}
	errTooManyWaiting = &wire.Error{Severity: wire.SeverityError, Code: "53300",
		Message: "too many clients wait for a server connection",
		Hint:    "The limit is max_waiting."}
)

func errTenantWaiting(tenant string, limit int) *wire.Error {
	return &wire.Error{Severity: wire.SeverityError, Code: "53300",
		Message: fmt.Sprintf("too many clients of tenant %q wait for a server connection: %d", tenant, limit),
		Hint:    "Raise max_waiting of the tenant or its route."}
}

func errNoSchema(schema, tenant string) *wire.Error {
	return &wire.Error{Severity: wire.SeverityError, Code: "3F000",
		Message: `schema "` + schema + `" of tenant "` + tenant + `" does not exist`,
		Hint:    "Create it, and grant its use to the role by which the tenant is served."}
}

// HintUnreachable is for a client of a server that cannot be reached or logged in
// to. What exactly fails is for the log: it names hosts and logins.
const HintUnreachable = "Try again. The log of tenantpool has the address and the cause; tenantpool check --connect tries every server."

// The back-off of a state that cannot be set, and of a server that cannot be
// reached: doubling, ±20 %.
const (
	minDelay = time.Second
	maxDelay = 15 * time.Second
)

// jitter spreads d by ±20 %.
func jitter(d time.Duration) time.Duration {
	return d - d/5 + rand.N(d*2/5)
}

// Broken notes that the server refused the switch to s with err. For a while,
// doubling from 1 s to 15 s, everybody who wants the same is refused with the
// same error without touching a server: all of the tenant's profile, or, if the
// client has settings of its own, those with the same settings only. A switch
// that succeeds ends it. An error of the moment (a cancel, a shutdown) says
// nothing about the next attempt and is not kept.
func (p *Pool) Broken(s *State, err *wire.Error) {
	if !lasting(err.Code) {
		return
	}
	at := p.place(s)
	f := &at.profile.fault
	if len(s.own) > 0 {
		f = &at.fault
	}
	f.Store(f.Load().worse(err))
	p.sweep(func(w *Waiter) *wire.Error { return p.refusal(w.at) })
}

// mended notes that a switch to s has succeeded.
func (p *Pool) mended(s *State) {
	at := p.place(s)
	if at.fault.Load() != nil {
		at.fault.Store(nil)
	}
	if at.profile.fault.Load() != nil {
		at.profile.fault.Store(nil)
	}
}
