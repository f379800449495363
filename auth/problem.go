package auth

import "fmt"

// Problem is what is wrong with a line of a file. Line and Col count from 1, Col
// in bytes; a Line of 0 means the file as a whole.
type Problem struct {
	File      string
	Line, Col int
	Text      string
}

// ReadFile gives the text of a file that another names with @.
type ReadFile func(path string) (string, error)

// problems collects them.
type problems struct {
	file string
	list []Problem
}

func (p *problems) add(at place, format string, args ...any) {
	p.list = append(p.list, Problem{p.file, at.line, at.col, fmt.Sprintf(format, args...)})
}
