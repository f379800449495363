package pool

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// canonical is an answer of Canonical's.
type canonical struct {
	own     []Setting // those that change something
	all     []Setting // those that can be set
	changed *Params
}

// Canonical has the server judge a client's startup settings as it would judge
// them at login: canon are those that differ from what a connection without a
// state has, with the values as the server spells them, and changed is what it
// would then report of these and of all that is asked for. For a profile with
// an account, whose connections may have other settings of their own, canon are
// all that can be set. Path, role and session_authorization are left out: they
// are not a client's to set.
// The error is the server's own refusal, a *wire.Error, or ctx's. Answers are
// kept per distinct list.
func (p *Pool) Canonical(ctx context.Context, prof *Profile, own []Setting) (canon []Setting, changed *Params, err error) {
	var asked []Setting
	for _, s := range own {
		if name := settingName(s.Name); !pathOrRole(name) {
			asked = put(asked, name, s.Value)
		}
	}
	x := &p.control
	key := string(appendSettings(nil, asked))
	answer, ok := x.known(key)
	if !ok {
		answer, err = ask(ctx, x, func(ctx context.Context, pg *pgconn.PgConn) (canonical, error) {
			if answer, ok := x.known(key); ok {
				return answer, nil
			}
			answer, err := x.try(ctx, pg, asked)
			if err == nil {
				x.mu.Lock()
				x.canonical.put(key, answer)
				x.mu.Unlock()
			}
			return answer, err
		})
	}
	if prof != nil && prof.spec.Account != nil {
		return answer.all, answer.changed, err
	}
	return answer.own, answer.changed, err
}

func (x *control) known(key string) (canonical, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.canonical.get(key)
}

// trial is one setting on its way through the server.
type trial struct {
	name, value string
	blank       string // what it is without the client
	unset       bool   // it is nothing without the client
	about       string // its context and its type, as pg_settings has them; "" if it has none
}

// changes says that the setting is to be tried. One that can be set only when a
// backend starts must have the value that it has; one that no client can set at
// all, or only some can, is for the server to refuse.
func (t *trial) changes() bool {
	switch context, kind, _ := strings.Cut(t.about, " "); context {
	case "internal", "postmaster", "sighup", "superuser":
		return true
	case "backend", "superuser-backend":
		return !t.isBlank(kind)
	}
	return t.unset || t.value != t.blank
}

// fixed says that a session of an ordinary login cannot set it.
func (t *trial) fixed() bool {
	context, _, _ := strings.Cut(t.about, " ")
	return context != "" && context != "user"
}

// isBlank says that the value means what the blank one does. Version 18 reads
// the old words for no in log_connections, which is not a truth value there.
func (t *trial) isBlank(kind string) bool {
	if t.value == t.blank {
		return true
	}
	value, ok := Truth(t.value)
	if kind == "bool" {
		blank, _ := Truth(t.blank)
		return ok && value == blank
	}
	return t.name == "log_connections" && t.blank == "" && ok && !value
}

// Truth reads a truth value as the server does: the beginnings of its words will
// do, as far as they are clear (parse_bool in utils/adt/bool.c).
func Truth(word string) (value, ok bool) {
	w := lower(word)
	is := func(whole string, least int) bool { return len(w) >= least && strings.HasPrefix(whole, w) }
	switch {
	case is("true", 1), is("yes", 1), is("on", 2), w == "1":
		return true, true
	case is("false", 1), is("no", 1), is("off", 2), w == "0":
		return false, true
	}
	return false, false
}

// try sets the settings in a transaction that is rolled back. The connection is
// first made, for that transaction, what a connection without a state is. What
// equals its blank value as it stands is not set at all: so a setting that only
// a backend's start could change is accepted if it need not be changed.
// client_encoding comes last, for it changes how all others are read.
func (x *control) try(ctx context.Context, pg *pgconn.PgConn, asked []Setting) (canonical, error) {
	defer x.untry(ctx, pg)
	trials, err := begin(ctx, pg, asked)
	if isUnreadable(err) {
		pg.Exec(ctx, "ROLLBACK").Close()
		trials, err = beginBlindly(ctx, pg, asked)
	}
	if err != nil {
		return canonical{}, err
	}
	before := maps.Clone(x.statuses)
	var order []*trial
	var encoding []*trial
	for i := range trials {
		switch t := &trials[i]; {
		case !t.changes():
		case t.name == "client_encoding":
			encoding = append(encoding, t)
		default:
			order = append(order, t)
		}
	}
	if err := set(ctx, pg, append(order, encoding...)); err != nil {
		return canonical{}, err
	}
	var answer canonical
	for name, value := range x.statuses {
		if before[name] != value || asksFor(asked, name) {
			answer.changed = answer.changed.Set(name, value)
		}
	}
	for _, t := range trials {
		if t.changes() {
			answer.own = append(answer.own, Setting{t.name, t.value})
		}
		if t.changes() || !t.fixed() {
			answer.all = append(answer.all, Setting{t.name, t.value})
		}
	}
	return answer, nil
}

func asksFor(asked []Setting, name string) bool {
	name = lower(name)
	return slices.ContainsFunc(asked, func(s Setting) bool { return s.Name == name })
}

// maxTried is how many lists one connection tries: the server remembers every
// name that a client has made up.
const maxTried = 1000

func (x *control) untry(ctx context.Context, pg *pgconn.PgConn) {
	pg.Exec(ctx, "ROLLBACK").Close()
	if x.tried++; x.tried == maxTried {
		pg.Close(ctx)
	}
}

const aboutSetting = `SELECT s.context OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) s.vartype
 FROM pg_catalog.pg_settings s WHERE pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) pg_catalog.lower($1)`

// beginning opens the transaction.
func beginning() []query {
	return []query{{sql: "BEGIN"}, setLocal("application_name", ""), setLocal("search_path", "")}
}

// isUnreadable says that one of the settings is not for this login to read.
func isUnreadable(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "42501"
}

// beginBlindly is begin where not all may be read: all of them are tried, and the
// server has its say.
func beginBlindly(ctx context.Context, pg *pgconn.PgConn, asked []Setting) ([]trial, error) {
	trials := make([]trial, len(asked))
	for i, s := range asked {
		trials[i] = trial{name: s.Name, value: s.Value, unset: true}
	}
	_, err := run(ctx, pg, beginning())
	return trials, err
}

// begin opens the transaction and reads what the settings are without a client.
func begin(ctx context.Context, pg *pgconn.PgConn, asked []Setting) ([]trial, error) {
	queries := beginning()
	skip := len(queries)
	for _, s := range asked {
		name := [][]byte{[]byte(s.Name)}
		queries = append(queries, query{"SELECT pg_catalog.current_setting($1, true)", name}, query{aboutSetting, name})
	}
	values, err := run(ctx, pg, queries)
	if err != nil {
		return nil, err
	}
	trials := make([]trial, len(asked))
	for i, s := range asked {
		value, about := values[skip+2*i], values[skip+2*i+1]
		trials[i] = trial{s.Name, s.Value, string(value), value == nil, string(about)}
	}
	return trials, nil
}

// set sets the settings and takes over how the server spells them.
func set(ctx context.Context, pg *pgconn.PgConn, trials []*trial) error {
	queries := make([]query, len(trials))
	for i, t := range trials {
		queries[i] = setLocal(t.name, t.value)
	}
	values, err := run(ctx, pg, queries)
	if err != nil {
		return err
	}
	for i, t := range trials {
		t.value = string(values[i])
	}
	return nil
}

// query is a text and its bound parameters.
type query struct {
	sql    string
	values [][]byte
}

func setLocal(name, value string) query {
	return query{"SELECT pg_catalog.set_config($1, $2, true)", [][]byte{[]byte(name), []byte(value)}}
}

// run sends queries in one pipeline and returns the first column of each one's
// first row: nil for NULL and for no row.
func run(ctx context.Context, pg *pgconn.PgConn, queries []query) ([][]byte, error) {
	if len(queries) == 0 {
		return nil, nil
	}
	pipeline := pg.StartPipeline(ctx)
	for _, q := range queries {
		pipeline.SendQueryParams(q.sql, q.values, nil, nil, nil)
	}
	err := pipeline.Sync()
	var values [][]byte
	for err == nil && len(values) < len(queries) {
		var value []byte
		value, err = nextValue(pipeline)
		values = append(values, value)
	}
	return values, errors.Join(err, pipeline.Close())
}

func nextValue(pipeline *pgconn.Pipeline) ([]byte, error) {
	results, err := pipeline.GetResults()
	if err != nil {
		return nil, err
	}
	reader, ok := results.(*pgconn.ResultReader)
	if !ok {
		return nil, errors.New("the server left a query of a pipeline unanswered")
	}
	result := reader.Read()
	if result.Err != nil || len(result.Rows) == 0 {
		return nil, result.Err
	}
	return result.Rows[0][0], nil
}
