package pool

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"
)

// Reachable asks the server, on the control connection, whether it answers. The
// error is a *wire.Error that says why not, or ctx's. While the pause after a
// failure lasts nothing is asked, and the failure stands.
func (p *Pool) Reachable(ctx context.Context) error {
	_, err := ask(ctx, &p.control, func(ctx context.Context, pg *pgconn.PgConn) (struct{}, error) {
		return struct{}{}, pg.Exec(ctx, "").Close()
	})
	return err
}
