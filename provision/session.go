package provision

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// query runs one statement with bound texts and gives its rows, NULL as "".
func query(ctx context.Context, pg *Conn, sql string, args ...string) ([][]string, error) {
	bound := make([][]byte, len(args))
	for i, a := range args {
		bound[i] = []byte(a)
	}
	result := pg.ExecParams(ctx, sql, bound, nil, nil, nil)
	var rows [][]string
	for result.NextRow() {
		var row []string
		for _, v := range result.Values() {
			row = append(row, string(v))
		}
		rows = append(rows, row)
	}
	_, err := result.Close()
	return rows, err
}

// run runs statements one after the other, and names the one that fails.
func run(ctx context.Context, pg *Conn, script ...string) error {
	for _, sql := range script {
		if _, err := pg.Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", Masked(sql), reason(err))
		}
	}
	return nil
}

// reason is what the server said, without the form in which pgconn repeats it.
func reason(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	text := pg.Message
	if pg.Detail != "" {
		text += " (" + pg.Detail + ")"
	}
	if pg.Hint != "" {
		text += "; " + pg.Hint
	}
	return fmt.Errorf("%s (SQLSTATE %s)", text, pg.Code)
}

const serverQuery = `SELECT pg_catalog.current_setting('server_version_num'), CURRENT_USER, a.rolsuper, pg_catalog.current_database()
 FROM pg_catalog.pg_roles a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER`

// Ask finds out which server a connection leads to, and whether to the database
// where it should.
func Ask(ctx context.Context, pg *Conn, database string) (Server, error) {
	rows, err := query(ctx, pg, serverQuery)
	if err != nil {
		return Server{}, reason(err)
	}
	if len(rows) != 1 {
		return Server{}, errors.New("the server does not know who it is asked by")
	}
	version, err := strconv.Atoi(rows[0][0])
	if err == nil && rows[0][3] != database {
		err = fmt.Errorf("the admin connection leads to database %q, the cluster is database %q", rows[0][3], database)
	}
	return Server{Version: version, Admin: rows[0][1], Superuser: rows[0][2] == "t"}, err
}
