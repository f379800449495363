package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Inspection is a configuration together with where each of its values is said.
// It keeps the text of every file; only people need it.
type Inspection struct {
	*Config
	loader  *loader
	tenants map[string]*node
}

// Inspect is Load for whoever wants to explain the configuration.
func Inspect(path string) (*Inspection, error) {
	l, err := read(path)
	if err != nil {
		return nil, err
	}
	i := &Inspection{l.config, l, make(map[string]*node, len(l.tenants))}
	for at, n := range l.tenants {
		i.tenants[l.config.Tenants[at].Name] = n
	}
	return i, nil
}

// RouteAt gives the place of a key of a rule, by the rule's index, or of the rule
// itself for "": a Problem without a text. Its File is "" if the rule does not
// have the key.
func (i *Inspection) RouteAt(rule int, key string) Problem {
	return i.loader.position(i.loader.routes[rule], key)
}

// TenantAt is RouteAt for a listed tenant; none also for one that is not listed.
func (i *Inspection) TenantAt(name, key string) Problem {
	return i.loader.position(i.tenants[name], key)
}

// ClusterAt is RouteAt for a cluster.
func (i *Inspection) ClusterAt(name, key string) Problem {
	return i.loader.position(i.loader.root.child("cluster").child(name), key)
}

// TopAt is RouteAt for a key at the top.
func (i *Inspection) TopAt(key string) Problem { return i.loader.position(i.loader.root, key) }

// PreparedAt is RouteAt for a key of [prepared].
func (i *Inspection) PreparedAt(key string) Problem {
	return i.loader.position(i.loader.root.child("prepared"), key)
}

// RegistryAt gives the place of [registry].
func (i *Inspection) RegistryAt() Problem {
	return i.loader.position(i.loader.root.child("registry"), "")
}

// position is where a key of a table stands, or the table for "".
func (l *loader) position(n *node, key string) Problem {
	if key != "" {
		n = n.child(key)
	}
	if n == nil {
		return Problem{}
	}
	return l.locate(n.at, "").Problem
}

// Value is one value that holds.
type Value struct {
	Table  string // the header of the table it stands in; "" at the top
	Key    string
	Text   string // as TOML; a secret is masked
	Source string // file:line:col; "" is a default
}

// Values gives every value that the files say, in the order of the settings, and,
// with defaults, what holds where they say nothing.
func (i *Inspection) Values(defaults bool) []Value {
	root := i.loader.root
	w := &valueWriter{loader: i.loader, defaults: defaults}
	for _, section := range mainSections {
		n, header := root, ""
		if section != "" {
			n, header = root.child(section), "["+section+"]"
		}
		if section == "registry" && n == nil {
			continue // there is none: a table of defaults would make one
		}
		w.table(section, header, n)
	}
	if peers := root.child("peer"); peers != nil {
		for _, n := range peers.kids {
			w.table("peer", "[[peer]]", n)
		}
	}
	if clusters := root.child("cluster"); clusters != nil {
		for _, n := range clusters.kids {
			w.table("cluster", "[cluster."+QuoteKey(n.key)+"]", n)
		}
	}
	for _, n := range i.loader.routes {
		w.table("route", "[[route]]", n)
	}
	w.defaults = false // of tenants there may be thousands
	for at, n := range i.loader.tenants {
		w.table("tenant", "[tenant."+QuoteKey(i.Tenants[at].Name)+"]", n)
	}
	return w.values
}

// mainSections are the tables that a file has once: what stands at its top, and the
// others by their names.
var mainSections = []string{"", "auth", "admin", "prepared", "log", "registry"}

// settingsOf are the keys of one section.
func settingsOf(section string) []Setting {
	return slices.DeleteFunc(Settings(), func(s Setting) bool { return s.Section != section })
}

type valueWriter struct {
	loader   *loader
	defaults bool
	values   []Value
}

// table adds the values of one table; n is nil if the file does not have it. A
// table without any is there with an empty key.
func (w *valueWriter) table(section, header string, n *node) {
	before := len(w.values)
	for _, s := range settingsOf(section) {
		v := Value{Table: header, Key: s.Key, Text: s.Default}
		if kid := n.child(s.Key); kid != nil {
			v.Text, v.Source = kid.toml(), w.loader.position(kid, "").Position()
			if s.secret() && v.Text != `""` {
				v.Text = `"***"`
			}
		} else if !w.defaults || s.Default == "" {
			continue
		}
		w.values = append(w.values, v)
	}
	if len(w.values) == before && n != nil && section != "" {
		w.values = append(w.values, Value{Table: header, Source: w.loader.position(n, "").Position()})
	}
}

// secret says that the value itself is one.
func (s Setting) secret() bool { return strings.HasSuffix(s.Key, "password") }

// toml writes a value on one line.
func (n *node) toml() string {
	var items []string
	switch n.shape {
	case list:
		for _, kid := range n.kids {
			items = append(items, kid.toml())
		}
		return "[" + strings.Join(items, ", ") + "]"
	case table:
		for _, kid := range n.kids {
			items = append(items, QuoteKey(kid.key)+" = "+kid.toml())
		}
		return "{ " + strings.Join(items, ", ") + " }"
	}
	switch v := n.value.(type) {
	case string:
		return Quote(v)
	case time.Time:
		return v.Format(time.RFC3339)
	}
	return fmt.Sprint(n.value)
}

// Quote writes a text as TOML does.
func Quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b) // the escapes of JSON are escapes of TOML
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`)
}

// QuoteList writes a list of texts as TOML does.
func QuoteList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

const bare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

// QuoteKey writes a key as TOML does: without quotes if it needs none.
func QuoteKey(key string) string {
	if key == "" || strings.Trim(key, bare) != "" {
		return Quote(key)
	}
	return key
}

// Knows reports whether this version serves a key, by its full name.
func Knows(name string) bool {
	return slices.ContainsFunc(Settings(), func(s Setting) bool { return s.Name() == name && s.Support == Works })
}
