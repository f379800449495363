package main

import (
	"fmt"
	"io"

	"tenantpool/config"
	"tenantpool/manual"
)

// runMan prints a manual page in roff, or docs/settings.md.
func runMan(args []string, stdout, stderr io.Writer) int {
	flags := newFlags("man")
	rest, err := parseArgs(flags, args, stderr, "the page (1, 5, 7 or settings)")
	if err != nil {
		return misuse(err)
	}
	switch rest[0] {
	case "1":
		fmt.Fprint(stdout, manual.Program(fullVerbs(), version))
	case "5":
		fmt.Fprint(stdout, manual.File(config.Settings(), version))
	case "7":
		fmt.Fprint(stdout, manual.Console(consoleCommands(), version))
	case "settings":
		fmt.Fprint(stdout, manual.Settings(config.Settings()))
	default:
		fmt.Fprintf(stderr, "tenantpool man: there is no page %q; there are 1, 5, 7 and settings\n", rest[0])
		return 2
	}
	return 0
}

// fullVerbs are all commands with their flags.
func fullVerbs() []manual.Verb {
	var full []manual.Verb
	for _, v := range verbs {
		full = append(full, withFlags(v))
		if v.Name != "tenant" {
			continue
		}
		for _, v := range verbsOfTenant() {
			full = append(full, withFlags(v))
		}
	}
	return full
}
