package provision

import (
	"cmp"

	"tenantpool/routing"
)

// Tenant is who is provided for: its route, and the login of its cluster.
type Tenant struct {
	*routing.Route
	ClusterLogin string
}

// Actor is the role that the tenant's statements run as.
func (t Tenant) Actor() string {
	return cmp.Or(t.Role, t.Route.Login, t.ClusterLogin)
}

// OwnRole reports whether the actor is the tenant's alone, to be made and dropped
// with it.
func (t Tenant) OwnRole() bool { return t.Isolation != routing.Shared }
