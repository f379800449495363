package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// loginRefused says why a login that the server accepted is not used.
type loginRefused struct{ why string }

func (e *loginRefused) Error() string { return e.why }

// login opens a connection, checks that it is what it is taken for, and hands
// its socket to Adopt. It carries its account's tenant, or, of the cluster's
// login, none.
func (p *Pool) login(ctx context.Context, a *Account) (*Conn, error) {
	params := p.birthParams(a)
	pg, from, err := p.open(ctx, p.loginOf(a), params)
	if err != nil {
		return nil, err
	}
	c, err := p.admit(ctx, pg, from, a, params)
	if err != nil {
		pg.Close(ctx)
		return nil, err
	}
	return p.adopt(ctx, c, pg)
}

func (p *Pool) loginOf(a *Account) Login {
	if a == nil {
		return Login{p.opts().User, p.opts().Password}
	}
	return a.login
}

// open logs in with these startup parameters and no others, at the first of the
// hosts that will do. Of the errors, that of a server that answered and is not the
// one that is wanted says most, else the first does.
func (p *Pool) open(ctx context.Context, l Login, params map[string]string) (*pgconn.PgConn, origin, error) {
	addresses, telling := p.resolve(ctx)
	lost := make(map[*address]bool)
	var answered *wrongServer
	for _, t := range p.tries(addresses, time.Now()) {
		if lost[t.at] {
			continue
		}
		pg, err := p.openAt(ctx, t, l, params)
		if err == nil {
			if t.want == AnyServer && Standby.judge(pg, params) == nil {
				t.want = Standby
			}
			return pg, p.worked(t), nil
		}
		p.failed(t.at, err)
		lost[t.at] = !errors.As(err, new(*wrongServer))
		if telling == nil || !lost[t.at] && answered == nil {
			telling = err
		}
		_ = errors.As(err, &answered)
		if e, permanent := explain(err); permanent && e.Code != "08001" || ctx.Err() != nil {
			return nil, origin{}, err
		}
	}
	return nil, origin{}, telling
}

// openAt logs in at one address, and sees to it that it is a server that will do.
func (p *Pool) openAt(ctx context.Context, t try, l Login, params map[string]string) (*pgconn.PgConn, error) {
	pg, err := p.logIn(ctx, t.at, l, params)
	if err != nil {
		return nil, err
	}
	if err := t.want.judge(pg, params); err != nil {
		pg.Close(ctx)
		return nil, fmt.Errorf("%s: %w", t.at, err)
	}
	return pg, nil
}

// logIn is openAt with any server.
func (p *Pool) logIn(ctx context.Context, a *address, l Login, params map[string]string) (*pgconn.PgConn, error) {
	config, err := baseConfig()
	if err != nil {
		return nil, err
	}
	config.Host, config.Port = cmp.Or(a.ip, a.host.Name), a.host.Port
	config.Database, config.User, config.Password = p.opts().Database, l.User, l.Password
	config.RuntimeParams = params
	config.ConnectTimeout = p.opts().ConnectTimeout
	config.DialFunc = (&net.Dialer{Timeout: p.opts().ConnectTimeout, KeepAlive: 15 * time.Second}).DialContext
	config.MaxProtocolMessageBodyLen = 16 << 20
	if err := p.secure(config, a.host.Name); err != nil {
		return nil, err
	}
	config.BuildFrontend = limitedFrontend
	return pgconn.ConnectConfig(ctx, config)
}

// baseConfig is a configuration into which nothing of the process's environment
// or home directory has found its way. Everything in it that names a server or
// a login is replaced by the caller.
var baseConfig = func() func() (*pgconn.Config, error) {
	once := sync.OnceValues(parseBase)
	return func() (*pgconn.Config, error) {
		config, err := once()
		if err != nil {
			return nil, err
		}
		return config.Copy(), nil
	}
}()

// parseBase gives every setting a value, so that no variable of the environment
// counts. Only PGSERVICE cannot be overruled: it is taken out for the moment.
func parseBase() (*pgconn.Config, error) {
	if service, set := os.LookupEnv("PGSERVICE"); set {
		os.Unsetenv("PGSERVICE")
		defer os.Setenv("PGSERVICE", service)
	}
	return pgconn.ParseConfig("host=127.0.0.1 port=5432 dbname=none user=none password=none passfile=/dev/null" +
		" sslmode=disable sslcert='' sslkey='' sslrootcert='' sslpassword='' sslcertmode=disable sslnegotiation=postgres" +
		" connect_timeout=5 target_session_attrs=any channel_binding=prefer require_auth=''" +
		" min_protocol_version=3.0 max_protocol_version=3.0")
}

// adopt takes the socket out of pgconn and hands it on.
func (p *Pool) adopt(ctx context.Context, c *Conn, pg *pgconn.PgConn) (*Conn, error) {
	if err := pg.SyncConn(ctx); err != nil {
		pg.Close(ctx)
		return nil, err
	}
	raw, err := pg.Hijack()
	if err != nil {
		pg.Close(ctx)
		return nil, err
	}
	if raw.TxStatus != 'I' || raw.Frontend.ReadBufferLen() > 0 {
		raw.Conn.Close()
		return nil, errors.New("the server said more than it was asked after a login")
	}
	if len(raw.ParameterStatuses) > maxParams {
		raw.Conn.Close()
		return nil, errParameterFlood
	}
	if err := raw.Conn.SetDeadline(time.Time{}); err != nil {
		raw.Conn.Close()
		return nil, err
	}
	c.Reported = reported(raw.ParameterStatuses)
	c.tls = raw.TLSConfig
	c.Transport, err = p.opts().Adopt(c, raw.Conn)
	return c, err
}

// reported makes a table of what pgconn has collected, in the order of names.
func reported(statuses map[string]string) *Params {
	names := make([]string, 0, len(statuses))
	for name := range statuses {
		names = append(names, name)
	}
	slices.Sort(names)
	all := make([]Setting, len(names))
	for i, name := range names {
		all[i] = Setting{name, statuses[name]}
	}
	return &Params{all}
}

// firstRow runs a query to its end and returns the first row of its first result.
func firstRow(results *pgconn.MultiResultReader) ([][]byte, error) {
	all, err := results.ReadAll()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 || len(all[0].Rows) == 0 {
		return nil, errors.New("the server sent no row")
	}
	return all[0].Rows[0], nil
}
