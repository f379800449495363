package wire

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// cut cuts sql into the texts of its tokens; sure is false if the lexer is not.
func cut(sql []byte) (tokens []string, names []bool, sure bool) {
	l := lexer{sql: sql}
	for {
		l.skipBlank()
		start := l.pos
		tok := l.next()
		if tok.kind == noToken {
			return tokens, names, !l.unsure
		}
		tokens = append(tokens, string(sql[start:l.pos]))
		names = append(names, tok.kind == nameToken)
	}
}

func allTexts() []string {
	texts := slices.Clone(plainTexts)
	for sql := range judged {
		texts = append(texts, sql)
	}
	slices.Sort(texts)
	return texts
}

var separators = []string{" ", "\n", "\t\r\n\f ", "/**/", "/* SET x = 'a */", "--' RESET ALL\n", "-- $$ set_config()\r", "/* ; /* \" */ ' */"}

func TestBlanksAndCommentsBetweenTokensChangeNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, sql := range allTexts() {
		tokens, _, sure := cut([]byte(sql))
		if !sure {
			continue
		}
		want := Scan([]byte(sql))
		for range 20 {
			var b strings.Builder
			for _, tok := range tokens {
				b.WriteString(separators[random.IntN(len(separators))])
				b.WriteString(tok)
			}
			b.WriteString(separators[random.IntN(len(separators))])
			if got := Scan([]byte(b.String())); got != want {
				t.Fatalf("%s\n\tis %s, but with other blanks it is %s:\n%s", sql, traitNames(want), traitNames(got), b.String())
			}
		}
	}
}

func TestTheCaseOfWordsChangesNothing(t *testing.T) {
	for _, sql := range allTexts() {
		tokens, names, _ := cut([]byte(sql))
		var b strings.Builder
		rest := sql
		for i, tok := range tokens {
			before, after, _ := strings.Cut(rest, tok)
			if names[i] {
				tok = strings.ToUpper(tok)
			}
			b.WriteString(before + tok)
			rest = after
		}
		b.WriteString(rest)
		if got, want := Scan([]byte(b.String())), Scan([]byte(sql)); got != want {
			t.Errorf("%s\n\tis %s, in upper case %s", sql, traitNames(want), traitNames(got))
		}
	}
}

func TestTheNamesOfSettingsAreNeverPlainOutsideStrings(t *testing.T) {
	for _, sql := range allTexts() {
		tokens, _, _ := cut([]byte(sql))
		for i := range len(tokens) + 1 {
			for _, danger := range []string{"set_config", "Set_Config", `"set_config"`, "pg_settings", `"pg_settings"`} {
				text := strings.Join(slices.Insert(slices.Clone(tokens), i, danger), " ")
				if Scan([]byte(text))&MayChangeState == 0 {
					t.Fatalf("plain: %s", text)
				}
			}
		}
	}
}

func TestTokensEndWherePostgresEndsThem(t *testing.T) {
	for sql, want := range map[string]string{
		`a.b$1 "c""d".e`:                       `a|.|b$1|"c""d"|.|e`,
		`'a''b' 'c\n'`:                         `'a''b'|'c\n'`,
		`E'\'' e'\\' 'x'`:                      `E'\''|e'\\'|'x'`,
		`date'2020-01-01'`:                     `date|'2020-01-01'`,
		"B'01'X'1f'N'n'":                       "B'01'|X'1f'|N'n'",
		`$$a$$ $x$ $y$ $x$ $1 a$b$c`:           `$$a$$|$x$ $y$ $x$|$1|a$b$c`,
		`$_é1$ ' $_é1$;`:                       `$_é1$ ' $_é1$|;`,
		"1 1.5 1..2 .5 1e5":                    "1|1.5|1..2|.|5|1|e5",
		"a::b a: :b :=":                        "a|::|b|a|:|:|b|:|=",
		"a/*b/*c*/d*/e--f\ng--h\ri":            "a|e|g|i",
		"+--x\n-/**/->*/":                      "+|-|-|>|*|/",
		"/*/ x */ y":                           "y",
		"/***/x/* * / **/y":                    "x|y",
		"\"a\"\"\" \"\" b":                     "\"a\"\"\"|\"\"|b",
		"éa É":                                 "éa|É",
		"":                                     "",
		" \t\r\n\f\v":                          "",
		"[1:2] ~!@#^&|`?+-%<>=,;()":            "[|1|:|2|]|~|!|@|#|^|&|||`|?|+|-|%|<|>|=|,|;|(|)",
		"e 'x' ee'x'":                          "e|'x'|ee|'x'",
		"'a'\n'b'":                             "'a'|'b'",
		"$a$'$b$\"$a$'c'":                      "$a$'$b$\"$a$|'c'",
		"SELECT'a'from\"b\"where(1)and/**/(2)": `SELECT|'a'|from|"b"|where|(|1|)|and|(|2|)`,
	} {
		tokens, _, sure := cut([]byte(sql))
		if got := strings.Join(tokens, "|"); got != want || !sure {
			t.Errorf("%q\n\tgot  %q (sure: %v)\n\twant %q", sql, got, sure, want)
		}
	}
}

func TestTheDictionaryKnowsItsWordsInAnyCase(t *testing.T) {
	known := 0
	for _, e := range words {
		if e.text == "" {
			continue
		}
		known++
		for _, spelled := range []string{e.text, strings.ToUpper(e.text), strings.ToUpper(e.text[:1]) + e.text[1:]} {
			l := lexer{sql: []byte(spelled)}
			if got := l.next(); got.word != e.word || got.kind != nameToken {
				t.Errorf("%s is %v, want %v", spelled, got, e.word)
			}
		}
		l := lexer{sql: []byte(`"` + strings.ToUpper(e.text) + `"`)}
		if got := l.next(); got.word != 0 {
			t.Errorf("%q in double quotes is another name", strings.ToUpper(e.text))
		}
	}
	if known < 500 || known > len(words)/2 {
		t.Errorf("%d words in a table of %d", known, len(words))
	}
}

func TestNoListGivesAFunctionNameAwayToAKeyword(t *testing.T) {
	for _, w := range []string{"set_config", "setseed", "query_to_xml", "ts_stat", "ts_rewrite", "cursor_to_xml", "pg_reload_conf", "over", "filter", "key"} {
		l := lexer{sql: []byte(w)}
		if got := l.next().word; got&(harmless|takesParen) != 0 {
			t.Errorf("%s counts as harmless", w)
		}
	}
}

// quotings hide any text that does not contain their end.
var quotings = []struct{ open, end, without string }{
	{"'", "'", "'\\"},
	{"$q$", "$q$", "$"},
	{"E'", "'", "'\\"},
	{"/*", "*/1", "*/"},
	{"--", "\n1", "\r\n"},
	{"1 AS \"", "\"", "\""},
}

// counts says that a name counts wherever it stands, in double quotes too: set_config, for one.
func counts(name []byte) bool {
	l := lexer{sql: []byte(`"` + string(name) + `"`)}
	return l.next().word != 0
}

func FuzzScan(f *testing.F) {
	for _, sql := range allTexts() {
		f.Add([]byte(sql))
	}
	f.Fuzz(func(t *testing.T, sql []byte) {
		if len(sql) > MaxScan-100 {
			t.Skip()
		}
		got := Scan(sql)
		if again := Scan(append(bytes.Clone(sql), '\n')); again != got {
			t.Errorf("%q is %s, with a newline behind it %s", sql, traitNames(got), traitNames(again))
		}
		for _, tail := range []string{"\n;SET x.y = 1", "\n;SELECT set_config('x.y', '1', false)", "\n;SELECT f()", "\n;DO ''"} {
			if Scan(append(bytes.Clone(sql), tail...))&MayChangeState == 0 {
				t.Errorf("plain: %q%s", sql, tail)
			}
		}
		for _, q := range quotings {
			if bytes.ContainsAny(sql, q.without) || len(sql) == 0 || q.end == "\"" && counts(sql) {
				continue
			}
			hidden := "SELECT " + q.open + string(sql) + q.end
			if got := Scan([]byte(hidden)); got != 0 {
				t.Errorf("%q is %s", hidden, traitNames(got))
			}
			if Scan([]byte(hidden+", set_config('x.y', '1', false)"))&MayChangeState == 0 {
				t.Errorf("what follows %q is plain", hidden)
			}
		}
	})
}
