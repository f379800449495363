package pgtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// DSN is a connection string over TCP, for any libpq-like client.
func (s *Server) DSN(user, database string) string {
	return fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable", s.Host, s.Port, quoted(user), quoted(database))
}

func quoted(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

// Connect logs in to the database as the superuser, over the socket. The caller closes it.
func (s *Server) Connect(ctx context.Context, database string) (*pgconn.PgConn, error) {
	return pgconn.Connect(ctx, fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable connect_timeout=10",
		quoted(s.SocketDir), s.Port, quoted(s.User), quoted(database)))
}

// Exec runs sql, any number of statements, in the database as the superuser.
func (s *Server) Exec(ctx context.Context, database, sql string) error {
	_, err := s.Query(ctx, database, sql)
	return err
}

// Query runs sql like Exec and returns the rows of its last statement as text. NULL is "".
func (s *Server) Query(ctx context.Context, database, sql string) ([][]string, error) {
	conn, err := s.Connect(ctx, database)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil || len(results) == 0 {
		return nil, err
	}
	last := results[len(results)-1]
	rows := make([][]string, len(last.Rows))
	for i, row := range last.Rows {
		for _, field := range row {
			rows[i] = append(rows[i], string(field))
		}
	}
	return rows, last.Err
}

// Value runs sql like Query and returns the first column of the only row.
func (s *Server) Value(ctx context.Context, database, sql string) (string, error) {
	rows, err := s.Query(ctx, database, sql)
	if err != nil {
		return "", err
	}
	if len(rows) != 1 || len(rows[0]) == 0 {
		return "", fmt.Errorf("%d rows instead of one value: %s", len(rows), sql)
	}
	return rows[0][0], nil
}
