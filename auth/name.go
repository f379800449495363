package auth

import (
	"errors"
	"regexp"
	"strings"
)

// nameKind is what a word in a list of names means.
type nameKind uint8

const (
	nameLiteral nameKind = iota
	nameAll              // all
	nameUser             // sameuser: the database bears the user's name
	namePattern          // a regular expression, after a slash
	nameNobody           // replication: no database
)

// name is one word of a list of databases or users.
type name struct {
	kind    nameKind
	text    string
	pattern *regexp.Regexp
}

// matches holds the name against a client's word. user counts for sameuser only.
func (n name) matches(word, user string) bool {
	switch n.kind {
	case nameLiteral:
		return n.text == word
	case nameAll:
		return true
	case nameUser:
		return word == user
	case namePattern:
		return n.pattern.MatchString(word)
	}
	return false
}

func anyMatches(names []name, word, user string) bool {
	for _, n := range names {
		if n.matches(word, user) {
			return true
		}
	}
	return false
}

// parseDatabase reads a word of the database field.
func parseDatabase(t token) (name, error) {
	switch {
	case t.is("sameuser"):
		return name{kind: nameUser}, nil
	case t.is("samerole"), t.is("samegroup"):
		return name{}, errors.New(t.text + " is not supported: tenantpool knows no roles; list the users, or use sameuser")
	case t.is("replication"):
		return name{kind: nameNobody}, nil
	}
	return parseName(t)
}

// parseName reads a word of a list of users.
func parseName(t token) (name, error) {
	switch {
	case t.is("all"):
		return name{kind: nameAll}, nil
	case !t.quoted && strings.HasPrefix(t.text, "+"):
		return name{}, errors.New(t.text + " is not supported: tenantpool knows no groups; list the users, or name a file with @")
	case strings.HasPrefix(t.text, "/"):
		pattern, err := compile(t.text)
		return name{kind: namePattern, text: t.text, pattern: pattern}, err
	}
	return name{text: t.text}, nil
}

// compile reads a regular expression behind its slash.
func compile(text string) (*regexp.Regexp, error) {
	pattern, err := regexp.Compile(text[1:])
	if err != nil {
		return nil, errors.New(strings.Replace(err.Error(), "error parsing regexp", text+" is not a regular expression", 1))
	}
	return pattern, nil
}
