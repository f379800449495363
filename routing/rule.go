package routing

// Setting is one run-time parameter of a profile. In a Rule or TenantEntry the
// value is a template; in a Route it is the value itself.
type Setting struct{ Name, Value string }

// Rule is one [[route]]: which identities it takes and what their tenants get.
// Texts are as the operator wrote them; Build parses and judges them.
type Rule struct {
	// Patterns of the identity; "" matches anything. At most one of them
	// holds {tenant}, once. A rule without {tenant} is for one tenant, named
	// by the first of Database, User, ServerName that is set.
	Database, User, ServerName string

	// Users are the logins admitted: names that may hold {tenant} once and
	// end in *. Build insists on them when the tenant is only claimed.
	Users []string
	// AnyLogin waives Users, because nothing is proven anyway
	// (auth.method = "trust").
	AnyLogin bool

	Cluster    string
	SearchPath []string // templates: {schema}, {tenant}
	Role       string   // template; "" is {tenant} at the level RoleSwitch
	Login      string   // template; "" is Role, or else {tenant}, at the level Dedicated
	Settings   []Setting
	Existence  Existence
	Schemas    string // BySchema: which schemas may be tenants, "tenant_*"; "" is any
	Isolation  Isolation
	Mode       Mode
	Features   Features
	Policy     TenantSettings

	Limits // of each of its tenants
}

// TenantEntry is one [tenant.x]: what differs for one tenant, and the fact
// that it is listed. Nil and empty fields leave it to the rule.
type TenantEntry struct {
	Name           string
	Disabled       bool
	Suspended      string   // why, if it is disabled for a reason that its clients are told
	MatchDatabases []string // exact names that lead here, before any rule
	MatchUsers     []string
	Users          []string // narrows the rule's Users, never widens them
	Schema         string   // what {schema} stands for; "" is the tenant's name
	Role           string   // at the level RoleSwitch; "" is what the rule says
	Login          string   // at the level Dedicated; "" is what the rule says
	Cluster        string
	Settings       []Setting // added to the rule's; the same name replaces
	Isolation      *Isolation
	Features       Features
	Policy         *TenantSettings
	Limits         *LimitChanges // nil: those of the rule
}
