package pool

import (
	"encoding/binary"

	"tenantpool/wire"
)

// LeftColumns is how many kinds of things a session can leave on its connection
// that the server can be asked about: ears (LISTEN), advisory locks, temporary
// objects, cursors WITH HOLD, statements of SQL PREPARE, in this order.
const LeftColumns = 5

// It runs under the session's own settings: the first command keeps a default
// isolation level from having it wait, and no name in it is looked up by the path.
var lookForLeft = wire.AppendQuery(nil, `SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT `+
	`EXISTS (SELECT FROM pg_catalog.pg_listening_channels()), `+
	`EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()), `+
	`EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()), `+
	`EXISTS (SELECT FROM pg_catalog.pg_cursors c WHERE c.is_holdable), `+
	`EXISTS (SELECT FROM pg_catalog.pg_prepared_statements p WHERE p.from_sql)`)

// LeftMessage is the Query that asks what is left. Its one row is for Left.
func LeftMessage() []byte { return lookForLeft }

// Left reads the DataRow of the answer, given its body: bit n says that there is
// something of kind n.
func Left(row []byte) (kinds uint, ok bool) {
	if len(row) != 2+5*LeftColumns || binary.BigEndian.Uint16(row) != LeftColumns {
		return 0, false
	}
	for n := range LeftColumns {
		column := row[2+5*n:]
		if binary.BigEndian.Uint32(column) != 1 {
			return 0, false
		}
		if column[4] == 't' {
			kinds |= 1 << n
		}
	}
	return kinds, true
}
