package demo

import (
	"fmt"
	"strings"
)

// edit gives one key of a TOML file another value.
type edit struct {
	section  string // "cluster.main"; "" is the top of the file
	key      string
	value    string // as TOML
	optional bool   // a file without the key is fine
}

// rewrite changes keys line by line and leaves every other line as it is, so that what runs is the
// file that people read. Each key must stand on one line, in a section of the plain form [name].
func rewrite(text string, edits []edit) (string, error) {
	lines := strings.Split(text, "\n")
	done := make([]bool, len(edits))
	section := ""
	for i, line := range lines {
		if name, ok := sectionName(line); ok {
			section = name
			continue
		}
		for j, e := range edits {
			if e.section != section || keyOf(line) != e.key {
				continue
			}
			if strings.Count(line, "[") != strings.Count(line, "]") {
				return "", fmt.Errorf("line %d: %s must stand on one line", i+1, e.key)
			}
			lines[i] = e.key + " = " + e.value + " # set by the demo"
			done[j] = true
		}
	}
	for j, e := range edits {
		if !done[j] && !e.optional {
			return "", fmt.Errorf("no line sets %s in [%s]", e.key, e.section)
		}
	}
	return strings.Join(lines, "\n"), nil
}

func sectionName(line string) (string, bool) {
	line, _, _ = strings.Cut(line, "#")
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "[") {
		return "", false
	}
	return strings.Trim(line, "[] "), true
}

func keyOf(line string) string {
	key, _, ok := strings.Cut(line, "=")
	if !ok {
		return ""
	}
	return strings.TrimSpace(key)
}
