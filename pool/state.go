package pool

import (
	"slices"
	"sync/atomic"
)

// States interns profiles and states, so that equal ones are one pointer. There
// is one per process. What nobody holds any longer is collected.
type States struct {
	tenants  interner[tenant]
	accounts interner[Account]
	profiles interner[Profile]
	states   interner[State]
}

// NewStates returns an empty interner.
func NewStates() *States { return &States{} }

// State is what a server connection carries for one client: a tenant's profile
// and the client's own settings. It is immutable and interned.
type State struct {
	profile  *Profile
	own      []Setting
	switches [scrubs]atomic.Pointer[Switch]
	checked  [scrubs]atomic.Pointer[Switch] // those that look for the schema
	places   slots[statePlace]
}

// State interns the state of a client with settings of its own, in the order in
// which they are to be set; of several with one name the last counts. Settings
// that the profile owns are left out.
func (in *States) State(p *Profile, own []Setting) *State {
	if p.in != in {
		panic("BUG: pool.States.State with a profile of another States")
	}
	kept := make([]Setting, 0, len(own))
	for _, s := range own {
		if !p.Owns(s.Name) {
			kept = put(kept, settingName(s.Name), s.Value)
		}
	}
	return in.state(p, kept)
}

// state interns without looking at own, which it keeps.
func (in *States) state(p *Profile, own []Setting) *State {
	key := appendSettings(appendField(nil, p.key), own)
	return in.states.get(key, func(string) *State {
		return &State{profile: p, own: own}
	})
}

// put sets name in place, or adds it at the end.
func put(own []Setting, name, value string) []Setting {
	for i := range own {
		if own[i].Name == name {
			own[i].Value = value
			return own
		}
	}
	return append(own, Setting{name, value})
}

// Profile is the tenant's part of the state.
func (s *State) Profile() *Profile { return s.profile }

// Settings are the client's own settings, names in lower case. The slice is not
// to be changed.
func (s *State) Settings() []Setting { return s.own }

// With is the state with one more of the client's own settings, or with another
// value of one it has. It is s itself if the profile owns the name.
func (s *State) With(name, value string) *State {
	if s.profile.Owns(name) {
		return s
	}
	return s.profile.in.state(s.profile, put(slices.Clone(s.own), settingName(name), value))
}

// Without is the state less one of the client's own settings.
func (s *State) Without(name string) *State {
	name = settingName(name)
	own := slices.DeleteFunc(slices.Clone(s.own), func(o Setting) bool { return o.Name == name })
	return s.profile.in.state(s.profile, own)
}
