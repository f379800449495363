package pool

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/wire"
)

// Feed reads a table of tenants on a control connection of its own, and hears of
// changes. It is used by one goroutine at a time.
type Feed struct {
	pool  *Pool // it lends nothing: only its way to log in is used
	pg    *pgconn.PgConn
	heard []string // payloads that have come
}

// NewFeed makes a Feed that logs in as o says. It connects when Connect is called.
func NewFeed(o Options) *Feed {
	o.Size, o.MinSize, o.SchemaCheck = 1, 0, 0
	return &Feed{pool: newPool(o, nil)}
}

// Connect logs in, and listens on the channel if there is one. The error is a
// *wire.Error, or ctx's.
func (f *Feed) Connect(ctx context.Context, channel string) error {
	f.Close(ctx)
	pg, _, err := f.pool.control.openFor(ctx, func(_ *pgconn.PgConn, n *pgconn.Notification) {
		f.heard = append(f.heard, n.Payload)
	})
	if err != nil {
		return known(err)
	}
	f.pg = pg
	if channel == "" {
		return nil
	}
	return known(pg.Exec(ctx, "LISTEN "+quoteName(channel)).Close())
}

// quoteName quotes a name that is read as UTF-8.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Read runs a query, which may hold parameters, and gives each row's first
// field, which is valid until the next. The query is one statement: the server
// itself sees to that.
func (f *Feed) Read(ctx context.Context, query string, params [][]byte, row func([]byte)) error {
	if f.pg == nil || f.pg.IsClosed() {
		return &wire.Error{Severity: wire.SeverityError, Code: unreachable, Message: "the connection is closed"}
	}
	result := f.pg.ExecParams(ctx, query, params, nil, nil, nil)
	for result.NextRow() {
		if v := result.Values(); len(v) > 0 {
			row(v[0])
		}
	}
	_, err := result.Close()
	return known(err)
}

// Await waits for notifications until ctx ends, and gives the payloads of all
// that have come. An error says that the connection is lost.
func (f *Feed) Await(ctx context.Context) ([]string, error) {
	var err error
	if len(f.heard) == 0 {
		err = f.pg.WaitForNotification(ctx)
	}
	heard := f.heard
	f.heard = nil
	if err != nil && pgconn.Timeout(err) || ctx.Err() != nil {
		return heard, nil
	}
	return heard, known(err)
}

// Close ends the connection.
func (f *Feed) Close(ctx context.Context) {
	if f.pg != nil {
		f.pg.Close(ctx)
		f.pg = nil
	}
}

// known is an error in the words for clients and logs: no address, no secret.
func known(err error) error {
	var e *wire.Error
	switch {
	case err == nil, errors.As(err, &e):
		return err
	case errors.Is(err, context.Canceled):
		return err
	}
	e, _ = explain(err)
	return fmt.Errorf("%w", e)
}
