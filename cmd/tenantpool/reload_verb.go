package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// runReload asks the pooler that runs to read its configuration again. The exit status is 0 if it
// did, 1 if it refused, 2 if it cannot be reached.
func runReload(args []string, stdout, stderr io.Writer) int {
	f := newConsoleFlags("reload", stderr)
	f.Bool("wait", true, "wait until it is done, which it always does")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case f.NArg() > 0:
		fmt.Fprintf(stderr, "tenantpool reload: unexpected argument %q\n", f.Arg(0))
		return 2
	}
	return f.tell("RELOAD", stdout, stderr)
}
