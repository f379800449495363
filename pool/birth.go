package pool

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// birthParams are the startup parameters to which every reset returns: no path,
// no role, and nothing in the settings by which tenants are told apart; over
// these the profile of the account's tenant.
func (p *Pool) birthParams(a *Account) map[string]string {
	params := map[string]string{
		"application_name": "",
		"client_encoding":  "UTF8",
		"search_path":      "",
		"role":             "none",
	}
	for _, name := range p.blankNames() {
		params[name] = ""
	}
	if !a.bearable() {
		return params
	}
	params["search_path"] = barePath(a.base.Path)
	if a.base.Role != "" {
		params["role"] = a.base.Role
	}
	for _, s := range a.base.Settings {
		params[s.Name] = s.Value
	}
	return params
}

// blankNames are the settings that start empty: Options.Blank without Postgres's
// own, of which few may be empty.
func (p *Pool) blankNames() []string {
	var names []string
	for _, name := range p.opts().Blank {
		if name = lower(name); custom(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// custom says that a setting is an extension's or an application's.
func custom(name string) bool { return strings.Contains(name, ".") }

// admit checks a fresh login and makes a Conn of what it says.
func (p *Pool) admit(ctx context.Context, pg *pgconn.PgConn, from origin, a *Account, params map[string]string) (*Conn, error) {
	row, err := firstRow(pg.Exec(ctx, checkQuery(checked(params))))
	if err != nil {
		return nil, fmt.Errorf("check of a login: %w", err)
	}
	if err := p.judge(pg, row, a, params); err != nil {
		return nil, err
	}
	address := pg.Conn().RemoteAddr()
	c := &Conn{
		ID:         connections.Add(1),
		PID:        pg.PID(),
		Secret:     slices.Clone(pg.SecretKey()),
		Statements: newStatements(p.opts().PreparedCount, p.opts().PreparedBytes),
		Created:    time.Now(),
		pool:       p,
		origin:     from,
		network:    address.Network(),
		address:    address.String(),
		local:      pg.Conn().LocalAddr().String(),
	}
	c.anchor = &anchor{c}
	c.Exchange.Idle()
	return c, a.bear(c, pg.ParameterStatus("search_path"))
}

// bear notes what a connection is born with, as admit has seen, and the path
// that it reports.
func (a *Account) bear(c *Conn, path string) error {
	if !a.bearable() {
		return nil
	}
	state, err := a.state()
	if err != nil {
		return err
	}
	c.carried, c.owner, c.plain = state, state.profile.tenant, true
	c.walled = a.base.Role != ""
	c.path = path
	return nil
}

// checked are the startup parameters that a login is checked for, in order:
// what sets tenants apart.
func checked(params map[string]string) []string {
	names := slices.Sorted(maps.Keys(params))
	return slices.DeleteFunc(names, func(name string) bool { return name == "application_name" || name == "client_encoding" })
}

// checkQuery reads back what the login must be like. It may run with any path
// and names the schema of everything.
func checkQuery(names []string) string {
	q := "SELECT pg_catalog.pg_backend_pid(), (" + plantedQuery + "), session_user, (" + superuserQuery + ")"
	for _, name := range names {
		q += ", " + readBack(name)
	}
	return q
}

// readBack is what shows that a startup parameter is in force: the value, or,
// for Postgres's own, which it may spell in another way, where the value is from.
func readBack(name string) string {
	if custom(name) || pathOrRole(name) {
		return "pg_catalog.current_setting(" + QuoteValue(name) + ", true)"
	}
	return "(SELECT s.source FROM pg_catalog.pg_settings s WHERE pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) " + QuoteValue(name) + ")"
}

// fromStartup is a value's source when the startup packet has set it.
const fromStartup = "client"

// superuserQuery asks about the login itself, whatever role it starts with.
const superuserQuery = `SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) session_user`

// plantedQuery gathers what ALTER ROLE and ALTER DATABASE have stored for this
// login: any client of a shared login may do so.
const plantedQuery = `SELECT pg_catalog.string_agg(ROW(s.setdatabase, s.setrole, s.setconfig)::pg_catalog.text, ' ' ORDER BY s.setdatabase, s.setrole)
 FROM pg_catalog.pg_db_role_setting s
 LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.setdatabase
 LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) s.setrole
 WHERE (s.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
 AND (s.setrole OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR r.rolname OPERATOR(pg_catalog.=) session_user)`

// checks is how many columns of checkQuery come before those of the parameters.
const checks = 4

// judge compares what a fresh login says with what it should.
func (p *Pool) judge(pg *pgconn.PgConn, row [][]byte, a *Account, params map[string]string) error {
	user, names := p.loginOf(a).User, checked(params)
	switch {
	case len(row) != checks+len(names):
		return &loginRefused{"the server gave no answer to the check of a login"}
	case string(row[0]) != strconv.FormatUint(uint64(pg.PID()), 10):
		return &loginRefused{"another pooler is between tenantpool and the server: connect to the server itself"}
	case string(row[2]) != user:
		return &loginRefused{"the server takes the login for another one"}
	}
	for i, name := range names {
		if err := judgeParam(name, params[name], string(row[checks+i])); err != nil {
			return err
		}
	}
	if string(row[3]) == "t" {
		switch {
		case user != p.opts().User:
			return &loginRefused{"the tenant's login is a superuser: nothing holds it"}
		case p.opts().RefuseSuperuser:
			return &loginRefused{"the cluster's login is a superuser: no role can hold it"}
		}
		p.warnSuperuser()
	}
	p.comparePlanted(a, string(row[1]), pg.PID())
	return nil
}

func judgeParam(name, want, got string) error {
	switch {
	case name == "role" && want == "none" && got != want:
		return &loginRefused{"the server does not start connections without a role"}
	case custom(name) || pathOrRole(name):
		if got != want {
			return &loginRefused{fmt.Sprintf("the server does not start connections with the %s that was asked for", name)}
		}
	case got != fromStartup:
		return &loginRefused{fmt.Sprintf("the server does not take %s from the startup packet", name)}
	}
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

// comparePlanted raises the alarm when settings stored for a login are not
// those of its first login.
func (p *Pool) comparePlanted(a *Account, now string, pid uint32) {
	user := p.loginOf(a).User
	p.mu.Lock()
	first, known := p.planted[user]
	if !known {
		p.planted[user] = now
	}
	changed := known && first != now
	if changed {
		p.counts.RoleAlarms++
	}
	p.mu.Unlock()
	if changed {
		p.event(Event{Kind: EventRoleSettings, PID: pid, Tenant: a.tenant(),
			Text: "settings stored for the login have changed since its first login (ALTER ROLE, ALTER DATABASE)"})
	}
}
