package main

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"tenantpool/config"
)

// runCheck implements tenantpool check: it reads a configuration the way run
// does, prints every fault and warning to stderr, and one line that sums up a
// good one to stdout. It returns the exit status.
func runCheck(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tenantpool check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	file := flags.String("c", "config.toml", "the configuration `FILE`")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 1
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "tenantpool check: unexpected argument %q; name the file with -c\n", flags.Arg(0))
		return 1
	}
	c, err := config.Load(*file)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(stderr, "%s: warning: %s\n", w.Position(), w.Text)
	}
	fmt.Fprintf(stdout, "%s: ok: %s, %s, %s, %s\n", c.File, count(len(c.Listen), "listener"),
		count(len(c.Clusters), "cluster"), count(len(c.Rules), "route"), count(len(c.Tenants), "listed tenant"))
	return 0
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
