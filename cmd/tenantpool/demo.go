package main

import (
	"fmt"
	"io"
	"os"

	"tenantpool/demo"
)

// runDemo runs the demo, which starts this same program as its pooler.
func runDemo(args []string, stdout, stderr io.Writer) int {
	program, err := os.Executable()
	if err != nil {
		fmt.Fprintf(stderr, "tenantpool demo: %v\n", err)
		return 1
	}
	return demo.Run(program, args, stdout, stderr)
}
