package wire

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// SettingChange is a statement that visibly changes a run-time setting. SET
// TRANSACTION and SET CONSTRAINTS are none.
type SettingChange struct {
	Name  string   // in lower case; "" for RESET ALL and DISCARD ALL
	Reset bool     // back to where the session began
	Local bool     // until the transaction ends only
	Known bool     // Value is what it is set to
	Value []string // the items of its list, unquoted

	// From and To are where in the text the statement stands, or the value alone
	// if Call. To is 0 if that cannot be replaced.
	From, To int
	Call     bool // of set_config
}

// SettingChanges finds the changes of settings that a text shows. complete is
// false if it shows one whose name cannot be read off it, such as set_config
// with a computed name. It is meant for texts with the trait VisibleSet.
func SettingChanges(sql []byte) (changes []SettingChange, complete bool) {
	r := settingReader{complete: true}
	sure := eachStatement(sql, r.read)
	return r.changes, r.complete && sure && len(sql) <= MaxScan
}

// SurelyCut says that the server cuts a text into statements and constants as
// this package does, whatever its settings are. Only such a text may be changed.
func SurelyCut(sql []byte) bool { return eachStatement(sql, func([]lexeme) {}) }

// eachStatement reads the statements of a text, without the empty ones. It
// returns false if Postgres might cut the text otherwise.
func eachStatement(sql []byte, read func([]lexeme)) (sure bool) {
	var statement []lexeme
	lex := lexer{sql: sql}
	for {
		lex.skipBlank()
		start := lex.pos
		tok := lex.next()
		if tok.kind != noToken && tok.sym != ';' {
			statement = append(statement, lexeme{tok, string(sql[start:lex.pos]), start})
			continue
		}
		if len(statement) > 0 {
			read(statement)
		}
		statement = statement[:0]
		if tok.kind == noToken {
			return !lex.unsure
		}
	}
}

// lexeme is a token, its text, and where that stands.
type lexeme struct {
	token
	text string
	at   int
}

// word is an unquoted name in lower case, "" for anything else.
func (x lexeme) word() string {
	if x.kind != nameToken {
		return ""
	}
	return asciiLower(x.text)
}

// value is what a name or constant stands for.
func (x lexeme) value() string {
	switch {
	case x.kind == quotedToken:
		return unquote(x.text, `"`)
	case x.kind == stringToken && x.text[0] == '\'':
		return unquote(x.text, `'`)
	case x.kind == nameToken:
		return asciiLower(x.text)
	case x.kind == stringToken:
		if value, ok := unescape(x.text); ok {
			return value
		}
	}
	return x.text
}

// unescape is the value of a constant E'...' whose escapes stand for a quote, a
// backslash or a character by its number; ok is false for any other.
func unescape(text string) (value string, ok bool) {
	if len(text) < 3 || text[0]|0x20 != 'e' || text[1] != '\'' {
		return "", false
	}
	var b strings.Builder
	for inner := strings.TrimSuffix(text[2:], "'"); inner != ""; {
		size, c := 1, rune(inner[0])
		switch {
		case c == '\'' && strings.HasPrefix(inner, "''"):
			size = 2
		case c != '\\':
			b.WriteByte(inner[0])
			inner = inner[1:]
			continue
		case strings.HasPrefix(inner, `\\`), strings.HasPrefix(inner, `\'`):
			size, c = 2, rune(inner[1])
		case len(inner) >= 6 && inner[1] == 'u':
			size = 6
		case len(inner) >= 10 && inner[1] == 'U':
			size = 10
		default:
			return "", false
		}
		if size > 2 {
			n, err := strconv.ParseUint(inner[2:size], 16, 32)
			if err != nil || !utf8.ValidRune(rune(n)) {
				return "", false
			}
			c = rune(n)
		}
		b.WriteRune(c)
		inner = inner[size:]
	}
	return b.String(), true
}

// unquote takes the quotes off; the closing one of a text cut short is missing.
func unquote(text, quote string) string {
	inner := strings.TrimSuffix(text[1:], quote)
	return strings.ReplaceAll(inner, quote+quote, quote)
}

// literal says that value is the whole truth about x.
func (x lexeme) literal() bool {
	_, escaped := unescape(x.text)
	return x.kind != stringToken || x.text[0] == '\'' && !strings.Contains(x.text, `\`) || escaped
}

type settingReader struct {
	changes  []SettingChange
	complete bool
}

func (r *settingReader) add(c SettingChange) { r.changes = append(r.changes, c) }

// read reads one statement.
func (r *settingReader) read(s []lexeme) {
	n, last := len(r.changes), s[len(s)-1]
	r.statement(s)
	for i := range r.changes[n:] {
		if c := &r.changes[n+i]; !c.Call && len(r.changes) == n+1 {
			c.From, c.To = s[0].at, last.at+len(last.text)
		}
	}
}

func (r *settingReader) statement(s []lexeme) {
	switch first := wordAt(s, 0); first {
	case "set":
		r.set(s[1:])
	case "reset":
		r.reset(s[1:])
	case "discard":
		if wordAt(s, 1) == "all" {
			r.add(SettingChange{Reset: true})
		}
	default:
		r.calls(s)
	}
}

func wordAt(s []lexeme, i int) string {
	if i >= len(s) {
		return ""
	}
	return s[i].word()
}

// set reads what follows SET.
func (r *settingReader) set(s []lexeme) {
	switch wordAt(s, 0) {
	case "transaction", "constraints":
		return
	case "local":
		n := len(r.changes)
		r.named(s[1:])
		for i := range r.changes[n:] {
			r.changes[n+i].Local = true
		}
		return
	case "session":
		switch wordAt(s, 1) {
		case "authorization":
			r.assign("session_authorization", s[2:])
			return
		case "characteristics":
			for _, name := range []string{"default_transaction_isolation", "default_transaction_read_only", "default_transaction_deferrable"} {
				r.add(SettingChange{Name: name})
			}
			return
		}
		s = s[1:]
	}
	r.named(s)
}

// named reads a setting's name, in one of its spellings, and its value.
func (r *settingReader) named(s []lexeme) {
	if name, n := alias(s); n > 0 {
		r.assign(name, s[n:])
		return
	}
	name, rest := dottedName(s)
	switch {
	case name == "":
		r.complete = false
	case wordAt(rest, 0) == "to" || len(rest) > 0 && rest[0].sym == '=':
		r.assign(name, rest[1:])
	default: // FROM CURRENT
		r.add(SettingChange{Name: name})
	}
}

// alias reads the spellings of settings that are words of the grammar.
func alias(s []lexeme) (name string, words int) {
	switch wordAt(s, 0) {
	case "time":
		if wordAt(s, 1) == "zone" {
			return "timezone", 2
		}
	case "names":
		return "client_encoding", 1
	case "schema":
		return "search_path", 1
	case "role":
		if len(s) > 1 && s[1].sym != '=' && wordAt(s, 1) != "to" {
			return "role", 1
		}
	case "xml":
		if wordAt(s, 1) == "option" {
			return "xmloption", 2
		}
	}
	return "", 0
}

func dottedName(s []lexeme) (string, []lexeme) {
	var b strings.Builder
	for i, x := range s {
		switch {
		case i%2 == 0 && x.isName():
			b.WriteString(asciiLower(x.value()))
		case i%2 == 1 && x.sym == '.':
			b.WriteByte('.')
		default:
			if i%2 == 0 {
				return "", nil
			}
			return b.String(), s[i:]
		}
	}
	return b.String(), nil
}

// assign reads the value that a setting gets.
func (r *settingReader) assign(name string, s []lexeme) {
	if len(s) == 1 && s[0].word() == "default" || len(s) == 1 && s[0].word() == "local" && name == "timezone" {
		r.add(SettingChange{Name: name, Reset: true})
		return
	}
	c := SettingChange{Name: name, Known: len(s) > 0}
	for i, x := range s {
		if i%2 == 1 {
			c.Known = c.Known && x.sym == ','
			continue
		}
		c.Known = c.Known && x.kind != symbolToken && x.literal()
		c.Value = append(c.Value, x.value())
	}
	r.add(c)
}

// reset reads what follows RESET.
func (r *settingReader) reset(s []lexeme) {
	switch name, n := alias(append(s, lexeme{})); {
	case wordAt(s, 0) == "all":
		r.add(SettingChange{Reset: true})
	case wordAt(s, 0) == "session" && wordAt(s, 1) == "authorization":
		r.add(SettingChange{Name: "session_authorization", Reset: true})
	case n > 0:
		r.add(SettingChange{Name: name, Reset: true})
	default:
		if name, _ = dottedName(s); name == "" {
			r.complete = false
			return
		}
		r.add(SettingChange{Name: name, Reset: true})
	}
}

// calls finds set_config('name', 'value', ...) anywhere in a statement.
func (r *settingReader) calls(s []lexeme) {
	for i, x := range s {
		switch {
		case x.word() == "pg_settings" || x.kind == quotedToken && x.value() == "pg_settings":
			r.complete = false
		case !x.isName() || x.value() != "set_config":
		case i+3 < len(s) && s[i+1].sym == '(' && s[i+2].kind == stringToken && s[i+2].literal() && s[i+3].sym == ',':
			r.add(called(s[i+2:]))
		default:
			r.complete = false
		}
	}
}

// called reads the arguments of set_config.
func called(s []lexeme) SettingChange {
	c := SettingChange{Name: asciiLower(s[0].value()), Call: true}
	if len(s) > 3 && s[1].sym == ',' && s[2].kind == stringToken && s[2].literal() && s[3].sym == ',' {
		c.Known, c.From, c.To = true, s[2].at, s[2].at+len(s[2].text)
		c.Value = []string{s[2].value()}
		if c.Name == "search_path" {
			c.Value, c.Known = SplitIdentifiers(s[2].value())
		}
	}
	return c
}
