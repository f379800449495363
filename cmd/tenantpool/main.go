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

const usage = `tenantpool: a PostgreSQL pooler for multi-tenant applications

usage:
  tenantpool run     [-c FILE]    start in the foreground, log to standard error
  tenantpool check   [-c FILE]    check a configuration; exit status 0 or 1
  tenantpool demo    [flags]      show it at work on a private Postgres
  tenantpool soak    [-c FILE]    try to make it mix tenants up, on your own Postgres
  tenantpool tenant  COMMAND      create, drop, list and check tenants; run a command for each
  tenantpool status  [--json]     how the running pooler does; exit status 0, 1 degraded, 2 down
  tenantpool top                  its tenants and pools, live
  tenantpool reload               have it read its configuration again
  tenantpool version              print the version

FILE is config.toml unless said otherwise. "tenantpool COMMAND -h" tells more.
`

// commands are the subcommands; each returns the exit status.
var commands = map[string]func(args []string, stdout, stderr io.Writer) int{
	"run":     runRun,
	"check":   runCheck,
	"demo":    runDemo,
	"soak":    runSoak,
	"reload":  runReload,
	"status":  runStatus,
	"top":     runTop,
	"tenant":  runTenant,
	"version": runVersion,
}

func main() {
	os.Exit(dispatch(os.Args[1:], os.Stdout, os.Stderr))
}

func dispatch(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	switch name := args[0]; name {
	case "-h", "--help", "help":
		fmt.Fprint(stdout, usage)
		return 0
	default:
		if command, ok := commands[strings.TrimPrefix(name, "--")]; ok {
			return command(args[1:], stdout, stderr)
		}
		fmt.Fprintf(stderr, "tenantpool: there is no command %q\n\n%s", name, usage)
		return 2
	}
}

func runVersion(_ []string, stdout, _ io.Writer) int {
	fmt.Fprintln(stdout, "tenantpool", version)
	return 0
}
