package wire

import (
	"slices"
	"testing"
)

func TestIdentifierListsAreSplitAsSearchPathIs(t *testing.T) {
	for in, want := range map[string][]string{
		"":                       nil,
		"  ":                     nil,
		"a":                      {"a"},
		" A , b":                 {"a", "b"},
		`"My S", "a""b",pg_temp`: {"My S", `a"b`, "pg_temp"},
		`""`:                     {""},
		`"$user", public`:        {"$user", "public"},
	} {
		if got, ok := SplitIdentifiers(in); !ok || !slices.Equal(got, want) {
			t.Errorf("%q gives %q, %v", in, got, ok)
		}
	}
}

func TestMalformedIdentifierListsAreRefused(t *testing.T) {
	for _, in := range []string{"a,", ",a", "a b", `"a`, `"a"b`, "a,,b"} {
		if got, ok := SplitIdentifiers(in); ok {
			t.Errorf("%q gives %q", in, got)
		}
	}
}
