package pool

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// lexIdent reads a quoted identifier as the server's lexer does, and returns
// what is left behind it. It fails on what the server refuses.
func lexIdent(s string) (name, rest string, ok bool) {
	escapes := strings.HasPrefix(s, `U&"`)
	s = strings.TrimPrefix(s, "U&")
	if !strings.HasPrefix(s, `"`) {
		return "", s, false
	}
	var raw strings.Builder
	for s = s[1:]; ; s = s[1:] {
		switch {
		case s == "":
			return "", "", false
		case strings.HasPrefix(s, `""`):
			s = s[1:]
		case s[0] == '"':
			if escapes {
				name, ok = unescape(raw.String(), map[byte]int{'+': 6}, 4)
				return name, s[1:], ok
			}
			return raw.String(), s[1:], true
		}
		raw.WriteByte(s[0])
	}
}

// lexValue does the same for E'...'.
func lexValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, "E'") {
		return "", s, false
	}
	var raw strings.Builder
	for s = s[2:]; ; s = s[1:] {
		switch {
		case s == "":
			return "", "", false
		case strings.HasPrefix(s, `\\`):
			raw.WriteByte('\\')
			s = s[1:]
		case strings.HasPrefix(s, `''`):
			s = s[1:]
		case s[0] == '\'':
			value, ok = unescape(raw.String(), map[byte]int{'u': 4, 'U': 8, 'x': 2}, 0)
			return value, s[1:], ok
		}
		raw.WriteByte(s[0])
	}
}

// unescape resolves backslash escapes: a doubled one, one with a digit count
// per letter, and one of bare digits.
func unescape(s string, letters map[byte]int, bare int) (string, bool) {
	var out strings.Builder
	for s != "" {
		if s[0] != '\\' {
			out.WriteByte(s[0])
			s = s[1:]
			continue
		}
		s = s[1:]
		if strings.HasPrefix(s, `\`) {
			out.WriteByte('\\')
			s = s[1:]
			continue
		}
		digits, kind := bare, byte(0)
		if s != "" && letters[s[0]] > 0 {
			digits, kind = letters[s[0]], s[0]
			s = s[1:]
		}
		if digits == 0 || len(s) < digits {
			return "", false
		}
		v, err := strconv.ParseUint(s[:digits], 16, 32)
		if err != nil || v == 0 {
			return "", false
		}
		s = s[digits:]
		if kind == 'x' {
			out.WriteByte(byte(v))
		} else if !utf8.ValidRune(rune(v)) {
			return "", false
		} else {
			out.WriteRune(rune(v))
		}
	}
	return out.String(), true
}

var nasty = []string{
	"", "a", `"`, `""`, `a"b`, `"; DROP SCHEMA x; --`, `\`, `\\`, `\"`, `'`, `''`, `\'`, `'; SELECT 1; --`,
	"é", "日本", "\U0001F600", "a\U0010FFFFb", "\n", "\t\r\x7f", "$$", "$a$", "U&\"x\"", `\0041`, `\+000041`,
	"\ufffd", "ÿ", "a\u2028b", "%s", "E'x'", `\u0041`, "\ue000",
}

// broken0 are texts that must make the server refuse the whole switch.
var refusedTexts = []string{"\x00", "a\x00b", "\xff", "a\xc3", "\xed\xa0\x80"}

func checkQuoting(t *testing.T, s string) {
	t.Helper()
	for _, q := range []string{QuoteIdent(s), QuoteValue(s)} {
		if !plain(q) {
			t.Fatalf("%q is quoted as %q, which is not printable ASCII", s, q)
		}
	}
	good := utf8.ValidString(s) && !strings.Contains(s, "\x00")
	name, rest, ok := lexIdent(QuoteIdent(s) + " rest")
	if ok != good || ok && (name != s || rest != " rest") {
		t.Fatalf("QuoteIdent(%q) = %s reads as %q, %q, %v", s, QuoteIdent(s), name, rest, ok)
	}
	value, rest, ok := lexValue(QuoteValue(s) + " rest")
	if good && (!ok || value != s || rest != " rest") {
		t.Fatalf("QuoteValue(%q) = %s reads as %q, %q, %v", s, QuoteValue(s), value, rest, ok)
	}
	if !good && ok && (value != s || rest != " rest") {
		t.Fatalf("QuoteValue(%q) = %s reads as another text: %q, %q", s, QuoteValue(s), value, rest)
	}
}

func TestQuotedTextsReadBackAsTheyWere(t *testing.T) {
	for _, s := range append(nasty, refusedTexts...) {
		checkQuoting(t, s)
	}
}

func FuzzQuoting(f *testing.F) {
	for _, s := range append(nasty, refusedTexts...) {
		f.Add(s)
	}
	f.Fuzz(checkQuoting)
}
