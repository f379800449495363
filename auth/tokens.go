package auth

import (
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// place is where in a file a word begins.
type place struct{ line, col int }

// token is one word. What stands in quotes is never a keyword.
type token struct {
	text   string
	quoted bool
	at     place
}

// is reports whether the token is that keyword.
func (t token) is(keyword string) bool { return !t.quoted && t.text == keyword }

// words is one field of a line: a list of tokens set apart by commas.
type words []token

// entry is one line that holds something, with a continued one joined.
type entry struct {
	at     place
	fields []words
}

// maxNesting is how deep files may name each other with @.
const maxNesting = 10

// split reads lines the way Postgres reads pg_hba.conf and pg_ident.conf
// (tokenize_auth_file in hba.c).
func split(text string, problems *problems) []entry {
	var entries []entry
	s := scanner{problems: problems}
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		line = strings.TrimRight(line, "\r\n")
		head, continued := strings.CutSuffix(line, `\`)
		s.add(head)
		if continued {
			continue
		}
		if e := s.entry(); len(e.fields) > 0 {
			entries = append(entries, e)
		}
	}
	if len(s.starts) > 0 { // the last line promised another
		if e := s.entry(); len(e.fields) > 0 {
			entries = append(entries, e)
		}
	}
	return entries
}

// scanner splits one line, which may go on over several of the file.
type scanner struct {
	problems *problems
	text     string
	starts   []int // where in text each line of the file begins
	line     int   // of the file, the first of text
	pos      int
}

func (s *scanner) add(line string) {
	s.starts = append(s.starts, len(s.text))
	s.text += line
}

// place gives the place of an offset.
func (s *scanner) place(offset int) place {
	i := len(s.starts) - 1
	for i > 0 && s.starts[i] > offset {
		i--
	}
	return place{s.line + i + 1, offset - s.starts[i] + 1}
}

// entry splits what was added and begins anew.
func (s *scanner) entry() entry {
	var e entry
	s.pos = 0
	if !utf8.ValidString(s.text) || strings.ContainsRune(s.text, 0) {
		s.problems.add(place{s.line + 1, 1}, "not valid UTF-8 text")
		s.text = ""
	}
	for {
		f := s.field()
		if len(f) == 0 {
			break
		}
		e.fields = append(e.fields, f)
	}
	if len(e.fields) > 0 {
		e.at = e.fields[0][0].at
	}
	s.line += len(s.starts)
	s.text, s.starts = "", s.starts[:0]
	return e
}

// field reads words up to one that no comma follows.
func (s *scanner) field() words {
	var f words
	for {
		t, comma, ok := s.token()
		if !ok {
			return f
		}
		f = append(f, t)
		if !comma {
			return f
		}
	}
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// token reads one word, and says whether a comma ended it.
func (s *scanner) token() (t token, comma, ok bool) {
	for s.pos < len(s.text) && (blank(s.text[s.pos]) || s.text[s.pos] == ',') {
		s.pos++
	}
	start := s.pos
	var word strings.Builder
	inQuotes, sawQuotes := false, false
	for ; s.pos < len(s.text); s.pos++ {
		c := s.text[s.pos]
		switch {
		case c == '"' && inQuotes && strings.HasPrefix(s.text[s.pos+1:], `"`):
			word.WriteByte(c)
			s.pos++
		case c == '"':
			inQuotes, sawQuotes = !inQuotes, true
			t.quoted = t.quoted || word.Len() == 0
		case inQuotes:
			word.WriteByte(c)
		case c == '#':
			s.text = s.text[:s.pos]
		case c == ',' || blank(c):
			comma = c == ','
			s.pos++
			return token{word.String(), t.quoted, s.place(start)}, comma, true
		default:
			word.WriteByte(c)
		}
	}
	if inQuotes {
		s.problems.add(s.place(start), "the closing double quote is missing")
	}
	return token{word.String(), t.quoted, s.place(start)}, false, sawQuotes || word.Len() > 0
}

// expand puts the words of a file in the place of @file.
func expand(list words, problems *problems, read ReadFile, depth int) words {
	var out words
	for _, t := range list {
		if t.quoted || len(t.text) < 2 || t.text[0] != '@' {
			out = append(out, t)
			continue
		}
		out = append(out, included(t, problems, read, depth)...)
	}
	return out
}

func included(t token, into *problems, read ReadFile, depth int) words {
	path := t.text[1:]
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(into.file), path)
	}
	if depth == maxNesting {
		into.add(t.at, "%s: files are nested more than %d deep", t.text, maxNesting)
		return nil
	}
	text, err := read(path)
	if err != nil {
		into.add(t.at, "%s: cannot read it: %v", t.text, err)
		return nil
	}
	inner := &problems{file: path}
	var out words
	for _, e := range split(text, inner) {
		for _, f := range e.fields {
			out = append(out, expand(f, inner, read, depth+1)...)
		}
	}
	into.list = append(into.list, inner.list...)
	for i := range out {
		out[i].at = t.at // what is wrong with a word is told where the list is used
	}
	return out
}
