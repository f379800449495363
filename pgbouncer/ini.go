package pgbouncer

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// line is one setting of the file.
type line struct {
	file      string
	number    int
	section   string
	key       string
	value     string
	commented bool // it stands behind a semicolon and shows a default
}

func (l line) place() string { return fmt.Sprintf("%s:%d", filepath.Base(l.file), l.number) }

// parser reads PgBouncer's form of an INI file.
type parser struct {
	read      func(path string) ([]byte, error)
	commented bool
	section   string
	lines     []line
	depth     int
}

// maxDepth is how far files may include each other.
const maxDepth = 10

var (
	headerLine    = regexp.MustCompile(`^\[([^\]]+)\]$`)
	settingLine   = regexp.MustCompile(`^("(?:[^"]|"")*"|[^\s=]+)\s*=\s*(.*)$`)
	commentedLine = regexp.MustCompile(`^; ?([A-Za-z_0-9*]+)(?:\s*=\s*(.*))?$`)
	includeLine   = regexp.MustCompile(`^%include\s+(.+)$`)
)

func (p *parser) file(path string) error {
	if p.depth++; p.depth > maxDepth {
		return fmt.Errorf("%s: files include each other more than %d deep", path, maxDepth)
	}
	defer func() { p.depth-- }()
	text, err := p.read(path)
	if err != nil {
		return err
	}
	for i, s := range strings.Split(string(text), "\n") {
		if err := p.line(path, i+1, strings.TrimSpace(s)); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) line(path string, number int, s string) error {
	add := func(key, value string, commented bool) {
		p.lines = append(p.lines, line{path, number, p.section, key, strings.TrimSpace(value), commented})
	}
	if s == "" || s[0] == '#' {
		return nil
	}
	if s[0] == ';' {
		if m := commentedLine.FindStringSubmatch(s); m != nil && p.commented && p.isSetting(m[1], s) {
			add(m[1], m[2], true)
		}
		return nil
	}
	if m := includeLine.FindStringSubmatch(s); m != nil {
		return p.file(m[1])
	}
	if m := headerLine.FindStringSubmatch(s); m != nil {
		p.section = m[1]
		return nil
	}
	m := settingLine.FindStringSubmatch(s)
	if m == nil {
		return fmt.Errorf("%s:%d: this is no setting: %q", path, number, s)
	}
	key := m[1]
	if strings.HasPrefix(key, `"`) {
		key = strings.ReplaceAll(key[1:len(key)-1], `""`, `"`)
	}
	add(key, m[2], false)
	return nil
}

// isSetting tells a setting that is commented out from prose.
func (p *parser) isSetting(key, whole string) bool {
	if p.section == "databases" || p.section == "users" {
		return strings.Contains(whole, "=")
	}
	_, known := settings[key]
	return known
}

// pairs reads a connect string: key=value with quotes around what has spaces.
func pairs(s string) (list [][2]string, err error) {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		key, rest, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("no = behind %q", s)
		}
		rest = strings.TrimLeft(rest, " \t")
		value := ""
		if strings.HasPrefix(rest, "'") {
			if value, s, err = quoted(rest); err != nil {
				return nil, err
			}
		} else {
			end := strings.IndexAny(rest, " \t")
			if end < 0 {
				end = len(rest)
			}
			value, s = rest[:end], rest[end:]
		}
		list = append(list, [2]string{strings.TrimSpace(key), value})
	}
	return list, nil
}

// quoted takes a word in single quotes off the front; a quote inside is doubled.
func quoted(s string) (word, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 == len(s) || s[i+1] != '\'' {
			return b.String(), s[i+1:], nil
		}
		b.WriteByte('\'')
		i++
	}
	return "", "", fmt.Errorf("the closing quote is missing in %q", s)
}
