package admin

import (
	"fmt"
	"strings"

	"tenantpool/wire"
)

// word is one word of a command. A quoted one is taken as it is, and never for a keyword.
type word struct {
	text   string
	quoted bool
}

// is says that the word is a keyword, however it is spelled.
func (w word) is(keyword string) bool { return !w.quoted && strings.EqualFold(w.text, keyword) }

// statements cuts a text into statements at its semicolons, and these into words. Statements
// without a word are left out.
func statements(text string) ([][]word, error) {
	var all [][]word
	var now []word
	for {
		text = skipBlank(text)
		if text == "" || text[0] == ';' {
			if len(now) > 0 {
				all = append(all, now)
			}
			if text == "" {
				return all, nil
			}
			now, text = nil, text[1:]
			continue
		}
		w, rest, err := cutWord(text)
		if err != nil {
			return nil, err
		}
		now, text = append(now, w), rest
	}
}

// skipBlank skips white space and comments.
func skipBlank(text string) string {
	for {
		text = strings.TrimLeft(text, " \t\r\n\f\v")
		switch {
		case strings.HasPrefix(text, "--"):
			_, text, _ = strings.Cut(text, "\n")
		case strings.HasPrefix(text, "/*"):
			_, text, _ = strings.Cut(text[2:], "*/")
		default:
			return text
		}
	}
}

// cutWord takes the first word off: a quoted one, a mark, or whatever there is up to blank space, a
// quote or a mark.
func cutWord(text string) (word, string, error) {
	switch c := text[0]; c {
	case '"', '\'':
		return cutQuoted(text, c)
	case '=', ',':
		return word{text[:1], false}, text[1:], nil
	}
	end := strings.IndexAny(text, " \t\r\n\f\v;,='\"")
	if end < 0 {
		end = len(text)
	}
	return word{text[:end], false}, text[end:], nil
}

func cutQuoted(text string, quote byte) (word, string, error) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] != quote:
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == quote:
			b.WriteByte(quote)
			i++
		default:
			return word{b.String(), true}, text[i+1:], nil
		}
	}
	return word{}, "", &wire.Error{Code: "42601", Message: fmt.Sprintf("a quoted word is not closed: %.40s", text)}
}

// join writes words the way they were meant.
func join(words []word) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	return strings.Join(texts, " ")
}

// nearest is the candidate that takes the fewest changes to a text, "" if none is near.
func nearest(text string, candidates []string) string {
	best, least := "", len(text)/2+2
	for _, c := range candidates {
		if d := distance(strings.ToUpper(text), c); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is how many bytes must be changed, put in or left out to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
