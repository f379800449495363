package proxy

import (
	"errors"
	"fmt"
	"strings"

	"tenantpool/pool"
	"tenantpool/routing"
	"tenantpool/wire"
)

// profile gives the session what its server connections must carry: the
// tenant's profile and the settings of the client's own startup packet, as a
// server reads them.
func (g *login) profile(s *session) error {
	wanted, err := g.startupSettings()
	if err != nil {
		return err
	}
	if s.route.Replicas { // the primary may have to stand in
		wanted = append([]pool.Setting{{Name: "default_transaction_read_only", Value: "on"}}, wanted...)
	}
	spec, err := g.proxy.profileSpec(g.live, s.route)
	if err != nil {
		return err
	}
	own, err := g.proxy.splitGoverned(&spec, wanted, s.route)
	if err != nil {
		return err
	}
	prof, perr := g.proxy.states.Profile(spec)
	if perr != nil {
		return fatalError("22023", perr.Error(), hintUnusable)
	}
	welcome, err := g.welcome(s, prof)
	if err != nil {
		return err
	}
	canon, changed, cerr := s.pool.Canonical(g.ctx, prof, own)
	if cerr != nil {
		return g.unreachable(s, prof, cerr)
	}
	s.params = g.proxy.views.of(view{welcome, changed, pool.PathText(spec.Path)})
	s.told = s.params
	s.first = g.proxy.states.State(prof, canon)
	s.state = s.first
	s.waiter.Customer, s.waiter.Want = s, s.state
	return nil
}

// welcome is what servers report to clients of the profile, once its schema has
// been seen to be there. A tenant's own login comes first: if it fails, the
// server itself says why.
func (g *login) welcome(s *session, prof *pool.Profile) (*pool.Params, error) {
	if s.route.Isolation != routing.Dedicated {
		if err := g.checkSchema(s, prof); err != nil {
			return nil, err
		}
	}
	welcome, err := s.pool.Welcome(g.ctx, prof)
	if err != nil {
		return nil, g.unreachable(s, prof, err)
	}
	if s.route.Isolation == routing.Dedicated {
		err = g.checkSchema(s, prof)
	}
	return welcome, err
}

// profileSpec is the profile of a route, with the account by which its tenant is
// served if it does not share the cluster's login with others.
func (p *Proxy) profileSpec(l *live, r *routing.Route) (pool.ProfileSpec, error) {
	spec := pool.ProfileSpec{Tenant: r.Tenant, Schema: r.Schema, Path: r.Path, Role: r.Role}
	for _, set := range r.Settings {
		spec.Settings = append(spec.Settings, pool.Setting{Name: set.Name, Value: set.Value})
	}
	if l.options.Login == nil {
		return spec, nil
	}
	login, own, err := l.options.Login(r)
	if err != nil {
		p.opts.Log.Error("no login for a tenant", "tenant", r.Tenant, "cluster", r.Cluster, "error", err)
		return spec, noLogin(r.Tenant)
	}
	if own {
		if spec.Account, err = p.states.Account(login, spec); err != nil {
			return spec, fatalError("22023", err.Error(), hintUnusable)
		}
	}
	return spec, nil
}

// startupSettings are the settings in the startup packet, those inside options
// first: a parameter of its own is stronger, whatever the order (measured on 15
// and 18).
func (g *login) startupSettings() ([]pool.Setting, error) {
	var all []pool.Setting
	options, _ := g.startup.Get("options")
	inside, err := wire.ParseOptions(options)
	if err != nil {
		return nil, err
	}
	for _, p := range inside {
		all = append(all, pool.Setting{Name: p.Name, Value: p.Value})
	}
	for _, p := range g.startup.Params {
		switch p.Name {
		case "user", "database", "options", "replication":
		default:
			if !strings.HasPrefix(p.Name, "_pq_.") {
				all = append(all, pool.Setting{Name: p.Name, Value: p.Value})
			}
		}
	}
	return all, nil
}

// checkSchema refuses a tenant whose schema is missing or unusable: Postgres
// would skip it without a word.
func (g *login) checkSchema(s *session, prof *pool.Profile) error {
	err := s.pool.CheckSchema(g.ctx, prof, s.route.Schema)
	var missing *pool.ErrNoSchema
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &missing):
		return g.unreachable(s, prof, err)
	case s.route.Existence == routing.BySchema:
		return &routing.Refusal{Source: s.route.Source, Reason: routing.ReasonUnknown, Tenant: s.route.Tenant}
	}
	return fatalError("3F000", fmt.Sprintf(`schema "%s" of tenant "%s" does not exist`, s.route.Schema, s.route.Tenant),
		"Create it, and grant its use to the role by which the tenant is served.")
}

// loginError is a server's or the pool's error as a client hears it at login:
// 08001 for a server that cannot be reached.
func loginError(e *wire.Error) *wire.Error {
	e = e.WithSeverity("FATAL")
	if e.Code == "08006" {
		e.Code = "08001"
	}
	return e
}

// Granted and Refused take the end of a wait from the pool, on any goroutine
// (pool.Customer).
func (s *session) Granted(c *pool.Conn)  { s.loop.send(letter{session: s, granted: c}) }
func (s *session) Refused(e *wire.Error) { s.loop.send(letter{session: s, refused: e}) }
