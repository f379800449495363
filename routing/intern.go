package routing

import (
	"runtime"
	"sync"
	"weak"
)

// routeKey is what makes two routes of a table the same.
type routeKey struct {
	rule   int
	tenant string
	entry  *tenant // tables that list the same entry share its routes
	suffix string
}

// interned gives equal routes one pointer. It holds them weakly: clients name
// tenants at will, and the names of those that do not exist must not pile up.
// The zero value is ready for use.
type interned struct {
	mu sync.Mutex
	m  map[routeKey]weak.Pointer[Route] // guarded by mu
}

// get gives the living route of the key, or nil.
func (n *interned) get(key routeKey) *Route {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.m[key].Value()
}

// put gives the living route of the key, which is r unless somebody was first.
func (n *interned) put(key routeKey, r *Route) *Route {
	n.mu.Lock()
	defer n.mu.Unlock()
	if first := n.m[key].Value(); first != nil {
		return first
	}
	if n.m == nil {
		n.m = make(map[routeKey]weak.Pointer[Route])
	}
	n.m[key] = weak.Make(r)
	runtime.AddCleanup(r, n.drop, key)
	return r
}

// drop forgets a route that nobody holds any more, unless the key has a new
// one by now.
func (n *interned) drop(key routeKey) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.m[key].Value() == nil {
		delete(n.m, key)
	}
}
