package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// errMisuse says that a command line is wrong, and that this has been told.
var errMisuse = errors.New("wrong command line")

// parseArgs parses flags, which may stand before, between and behind the
// arguments, and gives the arguments. There must be as many of them as there are
// names. Whatever is wrong has been told; see misuse for the exit status.
func parseArgs(flags *flag.FlagSet, args []string, stderr io.Writer, names ...string) ([]string, error) {
	flags.SetOutput(stderr)
	var rest []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		args = flags.Args()
		if len(args) == 0 {
			break
		}
		rest, args = append(rest, args[0]), args[1:]
	}
	switch {
	case len(rest) > len(names):
		fmt.Fprintf(stderr, "%s: unexpected argument %q\n", flags.Name(), rest[len(names)])
		return nil, errMisuse
	case len(rest) < len(names):
		fmt.Fprintf(stderr, "%s: %s is missing\n", flags.Name(), names[len(rest)])
		return nil, errMisuse
	}
	return rest, nil
}

// misuse is the exit status of an error of parseArgs: a request for help is none.
func misuse(err error) int {
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	return 2
}

// newFlags are the flags of a command.
func newFlags(name string) *flag.FlagSet {
	return flag.NewFlagSet("tenantpool "+name, flag.ContinueOnError)
}

// fileFlag is the -c that most commands have.
func fileFlag(flags *flag.FlagSet) *string {
	return flags.String("c", "config.toml", "the configuration `FILE`")
}
