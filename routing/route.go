package routing

// Identity is what a client says about itself at login. The user has been
// authenticated; the rest is claimed.
// Table.Plain has taken the suffix off its names.
type Identity struct{ User, Database, ServerName, Suffix string }

// Route is how one tenant is reached under one rule. It is frozen: nobody
// changes it or what its slices hold. Equal (rule, tenant) give the same
// pointer for as long as the Table lives and anyone holds the Route.
type Route struct {
	Tenant    string
	Schema    string // what {schema} stood for
	Source    Source
	Cluster   string // what serves it: the tenant's cluster, or the replicas of that
	Replicas  bool   // the latter
	Isolation Isolation
	Mode      Mode
	Path      []string  // search_path, unquoted names in order
	Role      string    // for SET ROLE; "" but at the level RoleSwitch
	Login     string    // the tenant's own; "" but at the level Dedicated
	Settings  []Setting // sorted by name, names in lower case
	Existence Existence
	Policy    TenantSettings // towards clients that change what the profile decides
	Features  Features       // what a session may leave on its server connection
	Rule      int            // index of the deciding rule

	Limits // of the tenant

	// ClusterSettings are the names of all settings that any profile of the
	// cluster can name, sorted, in lower case; shared by its routes.
	ClusterSettings []string
}
