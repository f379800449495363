package pool

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"
)

// Administer logs in as o says, with its TLS, for work that is no client's. The
// connection is the caller's to close; its search_path is pg_catalog.
func Administer(ctx context.Context, o Options) (*pgconn.PgConn, error) {
	o.Size, o.MinSize, o.SchemaCheck = 1, 0, 0
	p := New(o) // it lends nothing
	defer func() { _ = p.Close(context.WithoutCancel(ctx)) }()
	pg, _, err := p.open(ctx, p.loginOf(nil), AdminParams())
	return pg, err
}

// AdminParams are the startup parameters of such a connection.
func AdminParams() map[string]string {
	return map[string]string{
		"application_name":            "tenantpool admin",
		"client_encoding":             "UTF8",
		"standard_conforming_strings": "on",
		"search_path":                 "pg_catalog",
	}
}
