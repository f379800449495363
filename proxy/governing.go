package proxy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tenantpool/pool"
	"tenantpool/routing"
	"tenantpool/wire"
)

// What a tenant's profile decides is not its clients' to change: search_path,
// role, the profile's settings. tenant_settings says what becomes of a client
// that visibly tries.

// governsText refuses a text that would set what the tenant's profile decides.
func (s *session) governsText(sql []byte) *wire.Error {
	changes, _ := wire.SettingChanges(sql)
	for _, c := range changes {
		if e := s.governs(c); e != nil {
			return e
		}
	}
	return nil
}

// governs refuses a change of what the profile decides, unless it changes
// nothing or leads where the policy lets it.
func (s *session) governs(c wire.SettingChange) *wire.Error {
	if c.Name == "search_path" && c.Known && s.route.Mode != modeSession && s.route.Features.Refuses(routing.Temp) && leadsToTemp(c.Value) {
		return featureRefused(routing.Temp)
	}
	if s.keeps(c) || c.Name == "search_path" && s.follows(c) {
		return nil
	}
	e := governed(c.Name, s.route.Tenant).WithSeverity("ERROR")
	e.Hint = fmt.Sprintf(`It is set by tenantpool for tenant "%s"; see tenant_settings in its configuration.`, s.route.Tenant)
	return e
}

// keeps says that a change leaves everything that the profile decides as it is.
func (s *session) keeps(c wire.SettingChange) bool {
	prof := s.first.Profile()
	switch {
	case c.Name == "" || c.Reset || !prof.Owns(c.Name):
		return true
	case !c.Known:
		return false
	case c.Name == "search_path":
		return slices.Equal(c.Value, prof.Path())
	case c.Name == "role":
		return len(c.Value) == 1 && (c.Value[0] == prof.Role() || prof.Role() == "" && c.Value[0] == "none")
	}
	return len(c.Value) == 1 && slices.Contains(prof.Settings(), pool.Setting{Name: c.Name, Value: c.Value[0]})
}

// follows says that the policy lets a client have a path.
func (s *session) follows(c wire.SettingChange) bool {
	switch path := withoutEmpty(c.Value); {
	case s.route.Policy == routing.OwnSettings:
		return c.Known && onlyOwn(path, s.route.Path)
	case s.route.Policy != routing.FollowSettings:
		return false
	case c.Known:
		_, err := s.followed(path)
		return err == nil
	}
	return true // it is read back
}

// followed is the session's profile with a client's own path.
func (s *session) followed(path []string) (*pool.Profile, error) {
	spec := s.first.Profile().Spec()
	spec.Path, spec.Unchecked = path, unchecked(s.route, path)
	return s.proxy.states.Profile(spec)
}

// unchecked says that nobody looks whether the schemas of a client's own path
// are there.
func unchecked(r *routing.Route, path []string) bool {
	return len(path) > 0 && !slices.Contains(r.Path, path[0])
}

// mayFollow says that a route lets its clients have a path.
func mayFollow(r *routing.Route, path []string) bool {
	return r.Policy == routing.FollowSettings || r.Policy == routing.OwnSettings && onlyOwn(path, r.Path)
}

// learnedPath is the state with the path that was read back. A path that a
// function has led where the policy lets nobody go ends connection and session.
func (s *session) learnedPath(state *pool.State, value string) (*pool.State, error) {
	names, ok := wire.SplitIdentifiers(value)
	names = withoutEmpty(names)
	if !ok || s.route.Policy != routing.FollowSettings && !onlyOwn(names, s.route.Path) {
		return nil, fmt.Errorf("search_path was moved to where tenant %q does not go", s.route.Tenant)
	}
	prof, err := s.followed(names)
	if err != nil {
		return nil, err
	}
	return s.proxy.states.State(prof, state.Settings()), nil
}

// splitGoverned takes out of the settings of a startup packet what the profile
// decides, and refuses, ignores or follows it.
func (p *Proxy) splitGoverned(spec *pool.ProfileSpec, wanted []pool.Setting, r *routing.Route) ([]pool.Setting, error) {
	var own []pool.Setting
	path, hasPath := "", false
	for _, w := range wanted {
		switch name := strings.ToLower(w.Name); {
		case name == "search_path":
			path, hasPath = w.Value, true
		case name != "role" && name != "session_authorization" && !profileNames(r, name):
			own = append(own, w)
		case slices.Contains(r.Settings, routing.Setting{Name: name, Value: w.Value}):
		case name == "role" && (w.Value == "none" || w.Value == r.Role), r.Policy == routing.IgnoreSettings:
		default:
			return nil, governed(w.Name, r.Tenant)
		}
	}
	if !hasPath || r.Policy == routing.IgnoreSettings {
		return own, nil
	}
	names, ok := wire.SplitIdentifiers(path)
	followed := *spec
	followed.Path, followed.Unchecked = names, unchecked(r, names)
	_, err := p.states.Profile(followed)
	if !ok || err != nil || !slices.Equal(names, r.Path) && !mayFollow(r, names) {
		return nil, governed("search_path", r.Tenant)
	}
	*spec = followed
	return own, nil
}

func profileNames(r *routing.Route, name string) bool {
	return slices.ContainsFunc(r.Settings, func(s routing.Setting) bool { return strings.ToLower(s.Name) == name })
}

// withoutEmpty drops the empty name: SET search_path = ” is a path to nowhere.
func withoutEmpty(path []string) []string {
	return slices.DeleteFunc(slices.Clone(path), func(n string) bool { return n == "" })
}

// onlyOwn says that a path leads nowhere but where the profile's does.
func onlyOwn(names, path []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool {
		return n != "pg_catalog" && n != "pg_temp" && n != "information_schema" && !slices.Contains(path, n)
	})
}

// leadsToTemp says that what is made without a schema becomes temporary.
func leadsToTemp(path []string) bool { return len(path) > 0 && path[0] == "pg_temp" }

func governed(name, tenant string) *wire.Error {
	return fatalError("42501", fmt.Sprintf(`parameter "%s" cannot be changed`, name),
		fmt.Sprintf(`It is set by tenantpool for tenant "%s"; leave it out of the connection's parameters.`, tenant))
}

// ignoring is m with every change in it of what the profile decides made one to
// what the profile says, so that the statement succeeds and changes nothing.
// What cannot be put so stands, and is refused.
func (s *session) ignoring(m message) message {
	if !m.complete() {
		return m
	}
	var text, name []byte
	switch m.kind {
	case wire.ClientQuery:
		text, _ = wire.QueryText(m.body())
	case wire.ClientParse:
		var rest []byte
		name, rest, _ = wire.SplitParse(m.body())
		text = wire.ParseText(rest)
	default:
		return m
	}
	if wire.Scan(text)&wire.VisibleSet == 0 {
		return m
	}
	instead := s.ignored(text)
	if instead == nil {
		return m
	}
	to := message{kind: m.kind, own: len(m.b)}
	if m.kind == wire.ClientQuery {
		to.b = wire.AppendQuery(nil, string(instead))
	} else {
		types := m.body()[len(name)+1+len(text):]
		to.b = wire.AppendParse(nil, string(name), append(instead, types...))
	}
	to.size = len(to.b)
	return to
}

// ignored is the text with the changes replaced, nil if there are none.
func (s *session) ignored(sql []byte) []byte {
	var text []byte
	from := 0
	changes, _ := wire.SettingChanges(sql)
	if encoding, _ := s.params.Get("client_encoding"); encoding != "UTF8" && !s.first.Profile().ASCII() {
		return nil // names could be misread
	}
	for _, c := range changes {
		if c.To == 0 || s.keeps(c) || c.Call && c.Name == "session_authorization" {
			continue
		}
		text = append(append(text, sql[from:c.From]...), s.profileSays(c)...)
		from = c.To
	}
	if from == 0 || !wire.SurelyCut(sql) {
		return nil
	}
	return append(text, sql[from:]...)
}

// profileSays is what takes the place of a change: the statement that sets what
// the profile says, or for a call the value alone.
func (s *session) profileSays(c wire.SettingChange) string {
	prof := s.first.Profile()
	value, role := "", "NONE"
	for _, o := range prof.Settings() {
		if o.Name == c.Name {
			value = o.Value
		}
	}
	if prof.Role() != "" {
		role = quoteName(prof.Role())
	}
	set := "SET "
	if c.Local {
		set += "LOCAL "
	}
	switch {
	case c.Name == "search_path" && c.Call:
		return pool.QuoteValue(pool.PathText(prof.Path()))
	case c.Name == "search_path":
		return set + "search_path TO " + namePath(prof.Path())
	case pathOrRole(c.Name) && c.Call:
		return pool.QuoteValue(cmp.Or(prof.Role(), "none"))
	case pathOrRole(c.Name):
		return set + "ROLE " + role
	case c.Call:
		return pool.QuoteValue(value)
	}
	return set + c.Name + " TO " + pool.QuoteValue(value)
}

// namePath writes a search_path for SET.
func namePath(path []string) string {
	if len(path) == 0 {
		return "''"
	}
	quoted := make([]string, len(path))
	for i, name := range path {
		quoted[i] = quoteName(name)
	}
	return strings.Join(quoted, ", ")
}

// quoteName quotes a name in UTF-8 so that wire.SettingChanges reads it too.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func pathOrRole(name string) bool { return name == "role" || name == "session_authorization" }
