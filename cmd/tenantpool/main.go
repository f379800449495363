// Command tenantpool is a PostgreSQL pooler for multi-tenant applications: it
// sits between unmodified applications and Postgres, maps each connecting user
// or database name to a tenant, and makes every server connection it lends
// carry that tenant's search_path.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// version is set when a release is built.
var version = "0.1.0-dev"

// commands are the subcommands; each returns the exit status. What there is to
// say of them stands in verbs.
var commands = map[string]func(args []string, stdout, stderr io.Writer) int{
	"run":     runRun,
	"init":    runInit,
	"check":   runCheck,
	"config":  runConfig,
	"why":     runWhy,
	"hash":    runHash,
	"import":  runImport,
	"demo":    runDemo,
	"soak":    runSoak,
	"reload":  runReload,
	"status":  runStatus,
	"top":     runTop,
	"tenant":  runTenant,
	"version": runVersion,
}

// These read the table of commands, so they join it once it is there.
func init() {
	commands["completion"] = runCompletion
	commands["complete"] = runComplete // for the shells; not a verb
	commands["man"] = runMan
}

func main() {
	os.Exit(dispatch(os.Args[1:], os.Stdout, os.Stderr))
}

func dispatch(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage())
		return 2
	}
	name, rest := args[0], args[1:]
	if name == "-h" || name == "--help" || name == "help" && len(rest) == 0 {
		fmt.Fprint(stdout, usage())
		return 0
	}
	if name == "help" {
		name, rest = rest[0], append(rest[1:len(rest):len(rest)], "--help")
	}
	name = strings.TrimPrefix(name, "--")
	command, ok := commands[name]
	if !ok {
		fmt.Fprintf(stderr, "tenantpool: there is no command %q\n\n%s", name, usage())
		return 2
	}
	if v, rest, ok := named(append([]string{name}, rest...)); ok && len(rest) > 0 {
		switch rest[0] {
		case "-h":
			fmt.Fprint(stdout, v.Short())
			if v.Name == "tenant" {
				fmt.Fprint(stdout, "\n"+tenantUsage())
			}
			return 0
		case "--help", "-help":
			fmt.Fprint(stdout, v.Long())
			if v.Name == "tenant" {
				fmt.Fprint(stdout, "\n"+tenantUsage())
			}
			return 0
		}
	}
	return command(rest, stdout, stderr)
}
