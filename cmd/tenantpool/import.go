package main

import (
	"fmt"
	"io"

	"tenantpool/pgbouncer"
)

// runImport translates a configuration of PgBouncer: the result goes to standard
// output, and what became of each setting to standard error.
func runImport(args []string, stdout, stderr io.Writer) int {
	flags := newFlags("import")
	commented := flags.Bool("commented", false, "also translate settings that are commented out, as in the annotated sample")
	asJSON := flags.Bool("json", false, "print what became of each setting as JSON, and no configuration")
	rest, err := parseArgs(flags, args, stderr, "PGBOUNCER.INI")
	if err != nil {
		return misuse(err)
	}
	t, err := pgbouncer.Translate(rest[0], *commented)
	if err != nil {
		fmt.Fprintf(stderr, "tenantpool import: %v\n", err)
		return 1
	}
	if *asJSON {
		printOutcomes(stdout, t)
		return 0
	}
	fmt.Fprint(stdout, t.Config)
	for _, o := range t.Outcomes {
		fmt.Fprintf(stderr, "%s: %s: %s: %s\n", o.Place, o.Name, o.Result, o.Text)
	}
	fmt.Fprintf(stderr, "%d settings: %d mapped, %d met without a setting, %d not mapped\n", len(t.Outcomes),
		t.Count(pgbouncer.Mapped), t.Count(pgbouncer.Met), t.Count(pgbouncer.None))
	return 0
}

func printOutcomes(w io.Writer, t *pgbouncer.Translation) {
	type outcome struct {
		Place  string `json:"place"`
		Name   string `json:"setting"`
		Result string `json:"result"`
		Text   string `json:"text"`
	}
	list := []outcome{}
	for _, o := range t.Outcomes {
		list = append(list, outcome{o.Place, o.Name, o.Result.String(), o.Text})
	}
	printJSON(w, list)
}
