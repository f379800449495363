package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"tenantpool/starter"
)

// runInit writes a configuration for a live server to standard output.
func runInit(args []string, stdout, stderr io.Writer) int {
	flags := newFlags("init")
	from := flags.String("from", "", "the database, as a `URL` like postgres://user@host/database or in libpq's words; "+
		"a password comes from PGPASSWORD or ~/.pgpass")
	tenants := flags.String("tenants", "", "which schemas are tenants: a `PATTERN` like 'schema like tenant_%' or tenant_* (default: a guess)")
	_, err := parseArgs(flags, args, stderr)
	if err == nil && *from == "" {
		fmt.Fprintln(stderr, "tenantpool init: --from is missing: name the database, as in --from postgres://user@host/database")
		err = errMisuse
	}
	if err != nil {
		return misuse(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	facts, err := starter.Look(ctx, *from)
	var text string
	if err == nil {
		text, err = starter.Config(facts, *tenants)
	}
	if err != nil {
		fmt.Fprintf(stderr, "tenantpool init: %v\n", err)
		return 1
	}
	fmt.Fprint(stdout, text)
	if facts.Password {
		fmt.Fprintf(stderr, "tenantpool init: the password of %q was not written: put it into the environment as %s\n", facts.User, starter.Password)
	}
	return 0
}
