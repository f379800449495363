package pool

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// Setting is the name of a server setting and its value. Names compare as
// Postgres compares them: A to Z as a to z, every other byte as itself.
type Setting struct{ Name, Value string }

// ProfileSpec says what a server connection must carry for a tenant.
type ProfileSpec struct {
	// Tenant is who the data belongs to. Two profiles with one name are one
	// tenant's. A profile without a name is a tenant by itself.
	Tenant string
	// Schema is the tenant's own, "" if it has none.
	Schema string
	// Path is the search_path; an empty one finds nothing.
	Path []string
	// Role is what SET ROLE is given; "" keeps the login's own.
	Role string
	// Settings are set in this order.
	Settings []Setting
	// Unchecked says that the path is a client's own choice: nobody looks
	// whether its schemas are there.
	Unchecked bool
	// Account is by whose connections the tenant is served; nil: by those of the
	// cluster's login, which it shares.
	Account *Account
}

// Profile is a ProfileSpec that has been checked and interned: within one
// States equal profiles are one pointer. It never changes.
type Profile struct {
	in     *States
	key    string
	spec   ProfileSpec
	tenant *tenant
	places slots[profilePlace]
}

// tenant is one tenant's name as a pointer, and its places in the pools.
type tenant struct {
	name    string
	places  slots[tenantPlace]
	altered atomic.Uint64 // how often what its clients' texts mean may have changed
}

// Altered notes that the same text may mean something else to the tenant from
// here on: a table of its was changed, or such a change was undone.
func (p *Profile) Altered() { p.tenant.altered.Add(1) }

// Tenant is the name of the tenant whose profile this is.
func (p *Profile) Tenant() string { return p.spec.Tenant }

// Spec is what the profile was made of. Its slices are not to be changed.
func (p *Profile) Spec() ProfileSpec { return p.spec }

// Path is the search_path. The slice is not to be changed.
func (p *Profile) Path() []string { return p.spec.Path }

// Role is the role that is set, "" for none.
func (p *Profile) Role() string { return p.spec.Role }

// Settings are the profile's settings. The slice is not to be changed.
func (p *Profile) Settings() []Setting { return p.spec.Settings }

// Unchecked says that nobody looks whether the schemas of the path are there.
func (p *Profile) Unchecked() bool { return p.spec.Unchecked }

// ASCII says that the names of its schemas and its role are the same in every
// encoding.
func (p *Profile) ASCII() bool {
	return spells("", p.spec.Path) && spells("", []string{p.spec.Role})
}

// user is the role that uses the tenant's schemas, "" for the cluster's login.
func (p *Profile) user() string {
	if p.spec.Role == "" && p.spec.Account != nil {
		return p.spec.Account.login.User
	}
	return p.spec.Role
}

// PathOnly says that the profile is a search_path and nothing else: without it
// a connection finds nothing, whereas without its role or settings it could
// find too much.
func (p *Profile) PathOnly() bool { return p.spec.Role == "" && len(p.spec.Settings) == 0 }

// Owns says that a setting is the profile's to decide: no client's setting of
// that name ever becomes part of a State.
func (p *Profile) Owns(name string) bool {
	name = settingName(name)
	return pathOrRole(name) || slices.ContainsFunc(p.spec.Settings, func(s Setting) bool { return s.Name == name })
}

func pathOrRole(name string) bool {
	return name == "search_path" || name == "role" || name == "session_authorization"
}

// Profile checks and interns a profile. The error says which part Postgres
// could misread: such a profile cannot be switched to safely.
func (in *States) Profile(spec ProfileSpec) (*Profile, error) {
	spec = spec.clone()
	if err := spec.check(); err != nil {
		return nil, fmt.Errorf("profile of tenant %q: %w", spec.Tenant, err)
	}
	owner := &tenant{name: spec.Tenant}
	if spec.Tenant != "" {
		owner = in.tenants.get([]byte(spec.Tenant), func(string) *tenant { return owner })
	}
	return in.profiles.get(spec.key(), func(key string) *Profile {
		return &Profile{in: in, key: key, spec: spec, tenant: owner}
	}), nil
}

// clone is a copy with the names of settings in their one spelling.
func (spec *ProfileSpec) clone() ProfileSpec {
	out := *spec
	out.Path, out.Settings = slices.Clone(spec.Path), slices.Clone(spec.Settings)
	for i := range out.Settings {
		out.Settings[i].Name = settingName(out.Settings[i].Name)
	}
	return out
}

// key is the same for two specs only if they say the same.
func (spec *ProfileSpec) key() []byte {
	key := appendField(appendField(nil, spec.Tenant), spec.Schema)
	key = appendField(key, spec.Role)
	if spec.Unchecked {
		key = append(key, '!') // no length begins so
	}
	key = appendAccount(key, spec.Account)
	key = append(key, byte(len(spec.Path)>>8), byte(len(spec.Path)))
	for _, schema := range spec.Path {
		key = appendField(key, schema)
	}
	return appendSettings(key, spec.Settings)
}

func appendSettings(key []byte, settings []Setting) []byte {
	for _, s := range settings {
		key = appendField(appendField(key, s.Name), s.Value)
	}
	return key
}

func (spec *ProfileSpec) check() error {
	if len(spec.Path) > maxPath {
		return fmt.Errorf("more than %d schemas in the path", maxPath)
	}
	for _, schema := range spec.Path {
		if err := checkName(schema); err != nil {
			return fmt.Errorf("schema %q: %w", schema, err)
		}
		if schema == "$user" {
			return errors.New(`"$user" in the path would follow the role`)
		}
	}
	if spec.Schema != "" {
		if err := checkName(spec.Schema); err != nil {
			return fmt.Errorf("schema %q: %w", spec.Schema, err)
		}
	}
	if err := checkRole(spec.Role); err != nil {
		return fmt.Errorf("role %q: %w", spec.Role, err)
	}
	return checkSettings(spec.Settings)
}

// maxPath bounds the schemas of a path, so that its length fits its key.
const maxPath = 1000

// checkRole refuses what is not a role's name. Postgres reads a quoted "none"
// as no role at all.
func checkRole(role string) error {
	switch {
	case role == "":
		return nil
	case role == "none":
		return errors.New("means no role")
	}
	return checkName(role)
}

func checkSettings(settings []Setting) error {
	for i, s := range settings {
		if err := checkName(s.Name); err != nil {
			return fmt.Errorf("setting %q: %w", s.Name, err)
		}
		if err := checkText(s.Value); err != nil {
			return fmt.Errorf("value of setting %q: %w", s.Name, err)
		}
		if pathOrRole(s.Name) {
			return fmt.Errorf("setting %q has a place of its own in a profile", s.Name)
		}
		if slices.ContainsFunc(settings[:i], func(o Setting) bool { return o.Name == s.Name }) {
			return fmt.Errorf("setting %q twice", s.Name)
		}
	}
	return nil
}

// checkName refuses a name that Postgres would not take as it is: longer ones
// are cut, and two names would then be one (NAMEDATALEN is 64).
func checkName(name string) error {
	if n := len(name); n == 0 || n > 63 {
		return fmt.Errorf("is %d bytes long, not 1 to 63", n)
	}
	return checkText(name)
}

func checkText(s string) error {
	switch {
	case !utf8.ValidString(s):
		return errors.New("is not UTF-8")
	case strings.IndexByte(s, 0) >= 0:
		return errors.New("holds a zero byte")
	}
	return nil
}

// settingName is the one spelling of a setting's name: in lower case, and the
// present name where Postgres still knows an old one (map_old_guc_names in
// utils/misc/guc.c). Otherwise a profile's setting could be set behind its back.
func settingName(name string) string {
	switch name = lower(name); name {
	case "sort_mem":
		return "work_mem"
	case "vacuum_mem":
		return "maintenance_work_mem"
	}
	return name
}

// lower folds A to Z and nothing else, as Postgres does with names of settings
// (guc_name_compare in utils/misc/guc.c).
func lower(name string) string {
	for i := range len(name) {
		if upper(name[i]) {
			b := []byte(name)
			for i := range b {
				if upper(b[i]) {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return name
}

func upper(b byte) bool { return 'A' <= b && b <= 'Z' }
