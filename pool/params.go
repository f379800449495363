package pool

import (
	"bytes"
	"errors"
	"iter"
	"slices"
)

// Params is what a server reports of itself by ParameterStatus: a small table
// of names and values, names as the server spells them, in the order first
// reported. It is immutable and shared by pointer; a nil table is empty.
type Params struct{ all []Setting }

// NewParams is a table of settings; of several with one name the last counts.
func NewParams(settings ...Setting) *Params {
	p := &Params{}
	for _, s := range settings {
		p.all = put(p.all, s.Name, s.Value)
	}
	return p
}

// Get returns a value, and whether the server reports it at all.
func (p *Params) Get(name string) (value string, ok bool) {
	if p == nil {
		return "", false
	}
	for i := range p.all {
		if p.all[i].Name == name {
			return p.all[i].Value, true
		}
	}
	return "", false
}

// Set returns the table with a value changed or added: p itself if that changes
// nothing.
func (p *Params) Set(name, value string) *Params {
	if old, ok := p.Get(name); ok && old == value {
		return p
	}
	if p == nil {
		return NewParams(Setting{name, value})
	}
	return &Params{put(slices.Clone(p.all), name, value)}
}

var (
	errParameterStatus = errors.New("malformed ParameterStatus of the server")
	errParameterFlood  = errors.New("the server reports more parameters than any does")
)

// maxParams bounds how many parameters a server may report: Postgres has 16, and
// extensions a few. Each new one costs a copy of the table.
const maxParams = 200

// Report returns the table as the body of a ParameterStatus changes it, and
// does not allocate if it does not.
func (p *Params) Report(body []byte) (*Params, error) {
	name, rest, ok := bytes.Cut(body, []byte{0})
	value, end, ok2 := bytes.Cut(rest, []byte{0})
	if !ok || !ok2 || len(name) == 0 || len(end) > 0 {
		return p, errParameterStatus
	}
	if p != nil {
		for i := range p.all {
			if p.all[i].Name == string(name) && p.all[i].Value == string(value) {
				return p, nil
			}
		}
	}
	after := p.Set(string(name), string(value))
	if len(after.all) > maxParams {
		return p, errParameterFlood
	}
	return after, nil
}

// All runs through names and values.
func (p *Params) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if p == nil {
			return
		}
		for _, s := range p.all {
			if !yield(s.Name, s.Value) {
				return
			}
		}
	}
}

// Diff runs through what of other is not in p, or is there with another value.
// One table shared costs nothing.
func (p *Params) Diff(other *Params) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if p == other {
			return
		}
		for name, value := range other.All() {
			if old, ok := p.Get(name); ok && old == value {
				continue
			}
			if !yield(name, value) {
				return
			}
		}
	}
}
