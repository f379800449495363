// Package routing answers one question: which tenant does a client belong to,
// and how is that tenant reached? It turns an identity (user, database, TLS
// server name) into a frozen Route.
//
// A Table is built once from rules and tenant entries, never changes, and may
// be used by any number of goroutines; a reload builds a new one and swaps the
// pointer. Resolve assumes that authentication has already proven the user.
//
// The order is fixed: exact names of the tenant entries, then the rules in
// their order. The first match decides and nothing falls through to a later
// one: a client that the deciding rule does not admit is refused.
//
// Not done here: sockets, passwords, and asking a database whether a schema
// exists. A Route whose Existence is BySchema names the schema that its user
// has to look for.
package routing
