package routing

import "fmt"

// Reason says why an identity has no route.
type Reason uint8

// The reasons. A client must not be able to tell the first three apart; the
// distinction is for logs and for `why`.
const (
	ReasonUnknown     Reason = iota // no rule matches, or the tenant does not exist
	ReasonNotAdmitted               // the login is not among the users of the rule or tenant
	ReasonBadName                   // a name that Postgres would cut, or that is reserved
	ReasonDisabled                  // the tenant is switched off
	ReasonUnread                    // the registry of tenants has not been read yet
)

// String gives the reason in words.
func (r Reason) String() string {
	return [...]string{"unknown tenant", "login not admitted", "unusable name", "tenant disabled", "registry not read yet"}[r]
}

// Refusal is the error of Resolve. Source tells which of the client's words
// is to be answered: an unknown tenant by user name looks like a wrong
// password, one by database name like a missing database.
type Refusal struct {
	Source Source
	Reason Reason
	Tenant string // "" when no rule matched; not for the client unless ReasonDisabled
	Why    string // what the client is told of ReasonDisabled, if anything
}

// Error is for logs, not for clients.
func (r *Refusal) Error() string {
	if r.Tenant == "" {
		return "routing: " + r.Reason.String()
	}
	return fmt.Sprintf("routing: %s: tenant %q from %s", r.Reason, r.Tenant, r.Source)
}
