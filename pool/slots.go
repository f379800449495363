package pool

import "sync/atomic"

// identity is what a pool is known by in slots. It is a thing of its own so
// that a slot that outlives its pool keeps nothing else alive.
type identity struct{ _ byte }

// slots gives each pool a place of its own in a shared, interned object. The
// place lives as long as the object does, so nobody has to take it down; what
// is in it is guarded by its pool's mutex. There are as many slots as clusters
// that ever met the object: almost always one.
type slots[T any] struct{ first atomic.Pointer[slot[T]] }

type slot[T any] struct {
	owner *identity
	next  *slot[T]
	value T
}

// find returns the owner's place, nil if it has none yet. It does not allocate.
func (s *slots[T]) find(owner *identity) *T {
	for at := s.first.Load(); at != nil; at = at.next {
		if at.owner == owner {
			return &at.value
		}
	}
	return nil
}

// add returns the owner's place, making one with init if it had none.
func (s *slots[T]) add(owner *identity, init func(*T)) *T {
	fresh := &slot[T]{owner: owner}
	init(&fresh.value)
	for {
		if at := s.find(owner); at != nil {
			return at
		}
		fresh.next = s.first.Load()
		if s.first.CompareAndSwap(fresh.next, fresh) {
			return &fresh.value
		}
	}
}
