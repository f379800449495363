package proxy

import (
	"errors"
	"sync"
	"time"

	"tenantpool/wire"
)

// loginMeter measures logins, which end on goroutines of their own.
type loginMeter struct {
	mu       sync.Mutex
	byMethod map[string]*Histogram
	errors   errorCounts
}

// succeeded counts a login by a method.
func (m *loginMeter) succeeded(method string, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byMethod == nil {
		m.byMethod = make(map[string]*Histogram)
	}
	h := m.byMethod[method]
	if h == nil {
		h = new(Histogram)
		m.byMethod[method] = h
	}
	h.observe(int64(took))
}

// refused counts an error that a client was told in its login. A server's own
// words that were passed on are the pooler's here: nothing tells them apart.
func (m *loginMeter) refused(e error) {
	var told *wire.Error
	if !errors.As(e, &told) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.errors == nil {
		m.errors = make(errorCounts)
	}
	m.errors.add(told.Code, FromPooler)
}

// copy gives the histograms and adds the errors to those in into.
func (m *loginMeter) copy(into errorCounts) map[string]Histogram {
	m.mu.Lock()
	defer m.mu.Unlock()
	into.merge(m.errors)
	all := make(map[string]Histogram, len(m.byMethod))
	for method, h := range m.byMethod {
		all[method] = *h
	}
	return all
}
