package wire

import "strings"

// SplitIdentifiers splits a list of names as the server splits search_path:
// names parted by commas, in double quotes or not, the latter folded to lower
// case (SplitIdentifierString in utils/adt/varlena.c). ok is false for what the
// server would call invalid list syntax.
func SplitIdentifiers(list string) (names []string, ok bool) {
	rest := strings.TrimLeft(list, listSpace)
	if rest == "" {
		return nil, true
	}
	for {
		var name string
		if name, rest, ok = cutIdentifier(rest); !ok {
			return nil, false
		}
		names = append(names, name)
		rest = strings.TrimLeft(rest, listSpace)
		if rest == "" {
			return names, true
		}
		if rest[0] != ',' {
			return nil, false
		}
		rest = strings.TrimLeft(rest[1:], listSpace)
	}
}

const listSpace = " \t\n\r\f\v"

func cutIdentifier(s string) (name, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ","+listSpace)
		if end < 0 {
			end = len(s)
		}
		return asciiLower(s[:end]), s[end:], end > 0
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != '"':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == '"':
			b.WriteByte('"')
			i++
		default:
			return b.String(), s[i+1:], true
		}
	}
	return "", "", false
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
