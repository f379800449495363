package proxy

import (
	"errors"
	"fmt"
	"slices"

	"tenantpool/pool"
	"tenantpool/routing"
	"tenantpool/wire"
)

// A session follows what changes while it lives: before each checkout it
// compares a number, and if there is something new, asks the table again who it
// is. It stays the client of its tenant: if that is gone, switched off, or no
// longer admits the login, or if the same names mean another tenant now, the
// client is told so and has to come again.

// identity is what the client said about itself at login.
func (s *session) identity() routing.Identity {
	return routing.Identity{User: s.user.Value(), Database: s.database.Value(), ServerName: s.serverName.Value(), Suffix: s.suffix.Value()}
}

// follow brings the session up to date. It returns false if the session has
// ended thereby.
func (s *session) follow() bool {
	now := s.proxy.now()
	if now.number == s.number {
		return true
	}
	if err := s.rerouted(now); err != nil {
		s.fatal(err)
		return false
	}
	return true
}

// outdated says that there is something new that the session has not followed.
func (s *session) outdated() bool { return s.number != s.proxy.now().number }

// rerouted finds the session's route in what is new.
func (s *session) rerouted(now *live) *wire.Error {
	r, err := now.table().Resolve(s.identity())
	var refusal *routing.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Reason == routing.ReasonUnread:
		return s.undecided(now)
	case err != nil:
		return s.expelled(err)
	case r.Tenant != s.route.Tenant:
		return tenantGone(s.route.Tenant)
	}
	h := now.home(r)
	if h == nil {
		return clusterGone(r.Tenant)
	}
	if r != s.route || h.pool != s.pool {
		if err := s.resettle(now, r, h); err != nil {
			return err
		}
	}
	s.number, s.sameTenant = now.number, h.sameTenant
	return nil
}

// undecided has the session go on by its own route while nobody knows whether that
// is still there. What is new counts as followed: the table that comes of what is
// read has another number. It ends if its pool has been taken away.
func (s *session) undecided(now *live) *wire.Error {
	h := now.home(s.route)
	if h == nil || h.pool != s.pool {
		return errUnread
	}
	s.number, s.sameTenant = now.number, h.sameTenant
	return nil
}

// expelled is what a client hears for whom there is no route any more.
func (s *session) expelled(err error) *wire.Error {
	var refusal *routing.Refusal
	if !errors.As(err, &refusal) {
		return tenantGone(s.route.Tenant)
	}
	switch refusal.Reason {
	case routing.ReasonDisabled:
		return tenantOff(refusal)
	case routing.ReasonNotAdmitted:
		return notAdmittedNow(s.user.Value(), s.route.Tenant)
	}
	return tenantGone(s.route.Tenant)
}

// resettle gives the session another route. Its own settings stay, and its mode:
// what the client was told at login depends on that.
func (s *session) resettle(now *live, r *routing.Route, h *home) *wire.Error {
	if r.Mode != s.route.Mode {
		same := *r
		same.Mode = s.route.Mode
		r = &same
	}
	spec, err := s.proxy.profileSpec(now, r)
	if err != nil {
		return asFatal(err)
	}
	first, e := s.moved(s.first, spec, r)
	if e != nil {
		return e
	}
	state, e := s.moved(s.state, spec, r)
	if e != nil {
		return e
	}
	if first != s.first || h.pool != s.pool {
		s.tellPath(first.Profile())
		h.pool.RecheckSoon(first.Profile())
	}
	if h.pool != s.pool {
		s.waiter.Moved()
	}
	s.route, s.pool, s.pins = r, h.pool, h.pinned
	s.first = first
	s.changeState(state)
	return nil
}

// moved is a state of the session's under another profile, with the client's own
// settings: also its own path, where the new route lets it have that.
func (s *session) moved(from *pool.State, spec pool.ProfileSpec, r *routing.Route) (*pool.State, *wire.Error) {
	if path := from.Profile().Path(); !slices.Equal(path, s.route.Path) {
		if !mayFollow(r, path) {
			return nil, pathGone(r.Tenant)
		}
		spec.Path, spec.Unchecked = path, unchecked(r, path)
	}
	prof, err := s.proxy.states.Profile(spec)
	if err != nil {
		return nil, fatalError("22023", err.Error(), hintUnusable)
	}
	return s.proxy.states.State(prof, from.Settings()), nil
}

// tellPath makes the profile's path the one that the client was told, where it was
// told any.
func (s *session) tellPath(prof *pool.Profile) {
	text := pool.PathText(prof.Path())
	told, reported := s.told.Get("search_path")
	if !reported || told == text {
		return
	}
	s.told = s.told.Set("search_path", text)
	if is, _ := s.params.Get("search_path"); is == told {
		s.params = s.params.Set("search_path", text)
		s.reply(wire.AppendParameterStatus(nil, "search_path", text))
	}
}

// asFatal is an error of the proxy's own as the last that a client hears.
func asFatal(err error) *wire.Error {
	var e *wire.Error
	if errors.As(err, &e) {
		return e
	}
	return fatalError("58000", fmt.Sprint(err), "Connect again. "+hintUnusable)
}
