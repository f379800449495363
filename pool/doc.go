// Package pool keeps the server connections of one cluster and decides who may
// use which, under whose state, and what must be run on a connection before it
// changes hands. It is where the promise is kept that no statement of a client
// runs under another tenant's profile.
//
// It knows neither clients nor configuration files. A session takes part as a
// Waiter with a HolderID, a tenant as a Profile, a client's own settings as a
// State. The I/O on a lent connection belongs to whoever holds it; this package
// says what to send (Conn.Plan, State.Switch), judges the answer (SwitchReply)
// and remembers what has been proven (Conn.Switching, Conn.Confirmed, Conn.Ran).
//
// # Ownership
//
// A Conn has one owner at any time. Checkout and Customer.Granted pass it to
// the caller, who ends that with exactly one Release or Discard; a second one
// panics. Pool.Inspect takes an idle connection out in the same way. Between
// Release and the next grant a connection belongs to the pool.
//
// # Accounts
//
// A connection is lent only within the account that it has logged in as: the
// cluster's login, which most tenants share, or an Account, which is one
// tenant's. All accounts of a pool share Options.Size; when it is full, a
// connection of one makes room for a login of another (evict.go). What can go
// wrong with a login is its account's affair: back-off, refusals, alarms.
//
// # Locks
//
// Each Pool has one mutex. Nothing is read, written, dialled or called back
// under it; whatever must follow is collected and done after it is let go. It
// is never held together with another lock of this package, save the interners'
// (States, StatementTable), which are leaves.
//
// # Limits
//
// Only connections without TLS are opened. A cluster is one address. Waiters
// are served first come, first served, whatever their tenant's weight; across
// accounts, when a connection changes them.
package pool
