package admin

import "slices"

// Role is how much somebody may do at the console. Each may do what the one before may.
type Role uint8

// The roles.
const (
	Nobody   Role = iota // may not log in
	Stats                // the SHOW commands that are listed for it
	Operator             // every SHOW, and what keeps tenants going: PAUSE, RESUME, RECONNECT, KILL, RELOAD
	Admin                // everything
)

// String names the role the way errors do.
func (r Role) String() string { return [...]string{"nobody", "stats", "operator", "admin"}[r] }

// Users are those who may use the console, by name. They prove themselves like any client.
type Users struct{ Admins, Operators, Stats []string }

// role is what a user may do. The owner of the process may do everything.
func (u Users) role(user string, owner bool) Role {
	switch {
	case owner || slices.Contains(u.Admins, user):
		return Admin
	case slices.Contains(u.Operators, user):
		return Operator
	case slices.Contains(u.Stats, user):
		return Stats
	}
	return Nobody
}
