package pool

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/wire"
)

// Lookup asks one cluster who its users are, on a control connection of its own:
// no schema check holds up a login.
type Lookup struct {
	pool  *Pool // it lends nothing: only its control connection is used
	query string
}

// usersQuery is what Postgres itself knows of a user. A name that it would cut
// short finds nobody.
const usersQuery = `SELECT a.rolname,
  CASE WHEN a.rolvaliduntil OPERATOR(pg_catalog.<) pg_catalog.now() THEN NULL ELSE a.rolpassword END, a.rolvaliduntil
 FROM pg_catalog.pg_authid a
 WHERE a.rolname OPERATOR(pg_catalog.=) $1::pg_catalog.text AND a.rolcanlogin`

// NewLookup makes a Lookup that logs in as o says and asks query, "" for the
// built-in one, with the user's name for $1. It connects when it is first asked.
func NewLookup(o Options, query string) *Lookup {
	o.Size, o.MinSize, o.SchemaCheck = 1, 0, 0
	if query == "" {
		query = usersQuery
	}
	return &Lookup{New(o), query}
}

// Close ends the connection.
func (l *Lookup) Close(ctx context.Context) { _ = l.pool.Close(ctx) }

// User asks for a user's secret, "" if there is none, and when it expires, zero
// if never. ok is false for a user that the query does not give. The error is a
// *wire.Error, or ctx's.
func (l *Lookup) User(ctx context.Context, user string) (secret string, until time.Time, ok bool, err error) {
	type answer struct {
		secret string
		until  time.Time
		ok     bool
	}
	a, err := ask(ctx, &l.pool.control, func(ctx context.Context, pg *pgconn.PgConn) (a answer, err error) {
		binary := []int16{1}
		result := pg.ExecParams(ctx, l.query, [][]byte{[]byte(user)}, nil, nil, binary)
		fields, rows, err := firstRows(result)
		if err != nil {
			return a, err
		}
		a.secret, a.until, a.ok, err = readUser(fields, rows, user)
		return a, err
	})
	return a.secret, a.until, a.ok, err
}

// firstRows reads a result to its end and keeps two rows at most, one more than
// there should be.
func firstRows(result *pgconn.ResultReader) (fields []pgconn.FieldDescription, rows [][][]byte, err error) {
	for result.NextRow() {
		if len(rows) == 2 {
			continue
		}
		row := slices.Clone(result.Values())
		for i, value := range row {
			row[i] = bytes.Clone(value)
		}
		rows = append(rows, row)
	}
	fields = slices.Clone(result.FieldDescriptions())
	_, err = result.Close()
	return fields, rows, err
}

// readUser takes the user out of a result that must hold it alone. Somebody else
// is nobody: the row of another user proves nothing.
func readUser(fields []pgconn.FieldDescription, rows [][][]byte, user string) (secret string, until time.Time, ok bool, err error) {
	switch {
	case len(fields) != 2 && len(fields) != 3:
		return "", until, false, badUsersQuery("gives %d columns instead of name, secret and perhaps expiry", len(fields))
	case len(fields) == 3 && fields[2].DataTypeOID != timestamptzOID:
		return "", until, false, badUsersQuery("gives a third column that is no timestamp with time zone")
	case len(rows) == 0:
		return "", until, false, nil
	case len(rows) > 1:
		return "", until, false, badUsersQuery("gives several rows for one user")
	}
	row := rows[0]
	if row[0] == nil || string(row[0]) != user {
		return "", until, false, nil
	}
	if len(row) == 3 {
		until = timestamp(row[2])
	}
	return string(row[1]), until, true, nil
}

func badUsersQuery(format string, args ...any) *wire.Error {
	return &wire.Error{Severity: wire.SeverityError, Code: "42804", Message: "the query for users " + fmt.Sprintf(format, args...)}
}

// timestamptzOID is the type timestamp with time zone.
const timestamptzOID = 1184

// timestamp reads one in its binary form, microseconds since 2000: zero for never,
// which NULL and infinity are.
func timestamp(b []byte) time.Time {
	if len(b) != 8 {
		return time.Time{}
	}
	switch us := int64(binary.BigEndian.Uint64(b)); us {
	case math.MaxInt64:
		return time.Time{}
	case math.MinInt64:
		return time.Unix(0, 0)
	default:
		return time.UnixMicro(us).Add(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Sub(time.Unix(0, 0)))
	}
}

// Check asks for nobody, to find out whether users can be asked for. forGood
// says that the failure will last until somebody changes something.
func (l *Lookup) Check(ctx context.Context) (forGood bool, err error) {
	_, _, _, err = l.User(ctx, "")
	var known *wire.Error
	if errors.As(err, &known) {
		nobody := strings.HasPrefix(known.Code, "22") // the query may dislike an empty name
		forGood = known.Code == "08001" || lasting(known.Code) && !nobody
	}
	return forGood, err
}
