// Package auth knows how users prove who they are: the forms in which secrets are
// kept and how a password is held against them, the rules that choose a method
// for a client (pg_hba.conf), the maps between names (pg_ident.conf), and a
// directory of users that makes somebody unknown look like somebody who mistyped.
//
// It reads and writes no connection; the conversations with clients are package
// proxy's, and who may reach which tenant is package routing's. A Directory may
// be used by many goroutines; everything else is frozen once it is made.
//
// Limitations: groups and roles (+name, samerole) are not known here and refused
// by the parser, host names too; regular expressions are Go's, not Postgres's.
package auth
