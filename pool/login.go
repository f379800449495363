package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// loginRefused says why a login that the server accepted is not used.
type loginRefused struct{ why string }

func (e *loginRefused) Error() string { return e.why }

// login opens a connection, checks that it is what it is taken for, and hands
// its socket to Adopt. It carries no tenant.
func (p *Pool) login(ctx context.Context) (*Conn, error) {
	pg, err := p.open(ctx, p.blankParams())
	if err != nil {
		return nil, err
	}
	c, err := p.admit(ctx, pg)
	if err != nil {
		pg.Close(ctx)
		return nil, err
	}
	return p.adopt(ctx, c, pg)
}

// open logs in with these startup parameters and no others.
func (p *Pool) open(ctx context.Context, params map[string]string) (*pgconn.PgConn, error) {
	config, err := baseConfig()
	if err != nil {
		return nil, err
	}
	config.Host, config.Port = p.o.Host, p.o.Port
	config.Database, config.User, config.Password = p.o.Database, p.o.User, p.o.Password
	config.RuntimeParams = params
	config.ConnectTimeout = p.o.ConnectTimeout
	config.DialFunc = (&net.Dialer{Timeout: p.o.ConnectTimeout, KeepAlive: 15 * time.Second}).DialContext
	config.MaxProtocolMessageBodyLen = 16 << 20
	if err := p.secure(config); err != nil {
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

// blankParams are the startup parameters to which every reset returns: no path,
// no role, and nothing in the settings by which tenants are told apart.
func (p *Pool) blankParams() map[string]string {
	params := map[string]string{
		"application_name": "",
		"client_encoding":  "UTF8",
		"search_path":      "",
		"role":             "none",
	}
	for _, name := range p.blankNames() {
		params[name] = ""
	}
	return params
}

// blankNames are the settings that start empty: Options.Blank without Postgres's
// own, of which few may be empty.
func (p *Pool) blankNames() []string {
	var names []string
	for _, name := range p.o.Blank {
		if name = lower(name); strings.Contains(name, ".") && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// admit checks a fresh login and makes a Conn of what it says.
func (p *Pool) admit(ctx context.Context, pg *pgconn.PgConn) (*Conn, error) {
	row, err := firstRow(pg.Exec(ctx, p.checkQuery()))
	if err != nil {
		return nil, fmt.Errorf("check of a login: %w", err)
	}
	if err := p.judge(pg, row); err != nil {
		return nil, err
	}
	address := pg.Conn().RemoteAddr()
	c := &Conn{
		PID:        pg.PID(),
		Secret:     slices.Clone(pg.SecretKey()),
		Statements: newStatements(p.o.PreparedCount, p.o.PreparedBytes),
		Created:    time.Now(),
		pool:       p,
		network:    address.Network(),
		address:    address.String(),
	}
	c.anchor = &anchor{c}
	c.Exchange.Idle()
	return c, nil
}

// checkQuery reads back what the login must be like. It runs with an empty
// path, and names the schema of everything all the same.
func (p *Pool) checkQuery() string {
	q := "SELECT pg_catalog.pg_backend_pid(), (" + plantedQuery + "), pg_catalog.current_setting('role')," +
		" pg_catalog.current_setting('search_path')"
	for _, name := range p.blankNames() {
		q += ", pg_catalog.current_setting(" + QuoteValue(name) + ", true)"
	}
	return q
}

// plantedQuery gathers what ALTER ROLE and ALTER DATABASE have stored for this
// login: any client of a shared login may do so.
const plantedQuery = `SELECT pg_catalog.string_agg(ROW(s.setdatabase, s.setrole, s.setconfig)::pg_catalog.text, ' ' ORDER BY s.setdatabase, s.setrole)
 FROM pg_catalog.pg_db_role_setting s
 LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.setdatabase
 LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) s.setrole
 WHERE (s.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
 AND (s.setrole OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR r.rolname OPERATOR(pg_catalog.=) session_user)`

// judge compares what a fresh login says with what it should.
func (p *Pool) judge(pg *pgconn.PgConn, row [][]byte) error {
	if len(row) < 4 {
		return &loginRefused{"the server gave no answer to the check of a login"}
	}
	if pid := string(row[0]); pid != strconv.FormatUint(uint64(pg.PID()), 10) {
		return &loginRefused{"another pooler is between tenantpool and the server: connect to the server itself"}
	}
	if string(row[2]) != "none" {
		return &loginRefused{"the server does not start connections without a role"}
	}
	for _, value := range row[3:] {
		if len(value) > 0 {
			return &loginRefused{"the server does not start connections with an empty search_path and empty tenant settings"}
		}
	}
	if pg.ParameterStatus("is_superuser") == "on" {
		if p.o.RefuseSuperuser {
			return &loginRefused{"the cluster's login is a superuser: no role can hold it"}
		}
		p.warnSuperuser()
	}
	p.comparePlanted(string(row[1]), pg.PID())
	return nil
}

func (p *Pool) warnSuperuser() {
	p.mu.Lock()
	first := !p.warned
	p.warned = true
	p.mu.Unlock()
	if first {
		p.event(Event{Kind: EventSuperuser, Text: "the cluster's login is a superuser"})
	}
}

// comparePlanted raises the alarm when settings stored for the login are not
// those of the first login.
func (p *Pool) comparePlanted(now string, pid uint32) {
	p.mu.Lock()
	if p.planted == nil {
		p.planted = &now
	}
	changed := *p.planted != now
	if changed {
		p.counts.RoleAlarms++
	}
	p.mu.Unlock()
	if changed {
		p.event(Event{Kind: EventRoleSettings, PID: pid,
			Text: "settings stored for the cluster's login have changed since the first login (ALTER ROLE, ALTER DATABASE)"})
	}
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
	if err := raw.Conn.SetDeadline(time.Time{}); err != nil {
		raw.Conn.Close()
		return nil, err
	}
	c.Reported = reported(raw.ParameterStatuses)
	c.tls = raw.TLSConfig
	c.Transport, err = p.o.Adopt(c, raw.Conn)
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
