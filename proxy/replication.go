package proxy

import (
	"fmt"

	"tenantpool/pool"
	"tenantpool/wire"
)

// A replication connection is a stream of the server's own, with no end between
// exchanges and nothing of a tenant's about it: a pooler can only be in its way.

// judgeReplication refuses a client whose startup packet says in Postgres's
// spelling that it wants to replicate.
func judgeReplication(value string) *wire.Error {
	switch wanted, ok := pool.Truth(value); {
	case value == "database" || ok && wanted:
		return errReplication
	case !ok:
		return fatalError("22023", fmt.Sprintf("invalid value for parameter \"replication\": \"%s\"", value),
			`Valid values are: "false", 0, "true", 1, "database".`)
	}
	return nil
}
