package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// runVersion prints the version, and with --json what the binary was built from.
func runVersion(args []string, stdout, stderr io.Writer) int {
	flags := newFlags("version")
	asJSON := flags.Bool("json", false, "as JSON, with what the program was built from")
	if _, err := parseArgs(flags, args, stderr); err != nil {
		return misuse(err)
	}
	if !*asJSON {
		fmt.Fprintln(stdout, "tenantpool", version)
		return 0
	}
	built := struct {
		Version  string `json:"version"`
		Go       string `json:"go"`
		Platform string `json:"platform"`
		Revision string `json:"revision,omitempty"`
		Modified bool   `json:"modified,omitempty"`
	}{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				built.Revision = s.Value
			case "vcs.modified":
				built.Modified = s.Value == "true"
			}
		}
	}
	printJSON(stdout, built)
	return 0
}

// printJSON prints a value for scripts.
func printJSON(w io.Writer, v any) {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // standard output
}
