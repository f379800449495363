package pool

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/wire"
)

// controlName is what the private connection is called in pg_stat_activity.
const controlName = "tenantpool control"

// askTimeout bounds one look-up on the control connection.
const askTimeout = 5 * time.Second

// control is the pool's private connection. It is never lent and does not count
// in Options.Size. Its search_path is fixed, every name in its SQL is qualified,
// and what clients have chosen reaches it as bound parameters only.
type control struct {
	p        *Pool
	turn     chan struct{} // holds one token while nobody uses what follows
	pg       *pgconn.PgConn
	from     origin            // where pg leads
	statuses map[string]string // pg's own table of what the server reports
	tried    int               // lists of settings tried on pg

	mu        sync.Mutex
	gate      gate
	welcome   *Params
	canonical *cache[canonical]
	tenants   *cache[verdict] // SchemaIsTenant
	kick      chan struct{}   // asks for a round of schema checks
}

func (x *control) init(p *Pool) {
	x.p = p
	x.turn = make(chan struct{}, 1)
	x.turn <- struct{}{}
	x.canonical = newCache[canonical](1000)
	x.tenants = newCache[verdict](10000)
	x.kick = make(chan struct{}, 1)
}

// ask runs look on the control connection. A caller that goes leaves the work to
// end by itself: the connection stays usable. What look writes is its result
// alone. The error is a *wire.Error, or ctx's.
func ask[T any](ctx context.Context, x *control, look func(context.Context, *pgconn.PgConn) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	select {
	case <-x.turn:
	case <-x.p.ctx.Done():
		var none T
		return none, errShutdown
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
	go func() {
		defer func() { x.turn <- struct{}{} }()
		value, err := attempt(x, look)
		done <- answer{value, err}
	}()
	select {
	case a := <-done:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// attempt asks once, and once more if the connection turns out to have died
// since it was used last.
func attempt[T any](x *control, look func(context.Context, *pgconn.PgConn) (T, error)) (T, error) {
	old := x.pg
	value, err := once(x, look)
	if err != nil && old != nil && old == x.pg && old.IsClosed() {
		value, err = once(x, look)
	}
	if err != nil {
		var known *wire.Error
		if !errors.As(err, &known) {
			known, _ = explain(err)
		}
		return value, known
	}
	return value, nil
}

func once[T any](x *control, look func(context.Context, *pgconn.PgConn) (T, error)) (value T, err error) {
	ctx, cancel := context.WithTimeout(x.p.ctx, x.p.loginTime()+askTimeout)
	defer cancel()
	pg, err := x.ready(ctx)
	if err != nil {
		return value, err
	}
	value, err = look(ctx, pg)
	if !pg.IsClosed() && pg.TxStatus() != wire.TxIdle {
		pg.Close(ctx)
	}
	return value, err
}

// ready returns the connection, opening it if need be, but not before the pause
// that follows a failure is over.
func (x *control) ready(ctx context.Context) (*pgconn.PgConn, error) {
	if x.pg != nil && !x.pg.IsClosed() {
		if !x.stale() {
			return x.pg, nil
		}
		x.pg.Close(ctx)
	}
	if err := x.shut(time.Now()); err != nil {
		return nil, err
	}
	pg, statuses, err := x.open(ctx)
	x.mu.Lock()
	if err != nil {
		x.gate.failed(err, time.Now())
		x.mu.Unlock()
		x.p.event(Event{Kind: EventControlFailed, Err: err})
		return nil, err
	}
	x.gate.passed()
	x.welcome = welcomeTable(statuses)
	x.mu.Unlock()
	x.pg, x.statuses, x.tried = pg, statuses, 0
	return pg, nil
}

// shut is the last failure while its pause lasts.
func (x *control) shut(now time.Time) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.gate.err != nil && now.Before(x.gate.next) {
		return x.gate.report(now)
	}
	return nil
}

// open logs in and looks into the connection for the table of what the server
// reports, which pgconn goes on to keep up to date.
func (x *control) open(ctx context.Context) (*pgconn.PgConn, map[string]string, error) {
	return x.openFor(ctx, nil)
}

// openFor is open for somebody who listens; nil: nobody does.
func (x *control) openFor(ctx context.Context, heard pgconn.NotificationHandler) (*pgconn.PgConn, map[string]string, error) {
	raw, err := x.hijacked(ctx)
	if err != nil {
		return nil, nil, err
	}
	raw.Config.OnNotification = heard
	pg, err := pgconn.Construct(raw)
	if err != nil {
		raw.Conn.Close()
	}
	return pg, raw.ParameterStatuses, err
}

// hijacked logs in, and takes the connection apart.
func (x *control) hijacked(ctx context.Context) (*pgconn.HijackedConn, error) {
	pg, from, err := x.p.open(ctx, x.p.loginOf(nil), controlParams())
	if err != nil {
		return nil, err
	}
	x.from = from
	if err := pg.SyncConn(ctx); err != nil {
		pg.Close(ctx)
		return nil, err
	}
	raw, err := pg.Hijack()
	if err != nil {
		pg.Close(ctx)
	}
	return raw, err
}

// controlParams are the startup parameters of a control connection.
func controlParams() map[string]string {
	return map[string]string{
		"application_name": controlName,
		"client_encoding":  "UTF8",
		"search_path":      "pg_catalog",
		"role":             "none",
	}
}

// stale says that the connection is to a server that is not wanted any more.
func (x *control) stale() bool {
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	return x.from.retired()
}

// welcomeTable is what a server connection without a state reports: the control
// connection differs from one in two settings.
func welcomeTable(statuses map[string]string) *Params {
	blank := maps.Clone(statuses)
	blank["application_name"] = ""
	if _, reported := blank["search_path"]; reported {
		blank["search_path"] = ""
	}
	return reported(blank)
}

// close ends the connection once nobody uses it. Nothing is asked any more.
func (x *control) close() {
	<-x.turn
	if x.pg != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		x.pg.Close(ctx)
	}
}

// Welcome is what a server reports to a login that carries none of a client's
// settings: the ParameterStatus table to greet clients of a profile with, or of
// the cluster's login for nil. It is cached; the first call connects, and waits
// through a server that is unreachable or starting until ctx ends. The error is
// a *wire.Error: why the last attempt failed.
func (p *Pool) Welcome(ctx context.Context, prof *Profile) (*Params, error) {
	if prof != nil && prof.spec.Account != nil {
		return p.welcomeOf(ctx, prof.spec.Account)
	}
	x := &p.control
	for {
		if w := x.greeting(); w != nil {
			return w, nil
		}
		_, err := ask(ctx, x, func(context.Context, *pgconn.PgConn) (struct{}, error) { return struct{}{}, nil })
		if err == nil {
			continue
		}
		pause, lasts := x.pause()
		if lasts || !wait(ctx, pause) || p.ctx.Err() != nil {
			return nil, x.lastError(err)
		}
	}
}

func (x *control) greeting() *Params {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.welcome
}

// pause is how long to wait before another attempt, and whether that is of no use.
func (x *control) pause() (d time.Duration, useless bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return time.Until(x.gate.next), x.gate.permanent
}

func (x *control) lastError(err error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e := x.gate.report(time.Now()); e != nil {
		return e
	}
	var known *wire.Error
	if !errors.As(err, &known) {
		known, _ = explain(err)
	}
	return known
}

// wait returns false if ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
