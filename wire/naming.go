package wire

import "unicode/utf8"

// NamesStatements are the traits of a text that makes, runs or drops prepared
// statements by their names.
const NamesStatements = PreparesSQL | ExecutesSQL | Deallocates

// NameVerb is what a statement does with a prepared statement.
type NameVerb uint8

// The verbs.
const (
	Prepares  NameVerb = iota + 1
	Executes           // also within EXPLAIN or CREATE TABLE AS
	Drops              // DEALLOCATE name
	DropsEach          // DEALLOCATE ALL
)

// NameUse is a statement of a text that names a prepared statement.
type NameUse struct {
	Verb     NameVerb
	Name     string // as the server folds and cuts it
	Index    int    // of the statement in its text; empty ones do not count
	From, To int    // where it stands there
}

// NameUses finds them in a text, and counts its statements. It is meant for
// texts with one of the traits NamesStatements.
func NameUses(sql []byte) (uses []NameUse, statements int) {
	eachStatement(sql, func(s []lexeme) {
		if u := nameUse(s); u.Verb != 0 {
			u.Name = cutName(u.Name)
			last := s[len(s)-1]
			u.Index, u.From, u.To = statements, s[0].at, last.at+len(last.text)
			uses = append(uses, u)
		}
		statements++
	})
	return uses, statements
}

func nameUse(s []lexeme) NameUse {
	switch wordAt(s, 0) {
	case "prepare":
		if len(s) > 2 && s[1].isName() && s[2].kind != stringToken { // not PREPARE TRANSACTION 'x'
			return NameUse{Verb: Prepares, Name: s[1].value()}
		}
	case "deallocate":
		s = s[1:]
		if len(s) > 1 && wordAt(s, 0) == "prepare" {
			s = s[1:]
		}
		switch {
		case wordAt(s, 0) == "all" && len(s) == 1:
			return NameUse{Verb: DropsEach}
		case len(s) == 1 && s[0].isName():
			return NameUse{Verb: Drops, Name: s[0].value()}
		}
	case "execute", "explain", "create":
		for i, x := range s[:len(s)-1] {
			if x.word() == "execute" && s[i+1].isName() && (i == 0 || wordAt(s, 0) == "explain" || wordAt(s, i-1) == "as") {
				return NameUse{Verb: Executes, Name: s[i+1].value()}
			}
		}
	}
	return NameUse{}
}

// maxName is the longest name that the server keeps, in bytes (NAMEDATALEN is 64).
const maxName = 63

// cutName is what the server makes of an identifier, in a database with UTF-8: it
// cuts no character.
func cutName(name string) string {
	if len(name) <= maxName {
		return name
	}
	n := maxName
	for n > maxName-utf8.UTFMax && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n]
}
