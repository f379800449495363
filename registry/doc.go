// Package registry keeps the tenants that are rows of a table, or of anything
// else that can be selected from, in the routing table while the pooler runs.
//
// A Catalog holds the table in force: what the configuration says, and what has
// been read. A Source reads: everything at first and at each interval, and the
// rows that a notification names as soon as it comes. Each change is a new
// routing table, which shares with the old one what has not changed.
//
// A row that cannot be used is refused with its reason, which is logged when it
// is new, and the others go on. While the registry cannot be read the last good
// table stays; until it has been read for the first time, whoever may be one of
// its tenants is told to come again.
//
// Nothing that a row says becomes SQL but by way of routing and pool, which
// judge and quote names and values whatever they come from.
package registry
