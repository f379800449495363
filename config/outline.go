package config

import (
	"strings"

	"github.com/BurntSushi/toml"
)

// outline finds the place of every key and value of a TOML text that the
// library has accepted; on any other text its answer means nothing, but it
// ends. The library keeps positions to itself, except in its own errors.
func outline(file int, text string) *node {
	s := &outliner{text: text, file: file}
	root := &node{shape: table}
	current := root
	for s.blank(); s.i < len(s.text); s.blank() {
		switch {
		case s.eat("[["):
			path := s.path()
			current = root.open(path).newItem(path[len(path)-1].at)
			s.blank()
			s.eat("]]")
		case s.eat("["):
			current = root.open(s.path())
			current.shape = table
			s.blank()
			s.eat("]")
		default:
			s.assignment(current)
		}
	}
	return root
}

// open walks down a path of keys, making what is missing. A list of tables on
// the way stands for its last item.
func (n *node) open(path []*node) *node {
	for _, step := range path {
		if n.shape == list && len(n.kids) > 0 {
			n = n.kids[len(n.kids)-1]
		}
		n.shape = table
		next := n.index[step.key]
		if next == nil {
			next = step
			n.add(step)
		}
		n = next
	}
	return n
}

// add appends a kid to a table.
func (n *node) add(kid *node) {
	if n.index == nil {
		n.index = make(map[string]*node)
	}
	n.index[kid.key] = kid
	n.kids = append(n.kids, kid)
}

// newItem makes n a list of tables, if it is not one yet, and adds a table whose
// header stands at the place.
func (n *node) newItem(at place) *node {
	kid := &node{key: n.key, at: at, val: at, shape: table}
	n.shape = list
	n.kids = append(n.kids, kid)
	return kid
}

// outliner is a cursor over the text.
type outliner struct {
	text string
	i    int
	file int
}

func (s *outliner) here() place { return place{s.file, s.i} }

func (s *outliner) eat(token string) bool {
	if !strings.HasPrefix(s.text[s.i:], token) {
		return false
	}
	s.i += len(token)
	return true
}

// until moves to the first byte of the set, or to the end.
func (s *outliner) until(set string) {
	if n := strings.IndexAny(s.text[s.i:], set); n >= 0 {
		s.i += n
	} else {
		s.i = len(s.text)
	}
}

// blank skips white space, newlines and comments.
func (s *outliner) blank() {
	for s.i < len(s.text) {
		switch s.text[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		case '#':
			s.until("\n")
		default:
			return
		}
	}
}

// path reads a dotted key, one node to a part.
func (s *outliner) path() []*node {
	var parts []*node
	for {
		s.blank()
		at := s.here()
		parts = append(parts, &node{key: s.keyPart(), at: at, val: at})
		s.blank()
		if !s.eat(".") {
			return parts
		}
	}
}

func (s *outliner) keyPart() string {
	start := s.i
	if s.i < len(s.text) && (s.text[s.i] == '"' || s.text[s.i] == '\'') {
		s.str()
		return unquoteKey(s.text[start:s.i])
	}
	s.until(" \t\r\n.=]#")
	return s.text[start:s.i]
}

// unquoteKey lets the library undo the escapes of a quoted key.
func unquoteKey(quoted string) string {
	if len(quoted) >= 2 && !strings.Contains(quoted, `\`) {
		return quoted[1 : len(quoted)-1]
	}
	var v struct{ K string }
	_, _ = toml.Decode("K = "+quoted, &v)
	return v.K
}

// assignment reads key = value into a table.
func (s *outliner) assignment(in *node) {
	start := s.i
	n := in.open(s.path())
	s.blank()
	s.eat("=")
	s.blank()
	n.val = s.here()
	s.read(n)
	if s.i == start {
		s.i++ // not TOML: only move on
	}
}

// read skips one value and notes its shape and the places in it.
func (s *outliner) read(n *node) {
	switch {
	case s.i >= len(s.text):
	case s.text[s.i] == '"' || s.text[s.i] == '\'':
		s.str()
	case s.eat("["):
		n.shape = list
		for s.more("]") {
			item := &node{at: s.here(), val: s.here()}
			start := s.i
			if s.read(item); s.i == start {
				s.i++
			}
			n.kids = append(n.kids, item)
		}
	case s.eat("{"):
		n.shape = table
		for s.more("}") {
			s.assignment(n)
		}
	default:
		s.until(",]}\n#")
	}
}

// more moves to the next element of a list or inline table, past commas, or
// past its end.
func (s *outliner) more(end string) bool {
	for s.blank(); s.eat(","); s.blank() {
	}
	return s.i < len(s.text) && !s.eat(end)
}

// str skips a string of any of the four kinds.
func (s *outliner) str() {
	quote := s.text[s.i : s.i+1]
	end := quote
	if strings.HasPrefix(s.text[s.i:], quote+quote+quote) {
		end = quote + quote + quote
	}
	s.i += len(end)
	for s.i < len(s.text) && !s.eat(end) {
		if quote == `"` && s.text[s.i] == '\\' {
			s.i++
		}
		s.i = min(s.i+1, len(s.text))
	}
	for n := 0; len(end) == 3 && n < 2 && s.eat(quote); n++ {
		// up to two quotes may stand before the closing three
	}
}
