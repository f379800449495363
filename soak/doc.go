// Package soak tries, for as long as it is told to, to make a pooler show one tenant what is
// another's.
//
// It makes tenants of its own in the cluster behind a route (Ground, Open), lets many clients loose
// on them who do everything at random that clients do and should not do (tricks), and judges all
// that they are shown: every row names the tenant it belongs to, and looks at the session find
// whatever somebody else has left there. What it found is a Report.
//
// Each client is one goroutine, owns its connection and draws from its own dice, so that its actions
// follow from the seed alone; how the clients interleave does not. Only what docs/isolation.md
// promises is judged: what a function hides from the pooler may stay visible to its own tenant, and
// names and numbers that it leaves there tell which tenant that is.
//
// Open holds a lock on the database for one soak at a time. It creates and drops only schemas and
// roles that bear its mark, a comment. Not done here: starting a pooler; whoever calls Run has one.
package soak
