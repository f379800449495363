package manual

import (
	"fmt"
	"strings"
)

// Verb is one subcommand of the program as a reader meets it.
type Verb struct {
	Name     string
	Args     string    // as in a synopsis: "[-c FILE] [--json]"
	Does     string    // one line, without a full stop
	About    string    // a paragraph for the long help
	Flags    []Flag    // as the command itself lists them
	Examples []Example // shown by the long help
	Exit     []string  // what the statuses 0, 1 and 2 mean; nil is the usual
}

// Flag is one option of a command.
type Flag struct {
	Name string // without dashes
	Arg  string // what its value is called; "" takes none
	Does string
}

// Example is a command line and what it is good for.
type Example struct{ Line, Why string }

// Spelling is the flag as it is typed.
func (f Flag) Spelling() string {
	dashes := "--"
	if len(f.Name) == 1 {
		dashes = "-"
	}
	return strings.TrimSpace(dashes + f.Name + " " + f.Arg)
}

// usualExit is what the exit statuses of most commands mean.
var usualExit = []string{"done", "failed; standard error says why", "the command line is wrong"}

// exit gives the meanings of the exit statuses.
func (v Verb) exit() []string {
	if v.Exit != nil {
		return v.Exit
	}
	return usualExit
}

// Short is the help of -h: how to call it, and the flags.
func (v Verb) Short() string {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: tenantpool %s\n", strings.TrimSpace(v.Name+" "+v.Args))
	fmt.Fprintf(&b, "%s; --help tells more\n", v.Does)
	v.writeFlags(&b)
	return b.String()
}

// Long is the help of --help: everything.
func (v Verb) Long() string {
	var b strings.Builder
	fmt.Fprintf(&b, "tenantpool %s: %s\n\nusage:\n  tenantpool %s\n", v.Name, v.Does, strings.TrimSpace(v.Name+" "+v.Args))
	if v.About != "" {
		fmt.Fprintf(&b, "\n%s\n", Wrap(v.About, 78, ""))
	}
	v.writeFlags(&b)
	if len(v.Examples) > 0 {
		b.WriteString("\nexamples:\n")
		for _, e := range v.Examples {
			fmt.Fprintf(&b, "  %s\n      %s\n", e.Line, e.Why)
		}
	}
	b.WriteString("\nexit status:\n")
	for status, means := range v.exit() {
		fmt.Fprintf(&b, "  %d  %s\n", status, means)
	}
	return b.String()
}

func (v Verb) writeFlags(b *strings.Builder) {
	if len(v.Flags) == 0 {
		return
	}
	b.WriteString("\nflags:\n")
	for _, f := range v.Flags {
		fmt.Fprintf(b, "  %s\n%s\n", f.Spelling(), Wrap(f.Does, 78, "      "))
	}
}

// Wrap breaks a text into lines of at most width bytes, each behind the indent.
func Wrap(text string, width int, indent string) string {
	var lines []string
	line := indent
	for _, word := range strings.Fields(text) {
		if line != indent && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}
