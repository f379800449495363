package main

import "tenantpool/manual"

// consoleCommands are the console's, for tenantpool-console(7).
var consoleCommands = []manual.Example{}
