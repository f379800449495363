package routing

// Source says where the name of a tenant was taken from.
type Source uint8

// The places a tenant's name can come from. Only FromUser is proven by
// authentication; the others are what the client claims.
const (
	FromNothing    Source = iota // no pattern held {tenant}: the rule itself names the tenant
	FromUser                     // the user name
	FromDatabase                 // the database name
	FromServerName               // the TLS server name
)

// String gives the configuration key that the source stands for.
func (s Source) String() string {
	return [...]string{"nothing", "user", "database", "server_name"}[s]
}

// Isolation is how far tenants are kept apart on the server.
type Isolation uint8

// The levels of isolation.
const (
	Shared     Isolation = iota // the cluster's login, the tenant's search_path
	RoleSwitch                  // besides, SET ROLE to the tenant's role
	Dedicated                   // the tenant's own login
)

// String gives the word the configuration uses.
func (i Isolation) String() string { return [...]string{"shared", "role", "dedicated"}[i] }

// Mode says how long a client keeps a server connection.
type Mode uint8

// The pool modes.
const (
	Transaction Mode = iota // until its transaction ends
	Session                 // until it disconnects
	Statement               // one statement; transactions are refused
)

// String gives the word the configuration uses.
func (m Mode) String() string { return [...]string{"transaction", "session", "statement"}[m] }

// TenantSettings says what happens when a client visibly changes what its
// tenant's profile decides: search_path, role, the profile's settings.
type TenantSettings uint8

// The policies. Role and settings are never followed.
const (
	OwnSettings    TenantSettings = iota // a path among the profile's own schemas is followed, the rest refused
	FollowSettings                       // any path is followed
	RefuseSettings                       // every change is refused
	IgnoreSettings                       // every change becomes one to what the profile says
)

// String gives the word the configuration uses.
func (p TenantSettings) String() string {
	return [...]string{"own", "follow", "refuse", "ignore"}[p]
}

// Existence says who decides whether a tenant exists.
type Existence uint8

// The ways to know that a tenant exists.
const (
	Listed   Existence = iota // the configuration names it
	BySchema                  // it does if its schema does; whoever holds the Route has to look
)

// String gives the word the configuration uses.
func (e Existence) String() string { return [...]string{"listed", "schema"}[e] }
