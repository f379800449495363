package config

import (
	"errors"

	"github.com/BurntSushi/toml"
)

// node is one value of a TOML text together with where it stands. The library
// decodes the values; the outline (outline.go) finds the places.
type node struct {
	key   string
	at    place // of the key; of the value itself for an item of a list
	val   place // of the value
	shape shape
	value any              // a scalar's: string, int64, float64, bool or time.Time
	kids  []*node          // a table's, in file order, or a list's items
	index map[string]*node // a table's kids by key
}

type shape uint8

const (
	scalar shape = iota
	table
	list
)

// place is a byte offset in one of the files being read.
type place struct{ file, offset int }

// child gives the kid of that key, or nil; a nil node has none.
func (n *node) child(key string) *node {
	if n == nil {
		return nil
	}
	return n.index[key]
}

// parseTree decodes text, whose file has the given number. An error is a
// toml.ParseError.
func parseTree(file int, text string) (*node, error) {
	var values map[string]any
	if _, err := toml.Decode(text, &values); err != nil {
		return nil, err
	}
	root := outline(file, text)
	if !root.bind(values) {
		return nil, errors.New("cannot tell where its keys stand")
	}
	return root, nil
}

// bind gives each node its decoded value. It reports false if the outline and
// the library disagree about the shape of the text.
func (n *node) bind(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return n.bindTable(v)
	case []map[string]any:
		return n.bindList(len(v), func(i int) any { return v[i] })
	case []any:
		return n.bindList(len(v), func(i int) any { return v[i] })
	}
	n.value = v
	return n.shape == scalar && v != nil
}

func (n *node) bindTable(values map[string]any) bool {
	ok := n.shape == table && len(n.kids) == len(values)
	for _, kid := range n.kids {
		ok = ok && kid.bind(values[kid.key])
	}
	return ok
}

func (n *node) bindList(size int, item func(int) any) bool {
	ok := n.shape == list && len(n.kids) == size
	for i := 0; ok && i < size; i++ {
		ok = n.kids[i].bind(item(i))
	}
	return ok
}
