package routing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// path judges the search_path and reserves the schemas that it names literally.
func (p place) path(r *rule) {
	for i, s := range r.SearchPath {
		err := checkNameTemplate(s, CheckName)
		p.badItem("search_path", i, err)
		if err == nil && !template(s).varies() {
			p.b.t.reserved[s] = "a route names it in its search_path"
		}
	}
}

// role judges the role of a rule by its isolation.
func (p place) role(r *rule) {
	if r.Role == "" {
		return
	}
	p.bad("role", checkNameTemplate(r.Role, checkRole))
	switch {
	case r.Isolation == Shared && !p.b.raised[RoleSwitch] && !p.b.raised[Dedicated]:
		p.bad("role", errors.New(`role has no effect at isolation = "shared"; use isolation = "role"`))
	case r.source != FromNothing && !template(r.Role).varies():
		p.bad("role", fmt.Errorf("role %q is the same for every tenant; put {tenant} in it", r.Role))
	}
}

// login judges the login of a rule's tenants by its isolation.
func (p place) login(r *rule) {
	if r.Login == "" {
		return
	}
	p.bad("login", checkNameTemplate(r.Login, checkRole))
	switch {
	case r.Isolation != Dedicated && !p.b.raised[Dedicated]:
		p.bad("login", fmt.Errorf(`login has no effect at isolation = %q; use isolation = "dedicated"`, r.Isolation.String()))
	case r.source != FromNothing && !template(r.Login).varies():
		p.bad("login", fmt.Errorf("login %q is the same for every tenant; put {tenant} in it", r.Login))
	}
}

// schemas parses which schemas may be tenants.
func (p place) schemas(in Rule) logins {
	if in.Schemas == "" {
		return nil
	}
	if in.Existence != BySchema {
		p.bad("schemas", errors.New(`schemas narrows tenants = "schema" and means nothing without it`))
	}
	l, err := parseLogin(in.Schemas)
	if err == nil && l.name.hasTenant {
		err = fmt.Errorf(`%q: write * where names differ, as in "tenant_*"`, in.Schemas)
	}
	p.bad("schemas", err)
	return logins{l}
}

// dependence refuses a rule under which all tenants would be the same.
func (p place) dependence(r *rule) {
	varies := func(s string) bool { return template(s).varies() }
	path := slices.ContainsFunc(r.SearchPath, varies)
	setting := slices.ContainsFunc(r.Settings, func(s Setting) bool { return varies(s.Value) })
	if r.Existence == BySchema && !slices.ContainsFunc(r.SearchPath, func(s string) bool { return strings.Contains(s, schemaMark) }) {
		p.bad("search_path", errors.New(`tenants = "schema" needs "{schema}" in search_path`))
		return
	}
	if r.source != FromNothing && !path && !setting && r.Isolation == Shared {
		p.bad("search_path", errors.New("nothing here differs from tenant to tenant; put {schema} in it, or {tenant} in settings"))
	}
}
