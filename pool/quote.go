package pool

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// QuoteIdent writes name as a quoted identifier in printable ASCII, so that it
// means the same under every client_encoding and standard_conforming_strings.
// Characters beyond are written as U&"\xxxx" or U&"\+xxxxxx" (section 4.1.2.3
// of the PostgreSQL documentation). A zero byte, and bytes that are not UTF-8,
// become escapes that the server refuses.
func QuoteIdent(name string) string {
	var b strings.Builder
	if plain(name) {
		b.WriteByte('"')
		b.WriteString(strings.ReplaceAll(name, `"`, `""`))
		b.WriteByte('"')
		return b.String()
	}
	b.WriteString(`U&"`)
	for i, r := range name {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte(byte(r))
			b.WriteByte(byte(r))
		case r >= ' ' && r <= '~':
			b.WriteByte(byte(r))
		case r == utf8.RuneError && broken(name[i:]):
			b.WriteString(`\D800`) // half a surrogate pair is never accepted
		case r <= 0xffff:
			fmt.Fprintf(&b, `\%04X`, r)
		default:
			fmt.Fprintf(&b, `\+%06X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// QuoteValue writes a string constant in printable ASCII, as E'...' (section
// 4.1.2.2 of the PostgreSQL documentation). Bytes that are not UTF-8 are written
// as \xHH, which the server refuses unless they are right in its own encoding,
// and so is a zero byte, which it always refuses.
func QuoteValue(v string) string {
	var b strings.Builder
	b.WriteString(`E'`)
	for i, r := range v {
		switch {
		case r == '\'' || r == '\\':
			b.WriteByte(byte(r))
			b.WriteByte(byte(r))
		case r >= ' ' && r <= '~':
			b.WriteByte(byte(r))
		case r == 0 || r == utf8.RuneError && broken(v[i:]):
			fmt.Fprintf(&b, `\x%02X`, v[i])
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			fmt.Fprintf(&b, `\U%08X`, r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// PathText writes a search_path as the server reports one that was SET, in
// whatever characters its names have.
func PathText(path []string) string {
	if len(path) == 0 {
		return `""`
	}
	return barePath(path)
}

// barePath writes a search_path as the server keeps one from a startup packet,
// but for quotes around reserved words. An empty one is the empty text.
func barePath(path []string) string {
	quoted := make([]string, len(path))
	for i, name := range path {
		quoted[i] = quoteIfNeeded(name)
	}
	return strings.Join(quoted, ", ")
}

// quoteIfNeeded quotes a name that would not survive without, as quote_ident
// does but for reserved words.
func quoteIfNeeded(name string) string {
	bare := name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) && (name[0] < '0' || name[0] > '9')
	if bare {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// broken says that s begins with a byte that is not UTF-8.
func broken(s string) bool {
	_, n := utf8.DecodeRuneInString(s)
	return n == 1
}
