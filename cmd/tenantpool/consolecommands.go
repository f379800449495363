package main

import (
	"tenantpool/admin"
	"tenantpool/manual"
)

// consoleCommands are the console's, for tenantpool-console(7): each with what it
// does and the least role that may.
func consoleCommands() (all []manual.Example) {
	for _, line := range admin.Help() {
		all = append(all, manual.Example{Line: line[0], Why: line[2] + " (" + line[1] + ")"})
	}
	return all
}
