package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// tenantVerb is what can be done with tenants.
type tenantVerb struct {
	run  func(args []string, stdout, stderr io.Writer) int
	args string // as in a synopsis
	does string
}

// tenantVerbs are the subcommands of "tenantpool tenant".
var tenantVerbs = map[string]tenantVerb{
	"create": {runTenantCreate, "NAME [flags]", "make a tenant's schema, role and grants, check and publish it"},
	"drop":   {runTenantDrop, "NAME [--yes]", "take a tenant and all it has away"},
	"list":   {runTenantList, "[-c FILE]", "list the tenants"},
	"check":  {runTenantCheck, "[NAME]", "check schema, role, grants and path of tenants"},
	"each":   {runTenantEach, "[flags] -- COMMAND [ARGUMENT...]", "run a command for every tenant"},
}

// runTenant runs one of the subcommands. Exit status 2 is a wrong command line.
func runTenant(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		switch v, ok := tenantVerbs[args[0]]; {
		case ok:
			return v.run(args[1:], stdout, stderr)
		case args[0] == "-h" || args[0] == "--help":
			fmt.Fprint(stdout, tenantUsage())
			return 0
		}
		fmt.Fprintf(stderr, "tenantpool tenant: there is no command %q\n\n", args[0])
	}
	fmt.Fprint(stderr, tenantUsage())
	return 2
}

func tenantUsage() string {
	var b strings.Builder
	b.WriteString("commands:\n")
	for _, name := range slices.Sorted(maps.Keys(tenantVerbs)) {
		fmt.Fprintf(&b, "  tenantpool tenant %-10s %s\n", name, tenantVerbs[name].does)
	}
	b.WriteString("\n\"tenantpool tenant COMMAND -h\" lists its flags.\n")
	return b.String()
}

// tenantFlags are the flags that all of them have.
type tenantFlags struct {
	*flag.FlagSet
	file  string
	admin string
}

func newTenantFlags(name string, stderr io.Writer) *tenantFlags {
	f := &tenantFlags{FlagSet: flag.NewFlagSet("tenantpool tenant "+name, flag.ContinueOnError)}
	f.SetOutput(stderr)
	f.StringVar(&f.file, "c", "config.toml", "the configuration `FILE`")
	f.StringVar(&f.admin, "admin-url", os.Getenv("TENANTPOOL_ADMIN_URL"),
		"the `login` past the pooler that may do it, as in postgres://postgres@host/database "+
			"(default $TENANTPOOL_ADMIN_URL, or else the cluster's own)")
	f.Lookup("admin-url").DefValue = "" // it may hold a password
	return f
}

// parse takes flags that stand before, between and behind the names, of which there
// are to be at least and at most so many. It returns false, and the exit status, if
// there is nothing to do.
func (f *tenantFlags) parse(args []string, least, most int) (names []string, status int, ok bool) {
	for {
		if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, 0, false
		} else if err != nil {
			return nil, 2, false
		}
		if args = f.Args(); len(args) == 0 {
			break
		}
		names, args = append(names, args[0]), args[1:]
	}
	switch {
	case len(names) < least:
		fmt.Fprintf(f.Output(), "%s: which tenant? name it\n", f.Name())
		return nil, 2, false
	case len(names) > most:
		fmt.Fprintf(f.Output(), "%s: unexpected argument %q\n", f.Name(), names[most])
		return nil, 2, false
	}
	return names, 0, true
}

// fail tells an error and gives the exit status.
func (f *tenantFlags) fail(err error) int {
	fmt.Fprintf(f.Output(), "%s: %v\n", f.Name(), err)
	return 1
}
