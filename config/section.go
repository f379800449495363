package config

import "fmt"

// section decodes tables of one kind into Ts.
type section[T any] struct {
	name     string // as in Setting.Section
	fields   []field[T]
	defaults []any    // of the fields, nil where there is none
	inner    []string // keys that are sections themselves
}

// newSection reads the defaults once, through the same parser as files.
func newSection[T any](name string, fields []field[T], inner ...string) *section[T] {
	s := &section[T]{name, fields, make([]any, len(fields)), inner}
	for i, f := range fields {
		if f.Default == "" {
			continue
		}
		root, err := parseTree(0, "k = "+f.Default)
		if err != nil {
			panic(fmt.Sprintf("BUG: default of %s: %v", f.Name(), err))
		}
		v, wrong := f.parse(root.child("k"))
		if wrong != nil {
			panic("BUG: default: " + wrong.text)
		}
		s.defaults[i] = v
	}
	return s
}

// decode fills a T from a table; n is nil if the file has none.
func (s *section[T]) decode(r *reader, n *node, to *T) {
	defer s.note(r, n, to)
	for i, f := range s.fields {
		if s.defaults[i] != nil {
			store(f.into(to), s.defaults[i])
		}
	}
	if n == nil {
		return
	}
	if n.shape != table {
		name := s.name
		if n.key != name && n.key != "" {
			name += "." + n.key
		}
		r.refuse(n, n, n.val, "%s should be a table, not %s", name, n.describe())
		return
	}
	for _, kid := range n.kids {
		s.key(r, n, kid, to)
	}
	for _, f := range s.fields {
		if f.Required && n.child(f.Key) == nil {
			r.bad(n.at, "%s is missing", f.Name())
		}
	}
}

// key decodes one key of the table n.
func (s *section[T]) key(r *reader, n, kid *node, to *T) {
	for _, f := range s.fields {
		if f.Key != kid.key {
			continue
		}
		if f.Support == Refused {
			r.refuse(n, kid, kid.at, "%s is not supported in this version", f.Name())
		}
		v, wrong := f.parse(kid)
		if wrong != nil {
			r.refuse(n, kid, wrong.at, "%s", wrong.text)
			return
		}
		if f.Support == Unserved && !isEmpty(v) {
			r.warn(kid.at, "%s is not served by this version", f.Name())
		}
		if v != nil {
			store(f.into(to), v)
		}
		return
	}
	for _, name := range s.inner {
		if name == kid.key {
			return
		}
	}
	r.failed[n] = true
	r.bad(kid.at, "%s", unknownKey(kid.key, s.name, s.keys()))
}

// keys are the names that may stand in the section.
func (s *section[T]) keys() []string {
	names := append([]string(nil), s.inner...)
	for _, f := range s.fields {
		names = append(names, f.Key)
	}
	return names
}

// isEmpty reports whether a value asks for nothing.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case string:
		return v == ""
	case []string:
		return len(v) == 0
	}
	return false
}
