package pool

import (
	"runtime"
	"sync"
	"weak"
)

// interner makes equal things one pointer. It holds them weakly: a thing that
// nobody else holds is collected, and its entry goes with it.
type interner[T any] struct {
	mu      sync.Mutex
	entries map[string]weak.Pointer[T]
}

// get returns the thing under key, made by build if there is none. A look-up of
// a present thing does not allocate. build runs under the lock.
func (in *interner[T]) get(key []byte, build func(key string) *T) *T {
	in.mu.Lock()
	defer in.mu.Unlock()
	if t := in.entries[string(key)].Value(); t != nil {
		return t
	}
	if in.entries == nil {
		in.entries = make(map[string]weak.Pointer[T])
	}
	k := string(key)
	t := build(k)
	entry := weak.Make(t)
	in.entries[k] = entry
	runtime.AddCleanup(t, in.forget, grave[T]{k, entry})
	return t
}

type grave[T any] struct {
	key   string
	entry weak.Pointer[T]
}

// forget removes a collected thing's entry, unless the key has come back to
// life as another thing meanwhile.
func (in *interner[T]) forget(g grave[T]) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.entries[g.key] == g.entry {
		delete(in.entries, g.key)
	}
}

// appendField adds s to a key so that no two lists of strings give the same
// key: its length comes first.
func appendField(key []byte, s string) []byte {
	n := len(s)
	key = append(key, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	return append(key, s...)
}
