package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/internal/pgtest"
)

// A Contender is one way to reach the server.
type Contender interface {
	// Name is one of contenderNames.
	Name() string
	// Version is what the program calls itself.
	Version() string
	// Protocol is the protocol it is driven with where a scenario asks for
	// wanted. If it is another, the contender cannot do what was asked.
	Protocol(wanted string) string
	// Start starts it afresh. The caller stops what it returns.
	Start(ctx context.Context, s Scenario) (*Running, error)
}

// Running is a contender that accepts clients.
type Running struct {
	Port      int
	Database  string
	Options   string // for PGOPTIONS
	Contender string // its name
	User      string // of the first query; "" is role
	Probe     string // what shows that a tenant is served; "" looks for its table of pgbench
	TLS       bool   // clients must speak TLS
	pooler    *child // nil for none

	// tenant says as whom a tenant of several connects, and to what.
	tenant  func(name string) identity
	stopped func() error
}

// sslmode is how clients connect, in libpq's word.
func (r *Running) sslmode() string {
	if r.TLS {
		return "require"
	}
	return "disable"
}

// PID is the pooler's process id, 0 for none.
func (r *Running) PID() int {
	if r.pooler == nil {
		return 0
	}
	return r.pooler.PID()
}

// Stop ends the pooler.
func (r *Running) Stop() error {
	if r.pooler == nil {
		return nil
	}
	if err := r.pooler.end(10 * time.Second); err != nil || r.stopped == nil {
		return err
	}
	return r.stopped()
}

// chooseContenders prepares those that the options name, in their order.
func chooseContenders(ctx context.Context, lab *Lab) ([]Contender, error) {
	var chosen []Contender
	for _, name := range lab.options.Contenders {
		c, err := newContender(ctx, lab, name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, c)
	}
	return chosen, nil
}

func newContender(ctx context.Context, lab *Lab, name string) (Contender, error) {
	switch name {
	case "tenantpool":
		return newTenantPool(ctx, lab)
	case "pgbouncer":
		return newPgBouncer(ctx, lab)
	case "haproxy":
		return newHAProxy(ctx, lab)
	case "pgpool":
		return newPgpool(ctx, lab)
	case "direct":
		return direct{lab.server}, nil
	}
	return nil, fmt.Errorf("no contender %q", name)
}

// pathOption gives clients that reach the server as it is the tenant's path.
const pathOption = "-c search_path=" + tenant

// byLogin is how those tell tenants apart who know nothing of schemas.
func byLogin(name string) identity { return identity{name, database} }

// direct is no pooler: every client has its own server connection.
type direct struct{ server *pgtest.Server }

func (direct) Name() string                  { return "direct" }
func (d direct) Version() string             { return "no pooler, a server connection for each client" }
func (direct) Protocol(wanted string) string { return wanted }

func (d direct) Start(_ context.Context, s Scenario) (*Running, error) {
	if s.TLS {
		return nil, errors.New("the server speaks no TLS here: leave direct out of the contenders (CONTENDERS=tenantpool,pgbouncer)")
	}
	return &Running{Contender: "direct", Port: d.server.Port, Database: database, Options: pathOption, tenant: byLogin}, nil
}

// readyWithin bounds how long a pooler may take to answer its first query.
const readyWithin = 15 * time.Second

// waitReady returns once the pooler answers a query, or with the reason why it
// never will.
func waitReady(ctx context.Context, r *Running) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		err := askOnce(ctx, r)
		if err == nil {
			return nil
		}
		select {
		case <-r.pooler.Done():
			return r.pooler.ended()
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", r.pooler.name, err, tail(r.pooler.log, 8))
		case <-poll.C:
		}
	}
}

// askOnce checks that the tenant's table is in reach.
func askOnce(ctx context.Context, r *Running) error {
	who := identity{or(r.User, role), r.Database}
	if r.Database == "" {
		who = r.tenant(tenantName(0))
	}
	conn, err := pgconn.Connect(ctx, reach(r.Port, who, r.TLS, r.Options))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return conn.Exec(ctx, or(r.Probe, "SELECT FROM pgbench_branches LIMIT 1")).Close()
}

// reach is the connection string of a client.
func reach(port int, who identity, tls bool, options string) string {
	sslmode := "disable"
	if tls {
		sslmode = "require"
	}
	text := fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=%s sslmode=%s password=%s connect_timeout=60", port, who.User, who.Database, sslmode, password)
	if options != "" { // PgBouncer refuses even empty ones
		text += " options='" + options + "'"
	}
	return text
}

// launch starts a pooler with a configuration of its own and waits until it
// answers. The path of its file takes the place of the command's empty word.
func (l *Lab) launch(ctx context.Context, r *Running, name, file, config string, command *exec.Cmd) (*Running, error) {
	path, err := l.write(file, config)
	if err != nil {
		return nil, err
	}
	command.Args[slices.Index(command.Args, "")] = path
	command.Env = environment(command.Env...)
	if r.pooler, err = startChild(name, command, l.account, l.path(name+".log")); err != nil {
		return nil, err
	}
	return started(ctx, r)
}

// started waits until a pooler that has been started is ready, and ends it if
// it never is.
func started(ctx context.Context, r *Running) (*Running, error) {
	if err := waitReady(ctx, r); err != nil {
		r.pooler.Stop(os.Interrupt, time.Second)
		return nil, err
	}
	return r, nil
}
