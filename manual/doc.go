// Package manual writes the reference pages, from the tables that the program itself works by: the
// settings as Markdown, and the man pages in roff. It knows no commands and no settings; whoever calls
// it hands them in. Everything is a pure function of its arguments, so that the same program always
// writes the same bytes.
package manual
