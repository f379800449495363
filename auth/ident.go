package auth

import (
	"regexp"
	"strings"
)

// Maps say, by the name of a map, which names of another system stand for which
// users.
type Maps map[string][]mapping

// mapping is one line: a name of the system, or a pattern, and the users it may be.
type mapping struct {
	system  string
	pattern *regexp.Regexp // nil: system is the name itself
	user    name
	refers  bool // user holds \1, which stands for what the pattern found
}

// backReference is what stands for the first parenthesis of the pattern.
const backReference = `\1`

// Allows says whether somebody known as system may log in as user. Without a map
// the names must be equal.
func (m Maps) Allows(mapName, system, user string) bool {
	if mapName == "" {
		return system == user
	}
	for _, line := range m[mapName] {
		if line.allows(system, user) {
			return true
		}
	}
	return false
}

func (m mapping) allows(system, user string) bool {
	if m.pattern == nil {
		return m.system == system && m.user.matches(user, user)
	}
	found := m.pattern.FindStringSubmatch(system)
	switch {
	case found == nil:
		return false
	case m.refers:
		return strings.Replace(m.user.text, backReference, found[1], 1) == user
	}
	return m.user.matches(user, user)
}

// ParseIdent reads the text of a file in the form of pg_ident.conf. Every line
// that is wrong is a problem, and maps nothing.
func ParseIdent(file, text string) (Maps, []Problem) {
	found := &problems{file: file}
	m := make(Maps)
	for _, e := range split(text, found) {
		before := len(found.list)
		if line := parseMapping(e, found); len(found.list) == before {
			key := e.fields[0][0].text
			m[key] = append(m[key], line)
		}
	}
	return m, found.list
}

func parseMapping(e entry, found *problems) (m mapping) {
	if strings.HasPrefix(e.fields[0][0].text, "include") && !e.fields[0][0].quoted {
		found.add(e.at, "%s is not supported: put the lines into this file", e.fields[0][0].text)
		return m
	}
	if len(e.fields) != 3 {
		found.add(e.at, "a line has three words: the map, the name in the system, the user")
		return m
	}
	for _, f := range e.fields {
		if len(f) > 1 {
			found.add(f[1].at, "one name is enough, not a list")
			return m
		}
	}
	system, user := e.fields[1][0], e.fields[2][0]
	var err error
	m.system = system.text
	if strings.HasPrefix(system.text, "/") {
		if m.pattern, err = compile(system.text); err != nil {
			found.add(system.at, "%v", err)
			return m
		}
	}
	if m.user, err = parseName(user); err != nil {
		found.add(user.at, "%v", err)
	}
	m.refers = m.pattern != nil && m.user.kind == nameLiteral && strings.Contains(user.text, backReference)
	if m.refers && m.pattern.NumSubexp() == 0 {
		found.add(user.at, `\1 stands for what the first parenthesis finds, but %s has none`, system.text)
	}
	return m
}
