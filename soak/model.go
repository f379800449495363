package soak

import "maps"

// model is what a session has to look like by what its client has done: its settings by name, with
// those of SET LOCAL on top until the transaction ends, and the objects that live in it. It is a
// value; copy makes one that shares nothing.
type model struct {
	start    map[string]string // where a reset returns to
	own      map[string]string
	local    map[string]string
	saves    []settings        // of BEGIN and of every savepoint
	objects  map[string]bool   // temporary tables, cursors WITH HOLD, SQL statements and locks in plain sight
	prepared map[string]int    // the client's protocol statements, by the kind of their text
	sequence string            // what lastval has to give, "" if nothing
	hidden   map[string]string // settings that a function has made, which may hold or not
}

// settings is a moment of both kinds.
type settings struct{ own, local map[string]string }

func newModel(start map[string]string) model {
	return model{start: start, own: maps.Clone(start), local: map[string]string{}, objects: map[string]bool{},
		prepared: map[string]int{}, hidden: map[string]string{}}
}

// value is what a setting must be now.
func (m *model) value(name string) string {
	if v, ok := m.local[name]; ok {
		return v
	}
	return m.own[name]
}

func (m *model) set(name, value string) {
	m.own[name] = value
	delete(m.local, name)
}

func (m *model) setLocal(name, value string) { m.local[name] = value }
func (m *model) reset(name string)           { m.set(name, m.start[name]) }

func (m *model) resetAll() {
	m.own, m.local = maps.Clone(m.start), map[string]string{}
}

func (m *model) discardAll() { *m = newModel(m.start) }

// save is BEGIN or SAVEPOINT.
func (m *model) save() {
	m.saves = append(m.saves, settings{maps.Clone(m.own), maps.Clone(m.local)})
}

// back is ROLLBACK TO the latest savepoint, which stays.
func (m *model) back() {
	s := m.saves[len(m.saves)-1]
	m.own, m.local = maps.Clone(s.own), maps.Clone(s.local)
}

// release is RELEASE of the latest savepoint.
func (m *model) release() { m.saves = m.saves[:len(m.saves)-1] }

func (m *model) commit() { m.saves, m.local = nil, map[string]string{} }

func (m *model) rollback() {
	m.own, m.local, m.saves = m.saves[0].own, map[string]string{}, nil
}
