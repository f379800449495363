package pool

import "container/list"

// cache keeps the answers used last, up to a number. Its lock is its owner's.
type cache[V any] struct {
	max     int
	entries map[string]*list.Element
	order   list.List // latest used first
}

type cacheEntry[V any] struct {
	key   string
	value V
}

func newCache[V any](max int) *cache[V] {
	return &cache[V]{max: max, entries: make(map[string]*list.Element)}
}

func (c *cache[V]) get(key string) (value V, ok bool) {
	e, ok := c.entries[key]
	if !ok {
		return value, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cacheEntry[V]).value, true
}

func (c *cache[V]) put(key string, value V) {
	if e, ok := c.entries[key]; ok {
		e.Value.(*cacheEntry[V]).value = value
		c.order.MoveToFront(e)
		return
	}
	c.entries[key] = c.order.PushFront(&cacheEntry[V]{key, value})
	if len(c.entries) > c.max {
		last := c.order.Back()
		c.order.Remove(last)
		delete(c.entries, last.Value.(*cacheEntry[V]).key)
	}
}
