package pgbouncer

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"tenantpool/config"
)

// Result is what became of a setting.
type Result uint8

// The results.
const (
	Mapped Result = iota // to a key of tenantpool's
	Met                  // tenantpool behaves that way without a key
	None                 // there is no equivalent
)

// String gives the result in words.
func (r Result) String() string {
	return [...]string{"mapped", "met without a setting", "not mapped"}[r]
}

// Outcome is what became of one setting.
type Outcome struct {
	Place  string // file:line
	Name   string // with the name of its database or user before it, if it is theirs
	Result Result
	Text   string // the key it is mapped to, how it is met, or why there is none
}

// Translation is a whole file, translated.
type Translation struct {
	Config   string // the text of a config.toml
	Outcomes []Outcome
}

// Count gives how many settings had that result.
func (t *Translation) Count(r Result) (n int) {
	for _, o := range t.Outcomes {
		if o.Result == r {
			n++
		}
	}
	return n
}

// Translate reads a pgbouncer.ini and the files that it names. With commented,
// also settings that are commented out, as in the annotated sample.
func Translate(path string, commented bool) (*Translation, error) {
	p := &parser{read: os.ReadFile, commented: commented}
	if err := p.file(path); err != nil {
		return nil, err
	}
	t := &translator{values: make(map[string]line)}
	t.index(p.lines)
	t.userList()
	for _, l := range t.lines {
		t.line(l)
	}
	t.derive()
	slices.SortStableFunc(t.outcomes, func(a, b numbered) int { return cmp.Compare(a.line, b.line) })
	out := &Translation{Config: t.write(path)}
	for _, o := range t.outcomes {
		out.Outcomes = append(out.Outcomes, o.Outcome)
	}
	return out, nil
}

// numbered is an Outcome with the order of its setting in the files.
type numbered struct {
	line int
	Outcome
}

// translator holds what is known so far.
type translator struct {
	lines     []line
	values    map[string]line // of [pgbouncer], by key; the last one counts
	order     int             // of the line being translated
	outcomes  []numbered
	sections  map[string][]entry // what is written, by section; "" is the top
	databases []*database
	users     []*user
	peers     [][]entry
}

// entry is one line of the configuration that is written.
type entry struct{ key, value, from string }

// index finds the settings that count: of two with one name the last does, and a
// live one before one that is commented out.
func (t *translator) index(lines []line) {
	t.sections = make(map[string][]entry)
	type name struct{ section, key string }
	last := make(map[name]int)
	for i, l := range lines {
		at, twice := last[name{l.section, l.key}]
		if twice && l.commented && !lines[at].commented {
			continue
		}
		last[name{l.section, l.key}] = i
	}
	for i, l := range lines {
		t.order = i
		if at := last[name{l.section, l.key}]; at != i {
			t.lines = append(t.lines, line{})
			t.tell(l, l.key, Met, "line "+fmt.Sprint(lines[at].number)+" counts instead")
			continue
		}
		t.lines = append(t.lines, l)
		if l.section == "pgbouncer" {
			t.values[l.key] = l
		}
	}
}

func (t *translator) tell(l line, name string, r Result, text string) {
	t.outcomes = append(t.outcomes, numbered{t.order, Outcome{l.place(), name, r, text}})
}

// line translates one setting.
func (t *translator) line(l line) {
	t.order++
	switch l.section {
	case "":
	case "databases":
		t.database(l)
	case "users":
		t.user(l)
	case "peers":
		t.peer(l)
	case "pgbouncer":
		t.setting(l)
	default:
		t.tell(l, l.section+"."+l.key, None, "PgBouncer has no section ["+l.section+"]")
	}
}

func (t *translator) setting(l line) {
	translate, known := settings[l.key]
	switch {
	case !known:
		t.tell(l, l.key, None, "PgBouncer has no such setting, as far as is known here")
		return
	case l.value == "" || strings.HasPrefix(l.value, "<"):
		t.tell(l, l.key, Met, "it has no value here: the default is meant")
		delete(t.values, l.key)
		return
	}
	r, text := translate(t, l)
	t.tell(l, l.key, r, text)
}

// put writes a key, whose full name it gives.
func (t *translator) put(section, key, value string, l line) (Result, string) {
	t.sections[section] = append(t.sections[section], entry{key, value, l.place() + " " + l.key})
	name := key
	if section != "" {
		name = section + "." + key
	}
	return Mapped, name + " = " + value
}

// value is what a setting of [pgbouncer] holds, or PgBouncer's default.
func (t *translator) value(key, otherwise string) string {
	if l, ok := t.values[key]; ok && l.value != "" && !strings.HasPrefix(l.value, "<") {
		return l.value
	}
	return otherwise
}

// userList reads the names, and whether their passwords are known, of auth_file.
func (t *translator) userList() {
	path := t.value("auth_file", "")
	if path == "" {
		return
	}
	list, err := config.ReadUsers(path)
	var problems config.Problems
	if errors.As(err, &problems) || err != nil {
		return // check tells
	}
	for name, secret := range list.All() {
		t.users = append(t.users, &user{name: name, listed: true, secret: secret})
	}
	slices.SortFunc(t.users, func(a, b *user) int { return cmp.Compare(a.name, b.name) })
}
