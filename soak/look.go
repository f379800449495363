package soak

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tenantpool/wire"
)

// setting is one that the clients change. values are what a client draws from; %d is its number.
type setting struct {
	name   string
	values []string
}

// tracked are the settings that are compared at every look, in the order of lookSQL. A server shows
// all these values as they were set.
var tracked = []setting{
	{"soak.own", []string{"client %d, first", "client %d, second", ""}},
	{"statement_timeout", []string{"60%04d1ms", "61%04d1ms"}},
	{"work_mem", []string{"5%04d1kB", "6%04d1kB"}},
	{"TimeZone", []string{"Asia/Tokyo", "America/Lima", "Africa/Lagos"}},
	{"application_name", []string{"soak client %d", "another soak client %d"}},
	{"DateStyle", []string{"ISO, YMD", "German, DMY"}},
	{"client_encoding", []string{"LATIN1", "UTF8"}},
	{"standard_conforming_strings", []string{"off", "on"}},
	{"default_transaction_read_only", nil}, // never set in plain sight but by one trick
	{"soak.hidden", nil},                   // set by functions only
}

// The further columns of a look, behind the tenant, the server's process and the settings.
const (
	lookPath = iota
	lookSchema
	lookUser
	lookProfile
	lookObjects
	lookColumns
)

// lookSQL asks for all that a session could find of another's. Objects are told by their names, which
// say whose they are; a lock's is made of its two numbers.
func (s *soak) lookSQL(p *Probe) string {
	var b strings.Builder
	b.WriteString("SELECT tenant, pg_backend_pid()")
	for _, t := range tracked {
		fmt.Fprintf(&b, ", coalesce(current_setting('%s', true), '')", t.name)
	}
	b.WriteString(", current_setting('search_path'), current_schema(), current_user, concat_ws('|', NULL")
	for _, set := range p.route.Settings {
		fmt.Fprintf(&b, ", current_setting('%s', true)", set.Name)
	}
	b.WriteString(`), concat_ws(',',
 (SELECT string_agg(relname, ',') FROM pg_catalog.pg_class WHERE relnamespace = pg_my_temp_schema()),
 (SELECT string_agg(name, ',') FROM pg_catalog.pg_cursors WHERE is_holdable),
 (SELECT string_agg(name, ',') FROM pg_catalog.pg_prepared_statements WHERE from_sql),
 (SELECT string_agg(c, ',') FROM pg_listening_channels() AS c),
 (SELECT string_agg(concat('lock_', classid, '_', objid), ',') FROM pg_catalog.pg_locks
  WHERE locktype = 'advisory' AND pid = pg_backend_pid())) FROM soak_whoami`)
	return b.String()
}

// look compares the session with its model.
func (c *client) look() error {
	c.tally.looks++
	a, err := c.want("look", 1, query(c.soak.looks[c.probe.number-1]), "")
	if err != nil || c.blind {
		return err
	}
	want := 2 + len(tracked) + lookColumns
	if a.rows != 1 || len(a.last) != want {
		return fmt.Errorf("a look gave %d rows of %d columns, not one of %d", a.rows, len(a.last), want)
	}
	rest := a.last[2+len(tracked):]
	return errors.Join(c.lookAtSettings(a.last[2:]), c.lookAtPath(rest[lookPath], rest[lookSchema]),
		c.lookAtProfile(rest[lookUser], rest[lookProfile]), c.lookAtObjects(rest[lookObjects]))
}

func (c *client) lookAtSettings(values []string) error {
	for i, t := range tracked {
		got, want := values[i], c.model.value(t.name)
		hidden, isHidden := c.model.hidden[t.name]
		switch {
		case t.name == "soak.hidden":
			if got != "" && got != c.probe.mark() {
				c.report(Leftover, fmt.Sprintf("soak.hidden is %q", got))
			}
		case got == want || isHidden && got == hidden || c.soak.governed(t.name):
		case got != c.soak.baseline[t.name] && got != c.model.start[t.name]:
			c.report(Leftover, fmt.Sprintf("%s is %q, not %q", t.name, got, want))
		default:
			return fmt.Errorf("%s is %q: the session has lost its own %q", t.name, got, want)
		}
	}
	return nil
}

func (c *client) lookAtPath(path, schema string) error {
	names, ok := wire.SplitIdentifiers(path)
	want := c.path()
	if !ok || !slices.Equal(names, want) {
		return fmt.Errorf("search_path is %s, want %q", path, want)
	}
	if first := c.soak.firstSchema(want); first != "" && schema != first {
		return fmt.Errorf("current_schema is %q, want %q", schema, first)
	}
	return nil
}

// path is what the session's search_path has to be.
func (c *client) path() []string {
	if p := c.model.value("search_path"); p != "" {
		return strings.Split(p, ",")
	}
	return c.probe.route.Path
}

// firstSchema is the first in a path that surely exists, or "" if a schema of unknown fate is before.
func (s *soak) firstSchema(path []string) string {
	if name := path[0]; name == "pg_catalog" || strings.Contains(name, stem) {
		return name
	}
	return ""
}

func (c *client) lookAtProfile(user, settings string) error {
	want := c.soak.ground.Cluster.User
	if role := c.probe.route.Role; role != "" {
		want = role
	}
	if user != want {
		return fmt.Errorf("current_user is %q, want %q", user, want)
	}
	var values []string
	for _, s := range c.probe.route.Settings {
		values = append(values, s.Value)
	}
	if all := strings.Join(values, "|"); settings != all {
		return fmt.Errorf("the settings of the profile are %q, want %q", settings, all)
	}
	return nil
}

// lookAtObjects finds what other clients have left, and misses what is the session's own.
func (c *client) lookAtObjects(list string) error {
	seen := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		seen[name] = true
		if name != "" && !c.model.objects[name] && !c.isHidden(name) {
			c.report(Leftover, fmt.Sprintf("%q is in the session and not its own", name))
		}
	}
	for name := range c.model.objects {
		if !seen[name] {
			return fmt.Errorf("the session has lost %q", name)
		}
	}
	return nil
}

// masks are the tables that a function hides behind temporary ones of the same name and contents.
// Whose they are is seen by their rows.
var masks = []string{"soak_whoami", "soak_items"}

// isHidden says that a function called by some client of the same tenant may have made it.
func (c *client) isHidden(name string) bool {
	return strings.HasPrefix(name, "h_"+c.probe.mark()+"_") || slices.Contains(masks, name) ||
		strings.HasPrefix(name, fmt.Sprintf("lock_%d_9", c.lockClass()))
}

// learn reads what the tracked settings are where nobody has set them.
func (s *soak) learn(ctx context.Context) error {
	p := s.ground.Probes[0]
	l, err := s.dial(ctx, p, nil)
	if err != nil {
		return fmt.Errorf("log in as user %q to database %q: %w", p.user, p.database, err)
	}
	defer l.conn.Close()
	c := &client{soak: s, probe: p, link: l, tally: newTally()}
	a, err := c.want("look", 1, query(s.looks[0]), "")
	if err != nil {
		return fmt.Errorf("the first query: %w", err)
	}
	s.baseline = map[string]string{}
	for i, t := range tracked {
		s.baseline[t.name] = a.last[2+i]
	}
	return nil
}

// settingsWith is how a session begins that had these settings in its startup packet.
func (s *soak) settingsWith(p *Probe, start map[string]string) map[string]string {
	all := map[string]string{}
	for name, value := range s.baseline {
		all[name] = value
	}
	for name, value := range start {
		all[name] = value
	}
	return all
}

// governed says that profiles decide about a setting, which then is not the clients' to change.
func (s *soak) governed(name string) bool {
	return slices.Contains(s.ground.Probes[0].route.ClusterSettings, strings.ToLower(name))
}
