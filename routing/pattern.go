package routing

import (
	"errors"
	"fmt"
	"strings"
)

const tenantMark = "{tenant}"

// Pattern matches a name whole. It is a literal, or a literal with one
// {tenant} in it that stands for one or more bytes.
type Pattern struct {
	prefix, suffix string
	hasTenant      bool
}

// ParsePattern reads a pattern. It refuses a second {tenant}, other braces,
// and wildcards, which only lists of users know.
func ParsePattern(s string) (Pattern, error) {
	if s == "" {
		return Pattern{}, errors.New("a pattern may not be empty")
	}
	if strings.Contains(s, "*") {
		return Pattern{}, fmt.Errorf("%q: * has no meaning here; use {tenant}", s)
	}
	p, err := splitTenant(s)
	if err != nil {
		return Pattern{}, fmt.Errorf("%q %w", s, err)
	}
	return p, nil
}

// splitTenant cuts s at its only {tenant}, if it has one. Its errors go on
// where the caller has named the text.
func splitTenant(s string) (Pattern, error) {
	prefix, suffix, found := strings.Cut(s, tenantMark)
	switch {
	case strings.Contains(suffix, tenantMark):
		return Pattern{}, errors.New("holds {tenant} more than once")
	case strings.ContainsAny(prefix+suffix, "{}"):
		return Pattern{}, errors.New("may hold no placeholder but {tenant}")
	case strings.ContainsRune(s, 0):
		return Pattern{}, errors.New("holds a NUL")
	}
	return Pattern{prefix, suffix, found}, nil
}

// HasTenant reports whether the pattern holds {tenant}.
func (p Pattern) HasTenant() bool { return p.hasTenant }

// Match reports whether s fits, and what stood for {tenant}; a literal pattern
// gives "".
func (p Pattern) Match(s string) (tenant string, ok bool) {
	if !p.hasTenant {
		return "", s == p.prefix
	}
	if len(s) <= len(p.prefix)+len(p.suffix) ||
		!strings.HasPrefix(s, p.prefix) || !strings.HasSuffix(s, p.suffix) {
		return "", false
	}
	return s[len(p.prefix) : len(s)-len(p.suffix)], true
}

// Expand puts tenant in the place of {tenant}.
func (p Pattern) Expand(tenant string) string {
	if !p.hasTenant {
		return p.prefix
	}
	return p.prefix + tenant + p.suffix
}

// String gives the pattern as it was written.
func (p Pattern) String() string { return p.Expand(tenantMark) }

// lower is the pattern for names that are compared without regard to case.
func (p Pattern) lower() Pattern {
	return Pattern{strings.ToLower(p.prefix), strings.ToLower(p.suffix), p.hasTenant}
}
