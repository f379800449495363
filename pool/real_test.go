package pool

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"tenantpool/internal/pgtest"
	"tenantpool/wire"
)

// onServers runs a test on every version that is installed.
func onServers(t *testing.T, test func(*testing.T, *pgtest.Server)) {
	for _, version := range []string{"15", "18"} {
		t.Run(version, func(t *testing.T) {
			if _, err := pgtest.FindVersion(version); err != nil {
				t.Skip(err)
			}
			test(t, pgtest.Start(t, version))
		})
	}
}

// socket is a lent connection's descriptor, read by a test in plain Go.
type socket struct {
	net.Conn
	r *bufio.Reader
}

func (s *socket) Close(done func()) {
	go func() {
		s.Conn.Close()
		done()
	}()
}

// events collects what a pool tells.
type events struct {
	mu  sync.Mutex
	all []Event
}

func (e *events) add(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

func (e *events) count(k EventKind) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.all {
		if ev.Kind == k {
			n++
		}
	}
	return n
}

type realPool struct {
	*Pool
	*events
	t      *testing.T
	server *pgtest.Server
	db     string
	states *States
}

// loginRole is the shared login of a test's cluster: no superuser.
const loginRole = "pooler_login"

func newReal(t *testing.T, server *pgtest.Server, change func(*Options)) *realPool {
	t.Helper()
	db := server.FreshDatabase(t)
	server.MustExec(t, db, `DO $$ BEGIN CREATE ROLE `+loginRole+` LOGIN NOINHERIT; EXCEPTION WHEN duplicate_object THEN END $$;
		GRANT ALL ON DATABASE `+db+` TO `+loginRole)
	k := &realPool{events: &events{}, t: t, server: server, db: db, states: NewStates()}
	o := Options{Cluster: "main", Hosts: []Host{{server.Host, uint16(server.Port)}}, Database: db, User: loginRole,
		Size: 2, PreparedCount: 10, PreparedBytes: 1 << 20, Blank: []string{"app.tenant_id", "statement_timeout"},
		Adopt: func(_ *Conn, nc net.Conn) (Transport, error) { return &socket{nc, bufio.NewReader(nc)}, nil },
		Event: k.add}
	if change != nil {
		change(&o)
	}
	k.Pool = New(o)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := k.Close(ctx); err != nil {
			t.Errorf("close: %v, %+v", err, k.Stats())
		}
	})
	return k
}

func (k *realPool) exec(sql string) { k.t.Helper(); k.server.MustExec(k.t, k.db, sql) }

// client is a session on a real connection.
type client struct {
	worker
	k    *realPool
	conn *Conn
}

func (k *realPool) client(want *State) *client {
	holders++
	s := &client{k: k}
	s.worker = worker{answer: make(chan any, 1)}
	s.Waiter = Waiter{Customer: &s.worker, Holder: holders, Want: want}
	return s
}

// reserve checks out and waits for it.
func (s *client) reserve() *wire.Error {
	s.k.t.Helper()
	c, err := s.k.Checkout(&s.Waiter)
	if c == nil && err == nil {
		switch a := (<-s.answer).(type) {
		case *Conn:
			c = a
		case *wire.Error:
			err = a
		}
	}
	s.conn = c
	return err
}

// take checks out and makes the connection the session's own.
func (s *client) take() {
	s.k.t.Helper()
	if err := s.reserve(); err != nil {
		s.k.t.Fatal(err)
	}
	s.prepare()
}

// prepare does what the plan says.
func (s *client) prepare() {
	s.k.t.Helper()
	c := s.conn
	plan := c.Plan(s.Holder, s.Want, Watch)
	if plan != PlanNothing {
		if err := s.send(s.Want.Switch(plan.Scrub())); err != nil {
			s.k.t.Fatalf("switch: %v", err)
		}
		c.Confirmed(s.Holder, s.Want)
	}
}

func (s *client) send(sw *Switch) error {
	s.conn.Switching()
	return s.aside(sw)
}

// aside sends a text of the pooler's own and checks the answer.
func (s *client) aside(sw *Switch) error {
	message, reply := sw.Ask(nil)
	s.write(message)
	for {
		m, body := s.read()
		if m == wire.ServerParameterStatus {
			if err := s.conn.Report(body); err != nil {
				return err
			}
		}
		if done, err := reply.Feed(m, body); done {
			return err
		}
	}
}

func (s *client) write(b []byte) {
	s.k.t.Helper()
	if _, err := s.conn.Transport.(*socket).Write(b); err != nil {
		s.k.t.Fatal(err)
	}
}

func (s *client) read() (wire.ServerMsg, []byte) {
	s.k.t.Helper()
	r := s.conn.Transport.(*socket).r
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		s.k.t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
	if _, err := io.ReadFull(r, body); err != nil {
		s.k.t.Fatal(err)
	}
	return wire.ServerMsg(head[0]), body
}

// query runs text as the client's own and returns rows and the first error's code.
func (s *client) query(sql string, args ...any) (rows []string, code string) {
	s.k.t.Helper()
	s.conn.Ran(s.Holder, wire.MayChangeState)
	sql = fmt.Sprintf(sql, args...)
	b := append([]byte{'Q', 0, 0, 0, 0}, sql...)
	b = append(b, 0)
	binary.BigEndian.PutUint32(b[1:], uint32(len(b)-1))
	s.write(b)
	for {
		if s.k.t.Context().Err() != nil {
			s.k.t.Fatal("no answer")
		}
		switch m, body := s.read(); m {
		case wire.ServerReadyForQuery:
			return rows, code
		case wire.ServerParameterStatus:
			if err := s.conn.Report(body); err != nil {
				s.k.t.Fatal(err)
			}
		case wire.ServerErrorResponse:
			f, _ := wire.ParseErrorFields(body)
			code = string(f.Code)
		case wire.ServerDataRow:
			n := int32(binary.BigEndian.Uint32(body[2:6]))
			if n < 0 {
				rows = append(rows, "NULL")
			} else {
				rows = append(rows, string(body[6:6+n]))
			}
		}
	}
}

func (s *client) one(sql string, args ...any) string {
	s.k.t.Helper()
	rows, code := s.query(sql, args...)
	if code != "" || len(rows) != 1 {
		s.k.t.Fatalf("%s: %v, error %s", fmt.Sprintf(sql, args...), rows, code)
	}
	return rows[0]
}

// run runs texts that must succeed.
func (s *client) run(texts ...string) {
	s.k.t.Helper()
	for _, sql := range texts {
		if _, code := s.query("%s", sql); code != "" {
			s.k.t.Fatalf("%s: %s", sql, code)
		}
	}
}

func (s *client) give() { s.k.Release(s.conn) }

func TestAFreshLoginCarriesNoTenant(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, nil)
		c, err := k.login(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Transport.(*socket).Conn.Close()
		s := &client{k: k, conn: c}
		c.proof.user, s.Holder = 1, 1
		for name, want := range map[string]string{"search_path": "", "role": "none", "app.tenant_id": "",
			"application_name": "", "client_encoding": "UTF8"} {
			if got := s.one("SELECT current_setting('%s')", name); got != want {
				t.Errorf("%s is %q", name, got)
			}
		}
		if len(c.Secret) < 4 || c.PID == 0 || !c.Exchange.Quiet() {
			t.Errorf("the connection is not whole: %+v", c)
		}
		welcome, err := k.Welcome(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range welcome.Diff(c.Reported) {
			t.Errorf("clients are not greeted with %s = %q", name, value)
		}
		for name, value := range c.Reported.Diff(welcome) {
			t.Errorf("clients are greeted with %s = %q", name, value)
		}
	})
}

// leftovers leave everything that a client can leave.
var leftovers = []string{
	"SET client_encoding TO LATIN1", "SET standard_conforming_strings TO off", "SET backslash_quote TO on",
	"CREATE TEMP TABLE users AS SELECT 'temp'::text AS name", "SELECT pg_advisory_lock(77)", "LISTEN secret",
	"CREATE SEQUENCE a.s", "SELECT nextval('a.s')", "DROP SEQUENCE IF EXISTS a.none",
	"BEGIN", "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "COMMIT", "SET app.tenant_id TO 'a'", "SET app.secret TO 'a'",
	"SET default_transaction_read_only TO on", "SET default_transaction_isolation TO serializable",
	"SET search_path TO a", "SET statement_timeout TO '30s'", "SET client_min_messages TO debug5",
}

// Everything a client can leave on a connection is gone when the next tenant
// has it, the text being read under the worst settings.
func TestNothingIsLeftForTheNextTenant(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, func(o *Options) { o.Size = 1 })
		odd := `é"; SET search_path TO a; --\`
		k.exec(`CREATE SCHEMA a AUTHORIZATION ` + loginRole + `; CREATE SCHEMA ` + QuoteIdent(odd) + `;
			CREATE TABLE a.users AS SELECT 'a' AS name; CREATE TABLE ` + QuoteIdent(odd) + `.users AS SELECT 'odd' AS name;
			GRANT USAGE ON SCHEMA ` + QuoteIdent(odd) + ` TO ` + loginRole + `; GRANT SELECT ON ` + QuoteIdent(odd) + `.users TO ` + loginRole + `;
			GRANT SELECT ON a.users TO ` + loginRole)
		value := `x'; RESET ALL; --\"é` + "\U0001F600"
		b := k.client(k.states.State(mustProfile(t, k.states, ProfileSpec{Tenant: "b", Path: []string{odd},
			Settings: []Setting{{"app.tenant_id", value}}}), []Setting{{"datestyle", "German, DMY"}}))
		a := k.client(stateOf(t, k.states, "a"))
		for range 2 {
			a.take()
			if a.one("SELECT name FROM users") != "a" {
				t.Fatal("a does not see its own")
			}
			a.run(leftovers...)
			a.give()
			b.take()
			if b.conn.Carried() != b.Want {
				t.Fatal("not proven")
			}
			for sql, want := range map[string]string{
				"SELECT name FROM users":                                    "odd",
				"SELECT current_setting('app.tenant_id')":                   value,
				"SELECT current_setting('datestyle')":                       "German, DMY",
				"SELECT current_setting('client_encoding')":                 "UTF8",
				"SELECT coalesce(current_setting('app.secret', true), '')":  "",
				"SELECT current_setting('default_transaction_read_only')":   "off",
				"SELECT current_setting('statement_timeout')":               "0",
				"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'": "0",
				"SELECT count(*) FROM pg_cursors":                           "0",
				"SELECT count(*) FROM pg_listening_channels()":              "0",
				"SELECT array_length(current_schemas(false), 1)":            "1",
			} {
				if got := b.one("%s", sql); got != want {
					t.Errorf("%s is %q, want %q", sql, got, want)
				}
			}
			if _, code := b.query("SELECT lastval()"); code != "55000" {
				t.Errorf("lastval says %q", code)
			}
			b.give()
			k.exec("DROP SEQUENCE a.s")
		}
		if n := k.Stats().Logins; n != 1 {
			t.Errorf("%d logins for one connection", n)
		}
	})
}

func TestARoleIsSetLastAndGoneForTheNext(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, func(o *Options) { o.Size = 1 })
		role := `Rolle "é" ` + k.db
		k.exec(`CREATE ROLE ` + QuoteIdent(role) + `; GRANT ` + QuoteIdent(role) + ` TO ` + loginRole)
		t.Cleanup(func() { server.MustExec(t, k.db, `DROP ROLE `+QuoteIdent(role)) })
		r := k.client(k.states.State(mustProfile(t, k.states, ProfileSpec{Tenant: "r", Path: []string{"r"}, Role: role}), nil))
		a := k.client(stateOf(t, k.states, "a"))
		r.take()
		if got := r.one("SELECT current_user"); got != role {
			t.Errorf("the role is %q", got)
		}
		r.query("PREPARE p AS SELECT 1")
		r.conn.Ran(r.Holder, wire.PreparesSQL)
		r.give()
		a.take()
		if got := a.one("SELECT current_user"); got != loginRole {
			t.Errorf("the next one's role is %q", got)
		}
		if got := a.one("SELECT count(*) FROM pg_prepared_statements"); got != "0" {
			t.Errorf("%s prepared statements are left", got)
		}
		a.give()
		gone := k.client(k.states.State(mustProfile(t, k.states, ProfileSpec{Tenant: "g", Path: []string{"g"}, Role: "nobody at all"}), nil))
		gone.reserve()
		gone.conn.Plan(gone.Holder, gone.Want, Watch)
		err := gone.send(gone.Want.Switch(ScrubFull))
		var e *wire.Error
		if !errors.As(err, &e) || e.Code != "22023" {
			t.Errorf("a role that does not exist: %v", err)
		}
		gone.give()
		if k.Stats().Discarded(ReasonSwitchFailed) != 1 {
			t.Error("the connection of a failed switch was kept")
		}
	})
}

func TestTextsThatTheServerCannotHoldFailTheSwitch(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, func(o *Options) { o.Size = 1 })
		for _, v := range refusedTexts {
			s := k.client(stateOf(t, k.states, "a").With("application_name", v))
			s.reserve()
			s.conn.Plan(s.Holder, s.Want, Watch)
			if err := s.send(s.Want.Switch(ScrubFull)); err == nil {
				t.Errorf("%q was accepted", v)
			}
			s.give()
		}
	})
}

func TestQuotedTextsReachTheServerAsTheyWere(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, nil)
		s := k.client(stateOf(t, k.states, "a"))
		s.take()
		defer s.give()
		for _, encoding := range []string{"UTF8", "LATIN1"} {
			for _, scs := range []string{"on", "off"} {
				s.query("SET client_encoding TO %s", encoding)
				s.query("SET standard_conforming_strings TO %s", scs)
				for _, v := range nasty {
					want := fmt.Sprintf("%x", v)
					if got := s.one("SELECT pg_catalog.encode(pg_catalog.convert_to(%s, 'UTF8'), 'hex')", QuoteValue(v)); got != want {
						t.Errorf("%q arrives as %s", v, got)
					}
					if v == "" || encoding == "LATIN1" && !latin1(v) {
						continue
					}
					s.query("SET search_path TO %s", QuoteIdent(v))
					if got := s.one("SELECT pg_catalog.encode(pg_catalog.convert_to((SELECT pg_catalog.string_agg(x, ',') FROM pg_catalog.unnest(pg_catalog.parse_ident(pg_catalog.quote_ident(%s))) x), 'UTF8'), 'hex')", QuoteValue(v)); got != want {
						t.Errorf("%q is the name %s", v, got)
					}
				}
			}
		}
		s.query("RESET ALL")
	})
}

func latin1(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0xff })
}

// PostgreSQL 18 reports the path, and never gets ready if the client's encoding
// cannot spell it.
func TestAPathThatTheClientsEncodingCannotSpell(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, func(o *Options) { o.Size = 1 })
		k.exec(`CREATE SCHEMA "日本" AUTHORIZATION ` + loginRole)
		s := k.client(stateOf(t, k.states, "日本", Setting{"client_encoding", "LATIN1"}))
		err := s.reserve()
		if server.Binaries.Version == "18" {
			if err == nil || err.Code != "22P05" {
				t.Fatalf("a waiter got %v", err)
			}
			if err = s.reserve(); err == nil {
				t.Fatal("one who came was not refused")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		s.prepare()
		if got := s.one("SELECT length(current_schema())"); got != "2" {
			t.Errorf("the path has %s characters", got)
		}
		s.give()
	})
}

func TestWhichEncodingsSpellAPath(t *testing.T) {
	for _, c := range []struct {
		encoding, name string
		spells         bool
	}{
		{"LATIN1", "plain", true}, {"SJIS", "plain", true}, {"UTF-8", "日本", true}, {"Unicode", "日本", true}, {"SQL_ASCII", "日本", true},
		{"latin-1", "é", true}, {"ISO_8859_1", "é", true}, {"LATIN1", "日本", false}, {"LATIN2", "é", false}, {"", "é", false},
	} {
		if got := spells(c.encoding, []string{"a", c.name}); got != c.spells {
			t.Errorf("%s spells %s: %v", c.encoding, c.name, got)
		}
	}
}

func TestWhatIsPlantedForTheLoginIsNoticedAndWithoutEffect(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, nil)
		first, err := k.login(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer first.Transport.(*socket).Conn.Close()
		k.exec(`ALTER ROLE ` + loginRole + ` IN DATABASE ` + k.db + ` SET search_path = 'evil';
			ALTER ROLE ` + loginRole + ` IN DATABASE ` + k.db + ` SET app.tenant_id = 'evil'`)
		second, err := k.login(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer second.Transport.(*socket).Conn.Close()
		if k.count(EventRoleSettings) != 1 || k.Stats().RoleAlarms != 1 {
			t.Error("there was no alarm")
		}
		s := &client{k: k, conn: second}
		second.proof.user, s.Holder = 1, 1
		s.query("RESET ALL")
		if got := s.one("SELECT current_setting('search_path') || current_setting('app.tenant_id')"); got != "" {
			t.Errorf("a reset ends in %q", got)
		}
	})
}

func TestASuperuserIsWarnedOfOrRefused(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, func(o *Options) { o.User = server.User })
		for range 2 {
			c, err := k.login(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			c.Transport.(*socket).Conn.Close()
		}
		if n := k.count(EventSuperuser); n != 1 {
			t.Errorf("%d warnings", n)
		}
		k.opts().RefuseSuperuser = true
		if _, err := k.login(t.Context(), nil); err == nil {
			t.Error("not refused")
		}
	})
}

func TestNothingOfTheEnvironmentReachesTheServer(t *testing.T) {
	for name, value := range map[string]string{"PGSERVICE": "none", "PGSERVICEFILE": "/nowhere", "PGOPTIONS": "-c search_path=evil",
		"PGTZ": "Asia/Tokyo", "PGAPPNAME": "evil", "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/nowhere", "PGTARGETSESSIONATTRS": "standby",
		"PGHOST": "evil", "PGUSER": "evil", "PGPASSWORD": "evil", "PGDATABASE": "evil", "PGPORT": "1", "PGREQUIREAUTH": "none",
		"PGCHANNELBINDING": "require", "PGMINPROTOCOLVERSION": "3.2", "PGCONNECT_TIMEOUT": "x"} {
		t.Setenv(name, value)
	}
	config, err := parseBase()
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != "127.0.0.1" || config.User != "none" || config.Password != "none" || config.TLSConfig != nil || config.ValidateConnect != nil ||
		config.RequireAuth != "" || config.ChannelBinding != "prefer" || config.MinProtocolVersion != "3.0" {
		t.Errorf("%+v", config)
	}
}

func TestSchemasAreLookedFor(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, func(o *Options) { o.SchemaCheck = time.Hour })
		k.exec(`CREATE SCHEMA there AUTHORIZATION ` + loginRole + `; CREATE SCHEMA unusable; CREATE SCHEMA "od""d\ é,{}" AUTHORIZATION ` + loginRole)
		prof := mustProfile(t, k.states, ProfileSpec{Tenant: "t", Path: []string{"there"}})
		for schema, good := range map[string]bool{"there": true, "unusable": false, "gone": false, "od\"d\\ é,{}": true,
			"THERE": false, "": false, strings.Repeat("x", 64): false} {
			p := mustProfile(t, k.states, ProfileSpec{Tenant: "t" + schema, Path: []string{"there"}})
			err := k.CheckSchema(t.Context(), p, schema)
			var missing *ErrNoSchema
			if good != (err == nil) || !good && !errors.As(err, &missing) {
				t.Errorf("%q: %v", schema, err)
			}
		}
		other := mustProfile(t, k.states, ProfileSpec{Tenant: "t", Path: []string{"there"}, Role: "nobody at all"})
		if err := k.CheckSchema(t.Context(), other, "there"); err == nil {
			t.Error("a role that does not exist may use a schema")
		}
		s := k.client(k.states.State(prof, nil))
		if err := k.CheckSchema(t.Context(), prof, "there"); err != nil {
			t.Fatal(err)
		}
		s.take()
		s.give()
		k.exec("DROP SCHEMA there")
		k.round()
		if _, err := k.Checkout(&s.Waiter); err == nil || err.Code != "3F000" || err.Message != `schema "there" of tenant "t" does not exist` {
			t.Errorf("a dropped schema's tenant got %v", err)
		}
		k.exec("CREATE SCHEMA there AUTHORIZATION " + loginRole)
		k.RecheckSoon(prof)
		for k.count(EventSchemaBack) == 0 {
			if err := t.Context().Err(); err != nil {
				t.Fatal(err)
			}
			k.round()
		}
		s.take()
		s.give()
	})
}

func TestSchemasThatAreNobodys(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, nil)
		k.exec(`CREATE SCHEMA acme; CREATE SCHEMA ext`)
		for schema, good := range map[string]bool{"acme": true, "gone": false, "public": false, "information_schema": false,
			"pg_catalog": false, "pg_temp": false, "": false, "ACME": false} {
			got, err := k.SchemaIsTenant(t.Context(), schema)
			if err != nil || got != good {
				t.Errorf("%q: %v, %v", schema, got, err)
			}
		}
		k.exec(`ALTER EXTENSION plpgsql ADD SCHEMA ext`)
		if got, err := k.SchemaIsTenant(t.Context(), "ext"); err != nil || got {
			t.Errorf("an extension's: %v, %v", got, err)
		}
	})
}

func TestStartupSettingsAreJudgedByTheServer(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, nil)
		canon, changed, err := k.Canonical(t.Context(), nil, []Setting{{"DateStyle", "ISO"}, {"datestyle", "german"},
			{"client_encoding", "latin-1"}, {"application_name", "psql"}, {"extra_float_digits", "1"}, {"search_path", "evil"}, {"role", "evil"},
			{"app.x", "é"}})
		if err != nil {
			t.Fatal(err)
		}
		want := []Setting{{"datestyle", "German, DMY"}, {"client_encoding", "latin-1"}, {"application_name", "psql"}, {"app.x", "é"}}
		if fmt.Sprint(canon) != fmt.Sprint(want) && fmt.Sprint(canon) != strings.Replace(fmt.Sprint(want), "latin-1", "LATIN1", 1) {
			t.Errorf("canonical is %q", canon)
		}
		for name, value := range map[string]string{"DateStyle": "German, DMY", "client_encoding": "LATIN1", "application_name": "psql"} {
			if got, _ := changed.Get(name); got != value {
				t.Errorf("changed %s is %q", name, got)
			}
		}
		for _, bad := range []Setting{{"TimeZone", "Foo/Bar"}, {"no_such_setting", "1"}, {"work_mem", "x"}} {
			_, _, err := k.Canonical(t.Context(), nil, []Setting{bad})
			var e *wire.Error
			if !errors.As(err, &e) || e.Code == "08006" {
				t.Errorf("%v: %v", bad, err)
			}
		}
		if canon, _, err := k.Canonical(t.Context(), nil, []Setting{{"ignore_system_indexes", "off"}}); err != nil || len(canon) != 0 {
			t.Errorf("an equal value of a backend-start setting: %v, %v", canon, err)
		}
		_, _, err = k.Canonical(t.Context(), nil, []Setting{{"ignore_system_indexes", "on"}})
		if e, ok := err.(*wire.Error); !ok || e.Code != "55P02" {
			t.Errorf("another value of a backend-start setting: %v", err)
		}
		if _, changed, err := k.Canonical(t.Context(), nil, nil); err != nil || changed != nil {
			t.Errorf("no settings: %v, %v", changed, err)
		}
		if n, err := k.server.Value(t.Context(), k.db, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tenantpool control' AND datname = current_database()"); err != nil || n != "1" {
			t.Errorf("%s control connections, %v", n, err)
		}
	})
}

func TestACancelStopsWhatRuns(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, nil)
		s := k.client(stateOf(t, k.states, "a"))
		s.take()
		code := make(chan string)
		go func() {
			_, c := s.query("SELECT pg_sleep(60)")
			code <- c
		}()
		active := "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%%pg_sleep%%' AND pid = " + fmt.Sprint(s.conn.PID)
		for n := "0"; n != "1"; {
			var err error
			if n, err = server.Value(t.Context(), k.db, strings.ReplaceAll(active, "%%", "%")); err != nil {
				t.Fatal(err)
			}
		}
		if err := k.CancelServer(t.Context(), s.conn); err != nil {
			t.Error(err)
		}
		if c := <-code; c != "57014" {
			t.Errorf("the query ended with %q", c)
		}
		s.give()
	})
}

func TestWelcomeWaitsForAServerThatStarts(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, func(o *Options) { o.Hosts[0].Port = 1 })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := k.Welcome(ctx, nil)
		var e *wire.Error
		if !errors.As(err, &e) || e.Code != "08006" {
			t.Errorf("an unreachable server: %v", err)
		}
		wrong := newReal(t, server, func(o *Options) { o.Database = "none at all" })
		if _, err := wrong.Welcome(t.Context(), nil); !errors.As(err, &e) || e.Code != "3D000" {
			t.Errorf("a database that does not exist: %v", err)
		}
	})
}

func TestARestoredProfileSharesTheFateOfTheTransaction(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, func(o *Options) { o.Size = 1 })
		k.exec(`CREATE SCHEMA a AUTHORIZATION ` + loginRole)
		p := mustProfile(t, k.states, ProfileSpec{Tenant: "a", Path: []string{"a"}, Settings: []Setting{{"app.tenant_id", "a"}}})
		s := k.client(k.states.State(p, nil))
		s.take()
		carried := func() string {
			return s.one("SELECT current_setting('app.tenant_id') || ' ' || coalesce(current_schema(), 'none')")
		}
		for _, end := range []string{"COMMIT", "ROLLBACK"} {
			s.query("BEGIN")
			s.query("RESET ALL")
			if got := carried(); got != " none" {
				t.Errorf("after a reset: %q", got)
			}
			if err := s.aside(p.Restore(nil, true)); err != nil {
				t.Fatal(err)
			}
			if got := carried(); got != "a a" {
				t.Errorf("restored to %q", got)
			}
			s.query("%s", end)
			if got := carried(); got != "a a" {
				t.Errorf("after %s: %q", end, got)
			}
		}
		if err := s.aside(p.Restore(nil, true)); err == nil {
			t.Error("a restore that ended outside a transaction passed as one inside")
		}
		if err := s.aside(p.Restore(nil, false)); err != nil {
			t.Error(err)
		}
		s.query("BEGIN")
		if err := s.aside(RollbackMessage()); err != nil {
			t.Error(err)
		}
		if rows, _ := s.readBack([]string{"app.tenant_id", "no.such"}); fmt.Sprint(rows) != "[a]" {
			t.Errorf("read back %q", rows)
		}
		s.give()
	})
}

func TestOnlyWhatWasResetIsRestored(t *testing.T) {
	onServers(t, func(t *testing.T, server *pgtest.Server) {
		k := newReal(t, server, func(o *Options) { o.Size = 1 })
		role := "tenant_ä_" + k.db
		k.exec(`CREATE SCHEMA "ä b"; CREATE ROLE ` + role + `; GRANT ` + role + ` TO ` + loginRole)
		t.Cleanup(func() { server.MustExec(t, k.db, `DROP ROLE `+role) })
		p := mustProfile(t, k.states, ProfileSpec{Tenant: "a", Path: []string{"ä b"}, Role: role, Settings: []Setting{{"app.tenant_id", "a"}}})
		own := []Setting{{"work_mem", "5MB"}, {"my.own", "x"}, {"DateStyle", "SQL, DMY"}}
		s := k.client(k.states.State(p, own))
		s.take()
		for _, step := range []struct{ change, want string }{
			{"RESET ALL; RESET ROLE", `"ä b" a 5MB x SQL, DMY`},
			{"SET search_path TO pg_temp; SET work_mem = '6MB'", `pg_temp a 6MB x SQL, DMY`},
			{"RESET work_mem; RESET my.own", `pg_temp a 5MB x SQL, DMY`},
			{"RESET search_path; RESET datestyle", `"ä b" a 5MB x SQL, DMY`},
		} {
			s.query("%s", step.change)
			if err := s.aside(p.RestoreLost(own, false)); err != nil {
				t.Fatal(err)
			}
			got := s.one("SELECT concat_ws(' ', current_role, current_setting('search_path'), current_setting('app.tenant_id'), " +
				"current_setting('work_mem'), current_setting('my.own'), current_setting('DateStyle'))")
			if got != role+" "+step.want {
				t.Errorf("behind %s: %q, want %q", step.change, got, role+" "+step.want)
			}
		}
		s.give()
	})
}

// readBack sends a ReadMessage and returns the first column of its rows.
func (s *client) readBack(names []string) (rows []string, code string) {
	s.k.t.Helper()
	message := ReadMessage(names, false, false)
	return s.query("%s", message[5:len(message)-1])
}
