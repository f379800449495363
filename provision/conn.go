package provision

import (
	"context"
	"errors"
	"maps"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/pool"
)

// Conn is a connection to a server, past the pooler, or to the pooler's console.
type Conn = pgconn.PgConn

// ParseLogin reads a connection string, with what libpq's environment adds to it,
// as psql would. The error names no secret.
func ParseLogin(url string) (*pgconn.Config, error) {
	c, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil, errors.New("not a connection string such as postgres://user:password@host:5432/database")
	}
	return c, nil
}

// Dial logs in as an administrator of the server. The caller closes the connection.
func Dial(ctx context.Context, c *pgconn.Config) (*Conn, error) {
	c = c.Copy()
	c.RuntimeParams = maps.Clone(c.RuntimeParams)
	maps.Copy(c.RuntimeParams, pool.AdminParams())
	return pgconn.ConnectConfig(ctx, c)
}

// ErrNoConsole says that no pooler could be asked.
var ErrNoConsole = errors.New("no pooler could be asked who is connected")

// Connected asks a pooler's console how many clients of a tenant there are. The
// error is ErrNoConsole, with its reason, if that cannot be found out.
func Connected(ctx context.Context, console *pgconn.Config, tenant string) (int, error) {
	pg, err := pgconn.ConnectConfig(ctx, console)
	if err != nil {
		return 0, errors.Join(ErrNoConsole, err)
	}
	defer pg.Close(context.WithoutCancel(ctx))
	results, err := pg.Exec(ctx, "SHOW TENANTS").ReadAll()
	if err != nil || len(results) == 0 {
		return 0, errors.Join(ErrNoConsole, err)
	}
	name, clients := -1, -1
	for i, f := range results[0].FieldDescriptions {
		switch f.Name {
		case "tenant", "name":
			name = i
		case "clients":
			clients = i
		}
	}
	if name < 0 || clients < 0 {
		return 0, errors.Join(ErrNoConsole, errors.New("SHOW TENANTS has no columns tenant and clients"))
	}
	n := 0
	for _, row := range results[0].Rows {
		if string(row[name]) == tenant {
			more, _ := strconv.Atoi(string(row[clients]))
			n += more
		}
	}
	return n, nil
}

// ConsoleLogin is how to log in to the console of a pooler at host and port.
func ConsoleLogin(host, port, user, password string) (*pgconn.Config, error) {
	c, err := pgconn.ParseConfig("sslmode=prefer")
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	c.Host, c.Port, c.User, c.Password, c.Database = host, uint16(number), user, password, "tenantpool"
	c.Fallbacks, c.TLSConfig = nil, nil
	return c, err
}
