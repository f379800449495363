package config

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// reader reads the files of one configuration and collects what is wrong.
type reader struct {
	files    []source
	faults   []located
	warnings []located
	said     map[string]said // see section.note
	failed   map[*node]bool  // values that were refused, and the tables around them
}

// source is one file being read.
type source struct {
	name  string
	text  string
	lines []int // offsets at which lines begin; made when first needed
}

// located is a problem in the file of that number.
type located struct {
	file int
	Problem
}

func (r *reader) bad(at place, format string, args ...any) {
	r.faults = append(r.faults, r.locate(at, fmt.Sprintf(format, args...)))
}

func (r *reader) warn(at place, format string, args ...any) {
	r.warnings = append(r.warnings, r.locate(at, fmt.Sprintf(format, args...)))
}

// refuse is bad for a value, whose key in the table is then not judged again.
func (r *reader) refuse(in, key *node, at place, format string, args ...any) {
	r.failed[in], r.failed[key] = true, true
	r.bad(at, format, args...)
}

func (r *reader) locate(at place, text string) located {
	line, col := r.files[at.file].position(at.offset)
	return located{at.file, Problem{r.files[at.file].name, line, col, text}}
}

// position gives the line and the column, in bytes, of an offset.
func (s *source) position(offset int) (line, col int) {
	if s.lines == nil {
		s.lines = []int{0}
		for i := range len(s.text) {
			if s.text[i] == '\n' {
				s.lines = append(s.lines, i+1)
			}
		}
	}
	line = sort.SearchInts(s.lines, offset+1)
	return line, offset - s.lines[line-1] + 1
}

// inFileOrder gives the problems by file, line and column.
func inFileOrder(list []located) Problems {
	slices.SortStableFunc(list, func(a, b located) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	out := make(Problems, len(list))
	for i, l := range list {
		out[i] = l.Problem
	}
	return out
}

// add takes a file in and gives its number.
func (r *reader) add(name, text string) int {
	r.files = append(r.files, source{name: name, text: strings.TrimPrefix(text, "\ufeff")})
	return len(r.files) - 1
}

// known gives the number of a file whose lines are not shown, and takes it in if
// it is new.
func (r *reader) known(name string) int {
	if i := slices.IndexFunc(r.files, func(s source) bool { return s.name == name }); i >= 0 {
		return i
	}
	return r.add(name, "")
}

// addWhole notes a problem of a file that has no lines to show.
func (r *reader) addWhole(name, text string) {
	r.faults = append(r.faults, located{r.add(name, ""), Problem{File: name, Text: text}})
}
