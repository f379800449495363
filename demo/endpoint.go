package demo

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// endpoint is an address at which every tenant is reached, and the way to name a tenant there.
type endpoint struct {
	name     string
	host     string
	port     int
	password string
	byLogin  bool // the user names the tenant, not the database
}

// identity is the user and the database that a tenant's client connects with.
func (e endpoint) identity(tenant string) (user, db string) {
	if e.byLogin {
		return tenant, database
	}
	return login, tenant
}

// arguments are the options by which psql and pgbench connect as the tenant; the database comes last.
func (e endpoint) arguments(tenant string) (options []string, db string) {
	user, db := e.identity(tenant)
	return []string{"-h", e.host, "-p", strconv.Itoa(e.port), "-U", user}, db
}

// environment is this process' own, with nothing in it that steers libpq but the password.
func (e endpoint) environment() []string {
	env := []string{"PGPASSWORD=" + e.password, "PGSSLMODE=disable"}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") {
			env = append(env, v)
		}
	}
	return env
}

func (e endpoint) connect(ctx context.Context, tenant string) (*pgconn.PgConn, error) {
	user, db := e.identity(tenant)
	return pgconn.Connect(ctx, fmt.Sprintf("host=%s port=%d user=%s dbname=%s password='%s' sslmode=disable connect_timeout=15",
		e.host, e.port, user, db, e.password))
}

// query runs one text as the tenant and returns the first row of its last result, if it has any.
func (e endpoint) query(ctx context.Context, tenant, sql string) ([]string, error) {
	conn, err := e.connect(ctx, tenant)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil || len(results) == 0 || len(results[len(results)-1].Rows) == 0 {
		return nil, err
	}
	var row []string
	for _, field := range results[len(results)-1].Rows[0] {
		row = append(row, string(field))
	}
	return row, nil
}
