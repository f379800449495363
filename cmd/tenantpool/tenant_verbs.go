package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// consoleVerbs are the subcommands of "tenantpool tenant" that the running pooler carries out.
var consoleVerbs = map[string]string{
	"pause":     "let a tenant's transactions end and make its new work wait",
	"resume":    "end pause, suspend and drain",
	"suspend":   "end a tenant's sessions with a reason, and refuse logins with it",
	"drain":     "end a tenant's sessions between transactions, and wait until they have gone",
	"disable":   "refuse a tenant's new logins",
	"enable":    "end disable",
	"kill":      "end a tenant's sessions at once",
	"reconnect": "replace the server connections that serve a tenant",
}

func init() {
	for name, does := range consoleVerbs {
		synopsis := "NAME [-c FILE]"
		if name == "suspend" {
			synopsis = "NAME [--reason TEXT] [--now]"
		}
		tenantVerbs[name] = tenantVerb{args: synopsis, does: does, run: func(args []string, stdout, stderr io.Writer) int {
			return runConsoleVerb(name, args, stdout, stderr)
		}}
	}
}

// runConsoleVerb says one verb of the lifecycle to the running pooler.
func runConsoleVerb(name string, args []string, stdout, stderr io.Writer) int {
	f := newConsoleFlags("tenant "+name, stderr)
	var reason string
	var now bool
	if name == "suspend" {
		f.StringVar(&reason, "reason", "", "the `TEXT` that clients are told")
		f.BoolVar(&now, "now", false, "end sessions at once, not when their transactions end")
	}
	var names []string
	for len(args) > 0 {
		if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
			return 0
		} else if err != nil {
			return 2
		}
		if args = f.Args(); len(args) > 0 {
			names, args = append(names, args[0]), args[1:]
		}
	}
	if len(names) != 1 {
		fmt.Fprintf(stderr, "usage: tenantpool tenant %s [flags] NAME\n", name)
		return 2
	}
	command := strings.ToUpper(name) + " TENANT " + quoted(names[0])
	if reason != "" {
		command += " '" + strings.ReplaceAll(reason, "'", "''") + "'"
	}
	if now {
		command += " NOW"
	}
	return f.tell(command, stdout, stderr)
}
