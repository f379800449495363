package wire

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestStatementsThatNamePreparedOnesAreRead(t *testing.T) {
	for sql, want := range map[string][]NameUse{
		"DEALLOCATE a1":                               {{Drops, "a1", 0, 0, 13}},
		"deallocate Prepare \"_pg3_0\" ;":             {{Drops, "_pg3_0", 0, 0, 27}},
		"DEALLOCATE prepare":                          {{Drops, "prepare", 0, 0, 18}},
		"DEALLOCATE ALL":                              {{DropsEach, "", 0, 0, 14}},
		"DEALLOCATE PREPARE ALL":                      {{DropsEach, "", 0, 0, 22}},
		"DEALLOCATE \"all\"":                          {{Drops, "all", 0, 0, 16}},
		"DEALLOCATE":                                  nil,
		"PREPARE P (int) AS SELECT $1":                {{Prepares, "p", 0, 0, 28}},
		"PREPARE transaction AS SELECT 1":             {{Prepares, "transaction", 0, 0, 31}},
		"PREPARE TRANSACTION 'x'":                     nil,
		"EXECUTE \"A\"\"b\"(1, 2)":                    {{Executes, `A"b`, 0, 0, 20}},
		"EXPLAIN (ANALYZE, TIMING off) EXECUTE p":     {{Executes, "p", 0, 0, 39}},
		"CREATE TABLE x AS EXECUTE p(1)":              {{Executes, "p", 0, 0, 30}},
		"GRANT EXECUTE ON FUNCTION f() TO app":        nil,
		"; SELECT 1;; /* x */ DEALLOCATE a; SELECT 2": {{Drops, "a", 1, 21, 33}},
	} {
		uses, _ := NameUses([]byte(sql))
		if !slices.Equal(uses, want) {
			t.Errorf("%s: got %+v, want %+v", sql, uses, want)
		}
	}
	for name, want := range map[string]string{
		strings.Repeat("a", 70): strings.Repeat("a", 63), "a" + strings.Repeat("é", 33): "a" + strings.Repeat("é", 31),
		strings.Repeat("é", 33): strings.Repeat("é", 31), strings.Repeat("a", 63): strings.Repeat("a", 63),
	} {
		if uses, _ := NameUses([]byte("DEALLOCATE " + name)); len(uses) != 1 || uses[0].Name != want {
			t.Errorf("DEALLOCATE %s: got %+v, want %s", name, uses, want)
		}
	}
	if _, n := NameUses([]byte("; SELECT 1;; DEALLOCATE a; SELECT ';' ;")); n != 3 {
		t.Errorf("%d statements, want 3", n)
	}
}

func FuzzNameUsesReadsAnyText(f *testing.F) {
	for _, sql := range []string{"PREPARE a AS SELECT 1", "EXECUTE \"a\"\"b\"(1); DEALLOCATE ALL", "DEALLOCATE PREPARE U&\"\\0061\"", "/* ; */ EXECUTE x -- y", "execute e'\\''"} {
		f.Add([]byte(sql))
	}
	f.Fuzz(func(t *testing.T, sql []byte) {
		before := bytes.Clone(sql)
		if uses, statements := NameUses(sql); len(uses) > statements {
			t.Fatalf("%q: %d uses in %d statements", sql, len(uses), statements)
		}
		if !bytes.Equal(sql, before) {
			t.Fatalf("%q was changed to %q", before, sql)
		}
	})
}
