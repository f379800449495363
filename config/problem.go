package config

import (
	"fmt"
	"strings"
)

// Problem is one fault or warning. Line and Col count from 1, Col in bytes; a
// Line of 0 means the file as a whole.
type Problem struct {
	File      string
	Line, Col int
	Text      string
}

// Position gives file:line:col, or the file alone.
func (p Problem) Position() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// String gives file:line:col: text.
func (p Problem) String() string { return p.Position() + ": " + p.Text }

// Problems is every fault of a configuration, in the order of its files and
// their lines. As an error it prints one to a line.
type Problems []Problem

// Error gives all problems, one to a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
