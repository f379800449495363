package wire

import (
	"slices"
	"strings"
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

func FuzzSplitIdentifiersReadsAnyList(f *testing.F) {
	for _, list := range []string{"", "a, b", `"a""b", c`, `"$user", public`, `"`, "a,,b", `a"b`} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		names, ok := SplitIdentifiers(list)
		if ok && len(names) > strings.Count(list, ",")+1 {
			t.Fatalf("%q gives %q", list, names)
		}
	})
}
