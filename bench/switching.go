package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// switching is the name of the scenario that measures what it costs to lend one
// server connection to two sessions in turn. It has a table of its own.
const switching = "switch"

// A lending is two sessions that use one server connection in turn.
type lending struct {
	about string
	who   [2]string // databases, of which the pooler makes tenants; the same twice with one is one session
	one   bool
	sql   string // what each runs
	more  string // of the second session's connection string
	than  int    // the lending that its cost is compared with
}

const (
	plainText  = "SELECT 1"
	hiddenText = "SELECT shared.hidden()" // a function may have left anything
	settingSQL = "SET DateStyle TO ISO"   // anybody sees what it changes
)

var lendings = []lending{
	{about: "the same session", who: [2]string{"acme", "acme"}, one: true, sql: plainText},
	{about: "another session, watch", who: [2]string{"acme", "acme"}, sql: plainText},
	{about: "another session, trust", who: [2]string{"trust_acme", "trust_acme"}, sql: plainText},
	{about: "another session, switch", who: [2]string{"always_acme", "always_acme"}, sql: plainText},
	{about: "another session, other settings", who: [2]string{"acme", "acme"}, sql: plainText, more: "datestyle=German"},
	{about: "another tenant: path", who: [2]string{"acme", "globex"}, sql: plainText},
	{about: "another tenant: path and look for the schema", who: [2]string{"checked_acme", "checked_globex"}, sql: plainText},
	{about: "another tenant: path, role", who: [2]string{"role_acme", "role_globex"}, sql: plainText},
	{about: "another tenant: path, setting", who: [2]string{"set_acme", "set_globex"}, sql: plainText},
	{about: "another tenant: path, setting, role", who: [2]string{"both_acme", "both_globex"}, sql: plainText},
	{about: "the same session, a function", who: [2]string{"acme", "acme"}, one: true, sql: hiddenText},
	{about: "another session, a function", who: [2]string{"acme", "acme"}, sql: hiddenText, than: 10},
	{about: "another tenant, a function", who: [2]string{"acme", "globex"}, sql: hiddenText, than: 10},
	{about: "the same session, SET", who: [2]string{"acme", "acme"}, one: true, sql: settingSQL},
	{about: "another session, SET", who: [2]string{"acme", "acme"}, sql: settingSQL, than: 13},
	{about: "another tenant, SET", who: [2]string{"acme", "globex"}, sql: settingSQL, than: 13},
}

// turnsOfRound is how many transactions a round of one lending has, and
// tripsOver over how many of them round trips are counted.
const (
	turnsOfRound = 1000
	tripsOver    = 100
)

// A cost is what one transaction took, at the median.
type cost struct {
	trips  float64
	wall   time.Duration
	server time.Duration // CPU of its process
}

// pair is the two sessions of a lending.
type pair [2]*pgconn.PgConn

func (l lending) open(ctx context.Context, port int) (p pair, err error) {
	for i, database := range l.who {
		if i == 1 && l.one {
			p[1] = p[0]
			break
		}
		more := l.more
		if i == 0 {
			more = ""
		}
		p[i], err = pgconn.Connect(ctx, fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=%s sslmode=disable %s", port, role, database, more))
		if err != nil {
			return p, errors.Join(err, p.close(ctx))
		}
	}
	return p, nil
}

func (p pair) close(ctx context.Context) error {
	var err error
	for i, c := range p {
		if c != nil && (i == 0 || c != p[0]) {
			err = errors.Join(err, c.Close(ctx))
		}
	}
	return err
}

// run lets the two take turns and appends what each turn took.
func (p pair) run(ctx context.Context, sql string, turns int, walls []time.Duration) ([]time.Duration, error) {
	for i := range turns {
		begin := time.Now()
		if err := p[i%2].Exec(ctx, sql).Close(); err != nil {
			return walls, err
		}
		walls = append(walls, time.Since(begin))
	}
	return walls, nil
}

// measureLendings measures all of them in rounds on one pooler, and counts the
// round trips on another behind a tap.
func measureLendings(ctx context.Context, rounds int, pooler, tapped *Running, t *tap) ([]cost, error) {
	walls := make([][]time.Duration, len(lendings))
	servers := make([][]time.Duration, len(lendings))
	for range rounds {
		for i, l := range lendings {
			var spent time.Duration
			var err error
			if walls[i], spent, err = l.round(ctx, pooler.Port, walls[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", l.about, err)
			}
			servers[i] = append(servers[i], spent/turnsOfRound)
		}
	}
	costs := make([]cost, len(lendings))
	for i, l := range lendings {
		trips, err := l.count(ctx, tapped.Port, t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.about, err)
		}
		costs[i] = cost{trips, medianOf(walls[i]), medianOf(servers[i])}
	}
	return costs, nil
}

// round takes one round's turns, behind some that are not counted, and the CPU
// time that the server process has spent on them.
func (l lending) round(ctx context.Context, port int, walls []time.Duration) (_ []time.Duration, spent time.Duration, err error) {
	p, err := l.open(ctx, port)
	if err != nil {
		return walls, 0, err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	if _, err := p.run(ctx, l.sql, turnsOfRound/10, nil); err != nil {
		return walls, 0, err
	}
	pid, before, err := serverCPU(ctx, p[0])
	if err != nil {
		return walls, 0, err
	}
	if walls, err = p.run(ctx, l.sql, turnsOfRound, walls); err != nil {
		return walls, 0, err
	}
	same, after, err := serverCPU(ctx, p[0])
	if err == nil && same != pid {
		err = fmt.Errorf("the server connection was replaced: process %s, then %s", pid, same)
	}
	return walls, after - before, err
}

// count is the round trips of one transaction.
func (l lending) count(ctx context.Context, port int, t *tap) (float64, error) {
	p, err := l.open(ctx, port)
	if err != nil {
		return 0, err
	}
	if _, err := p.run(ctx, l.sql, 2, nil); err != nil {
		return 0, errors.Join(err, p.close(ctx))
	}
	before := t.trips.Load()
	_, err = p.run(ctx, l.sql, tripsOver, nil)
	trips := t.trips.Load() - before
	return float64(trips) / tripsOver, errors.Join(err, p.close(ctx))
}

// serverCPU is the process that serves the session and its CPU time so far.
func serverCPU(ctx context.Context, c *pgconn.PgConn) (pid string, spent time.Duration, err error) {
	results, err := c.Exec(ctx, "SELECT pg_backend_pid()").ReadAll()
	if err != nil {
		return "", 0, err
	}
	pid = string(results[0].Rows[0][0])
	text, err := os.ReadFile("/proc/" + pid + "/schedstat")
	if err != nil {
		return "", 0, err
	}
	spent, err = parseSchedstat(text)
	return pid, spent, err
}

func medianOf(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

// lendingTable is one server version's costs.
func lendingTable(costs []cost) string {
	rows := [][]string{{"the next one on the connection is", "compared with", "round trips", "wall µs", "more", "server CPU µs", "more"}}
	for i, l := range lendings {
		c, than := costs[i], costs[l.than]
		row := []string{l.about, "", fmt.Sprintf("%.4g", c.trips), wholeMicros(c.wall), "", wholeMicros(c.server), ""}
		if !l.one {
			row[1], row[4], row[6] = lendings[l.than].about, wholeMicros(c.wall-than.wall), wholeMicros(c.server-than.server)
		}
		rows = append(rows, row)
	}
	return table(rows)
}

func wholeMicros(d time.Duration) string { return fmt.Sprintf("%.0f", inMicros(d)) }

const switchingLegend = `
Two sessions use one server connection (pool_size = 1) in turn, one short text each by the simple protocol. Round trips are
those between the pooler and the server for one transaction, its own included, counted on the socket. Wall: from the client, the median
of all transactions; server CPU: the server process's own (/proc/PID/schedstat), the median of the rounds. "more" is beside the row compared
with. "a function" calls one that could have left anything (statements, too: all are dropped between tenants); "SET" changes a setting
that the session keeps.
`
