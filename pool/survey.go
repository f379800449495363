package pool

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"
)

// Survey logs in to a cluster as o says, asks one question of it and gives the
// rows, NULL as "". The arguments are bound as text. The error is a *wire.Error,
// or ctx's.
func Survey(ctx context.Context, o Options, query string, args ...string) ([][]string, error) {
	o.Size, o.MinSize, o.SchemaCheck = 1, 0, 0
	p := New(o) // it lends nothing: only its control connection is used
	defer func() { _ = p.Close(context.WithoutCancel(ctx)) }()
	bound := make([][]byte, len(args))
	for i, a := range args {
		bound[i] = []byte(a)
	}
	return ask(ctx, &p.control, func(ctx context.Context, pg *pgconn.PgConn) (rows [][]string, err error) {
		result := pg.ExecParams(ctx, query, bound, nil, nil, nil)
		for result.NextRow() {
			var row []string
			for _, value := range result.Values() {
				row = append(row, string(value))
			}
			rows = append(rows, row)
		}
		_, err = result.Close()
		return rows, err
	})
}
