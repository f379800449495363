package routing

// ConsoleNames are the databases that lead to the console. No tenant can have
// such a name, and no route can take it.
func ConsoleNames() []string { return []string{"tenantpool", "pgbouncer"} }

// forConsole says why a name cannot be a tenant's.
const forConsole = "it is the console's"
