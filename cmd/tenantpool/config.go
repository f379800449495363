package main

import (
	"fmt"
	"io"

	"tenantpool/config"
)

// runConfig prints a configuration in one piece, each value with its source.
func runConfig(args []string, stdout, stderr io.Writer) int {
	flags := newFlags("config")
	file := fileFlag(flags)
	effective := flags.Bool("effective", false, "also print the defaults of what the file leaves out")
	if _, err := parseArgs(flags, args, stderr); err != nil {
		return misuse(err)
	}
	c, err := config.Inspect(*file)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	header := ""
	for _, v := range c.Values(*effective) {
		if v.Table != header || v.Key == "" || v.Table == "[[route]]" && v.Key == "database" {
			header = v.Table
			fmt.Fprintf(stdout, "\n%s\n", header)
		}
		if v.Key == "" {
			continue
		}
		source := v.Source
		if source == "" {
			source = "default"
		}
		fmt.Fprintf(stdout, "%-50s # %s\n", v.Key+" = "+v.Text, source)
	}
	return 0
}
