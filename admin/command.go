package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tenantpool/wire"
)

// command is something an operator can say.
type command struct {
	words string // in capitals: "SHOW POOLS", "PAUSE"
	args  string // what may follow, for the help
	doc   string
	role  Role // the least that may; the zero Role stands for Admin, so that nothing is open by mistake
	cols  []column
	run   func(*call) ([]row, string, error)
	takes bool // words may follow
	waits bool // may take long: it is watched whether the operator is still there
}

func (c *command) least() Role {
	if c.role == Nobody {
		return Admin
	}
	return c.role
}

// call is a command with what followed it, said by somebody.
type call struct {
	ctx     context.Context
	s       *session
	command *command
	args    []word
	cols    []column // if they depend on the words
}

// columns are those of the answer, nil if it has none.
func (c *call) columns() []column {
	if c.cols != nil {
		return c.cols
	}
	return c.command.cols
}

// commands are all there are, in the order of the help.
var commands []command

func init() {
	commands = slices.Concat(pgbouncerShows, ownShows, lifecycle, process, courtesies)
}

// Help is every command with what it does, one line each, for documentation.
func Help() (lines [][3]string) {
	for i := range commands {
		if c := &commands[i]; c.doc != "" {
			lines = append(lines, [3]string{strings.TrimSpace(c.words + " " + c.args), c.least().String(), c.doc})
		}
	}
	return lines
}

// find is the command that words mean, if the operator may use it.
func (s *session) find(words []word) (*call, error) {
	c := lookUp(words)
	switch {
	case c == nil && words[0].is("SHOW") && len(words) == 2:
		return s.findParam(words[1])
	case c == nil:
		return nil, unknownCommand(words)
	case s.role < c.least():
		return nil, &wire.Error{Code: "42501", Message: fmt.Sprintf("permission denied for %s", c.words),
			Hint: fmt.Sprintf("It needs the role %s; user %q has %s: see users and operators of [admin].", c.least(), s.op.User, s.role)}
	}
	args := words[len(strings.Fields(c.words)):]
	if len(args) > 0 && !c.takes {
		return nil, &wire.Error{Code: "42601", Message: fmt.Sprintf("%s takes nothing behind it, found %q", c.words, args[0].text)}
	}
	return &call{s: s, command: c, args: args}, nil
}

// lookUp finds a command by its words, nil if there is none.
func lookUp(words []word) *command {
	for i := range commands {
		names := strings.Fields(commands[i].words)
		if len(words) < len(names) {
			continue
		}
		same := true
		for j, name := range names {
			same = same && words[j].is(name)
		}
		if same {
			return &commands[i]
		}
	}
	return nil
}

// sqlWords begin what is SQL and not a command: clients ask it to complete what is typed.
var sqlWords = []string{"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "VALUES", "TABLE", "COPY", "EXPLAIN", "CREATE", "ALTER", "DROP", "CALL", "DO", "LISTEN", "PREPARE", "EXECUTE", "DECLARE", "FETCH", "LOCK"}

// unknownCommand is the error for what is no command: the nearest one is named.
func unknownCommand(words []word) error {
	if slices.ContainsFunc(sqlWords, words[0].is) {
		return &wire.Error{Code: "0A000", Message: "this is the console of tenantpool: it has no tables, and runs no SQL", Hint: "SHOW HELP lists its commands."}
	}
	var candidates []string
	for i := range commands {
		if commands[i].doc != "" {
			candidates = append(candidates, commands[i].words)
		}
	}
	said := words[0].text
	if words[0].is("SHOW") && len(words) > 1 {
		said += " " + words[1].text
	}
	hint := "SHOW HELP lists the commands."
	if best := nearest(said, candidates); best != "" {
		hint = "Did you mean " + best + "? " + hint
	}
	return &wire.Error{Code: "42601", Message: fmt.Sprintf("there is no command %q", clip(join(words))), Hint: hint}
}

func clip(text string) string {
	if len(text) > 80 {
		return strings.ToValidUTF8(text[:80], "") + "..."
	}
	return text
}

// findParam answers SHOW of a setting that clients like to ask for.
func (s *session) findParam(w word) (*call, error) {
	for name, value := range s.params {
		if strings.EqualFold(name, w.text) {
			return &call{s: s, cols: texts(strings.ToLower(name)), command: &command{words: "SHOW",
				run: func(*call) ([]row, string, error) { return []row{{value}}, "SHOW", nil }}}, nil
		}
	}
	if strings.EqualFold(w.text, "transaction_isolation") || strings.EqualFold(w.text, "default_transaction_isolation") {
		return &call{s: s, cols: texts("transaction_isolation"), command: &command{words: "SHOW",
			run: func(*call) ([]row, string, error) { return []row{{"read committed"}}, "SHOW", nil }}}, nil
	}
	return nil, unknownCommand([]word{{"SHOW", false}, w})
}

// show makes a command's function of one that gives rows.
func show(rows func(*call) ([]row, error)) func(*call) ([]row, string, error) {
	return func(c *call) ([]row, string, error) {
		r, err := rows(c)
		return r, "SHOW", err
	}
}

// act makes a command's function of one that does something.
func act(tag string, do func(*call) error) func(*call) ([]row, string, error) {
	return func(c *call) ([]row, string, error) { return nil, tag, do(c) }
}
