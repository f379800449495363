package proxy

import (
	"sync"

	"tenantpool/pool"
)

// view says what a client is told of the server's parameters at login: what a
// connection reports before anybody uses it, what the client's own startup
// settings change of it, and its tenant's path, where servers report that.
type view struct {
	blank, changed *pool.Params
	path           string
}

func (v view) params() *pool.Params {
	p := v.blank
	for name, value := range v.changed.All() {
		p = p.Set(name, value)
	}
	if _, ok := p.Get("search_path"); ok {
		p = p.Set("search_path", v.path)
	}
	return p
}

// views shares the tables of clients that are told the same.
type views struct {
	mu     sync.Mutex
	tables map[view]*pool.Params
}

// maxViews bounds how many are remembered.
const maxViews = 10_000

func (vs *views) of(v view) *pool.Params {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if p := vs.tables[v]; p != nil {
		return p
	}
	if vs.tables == nil || len(vs.tables) >= maxViews {
		vs.tables = make(map[view]*pool.Params)
	}
	p := v.params()
	vs.tables[v] = p
	return p
}
