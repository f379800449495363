package config

import (
	"io/fs"
	"slices"
	"time"

	"tenantpool/auth"
	"tenantpool/routing"
)

// Config is a whole, valid configuration. Durations and limits of 0 are off.
type Config struct {
	File     string   // as given to Load
	Include  []string // patterns of more files, as seen from the working directory
	Warnings Problems
	Running  []Running // what the console shows of the keys

	Listen         []Address
	HTTP           string // "" is none
	UnixSocketMode fs.FileMode
	ReusePort      bool // a successor may listen beside this process
	Mode           routing.Mode
	Features       routing.Features
	Policy         routing.TenantSettings // towards clients that change what a profile decides
	Instance       string                 // shown in logs and the console; default the host's name
	PeerID         int                    // 0: no poolers beside this one
	Peers          []Peer
	Loops          int // event loops; 0 leaves it to the pooler

	MaxClients int
	MaxWaiting int // clients waiting for a server connection, per cluster
	MaxPinned  int // sessions that keep their server connection, per cluster; 0 is half of its pool

	QueryWaitTimeout       time.Duration // waiting for a server connection
	QueryTimeout           time.Duration // one statement
	TransactionTimeout     time.Duration
	IdleTransactionTimeout time.Duration
	ClientIdleTimeout      time.Duration
	ClientLoginTimeout     time.Duration
	ClientGoneGrace        time.Duration // from a client's end to the cancel of its statement
	ServerLifetime         time.Duration
	ServerIdleTimeout      time.Duration
	ServerConnectTimeout   time.Duration
	DrainTimeout           time.Duration // 0 waits for ever

	TCPKeepAlive    bool
	TCPKeepIdle     time.Duration
	TCPKeepInterval time.Duration
	TCPKeepCount    int
	TCPUserTimeout  time.Duration
	TLS             ClientTLS
	Auth            Auth
	Admin           Admin
	Prepared        Prepared
	Log             Log
	Registry        Registry
	Clusters        []Cluster // in file order
	Rules           []routing.Rule
	Tenants         []routing.TenantEntry
	Table           *routing.Table // built from Rules and Tenants

	tenantSecrets map[string]Secret // of logins, by tenant
	include       []string          // patterns
	said          map[string]said   // by full name, see Diff
}

// Address is where to listen, ready for net.Listen.
type Address struct {
	Network string // "tcp" or "unix"
	Address string // host:port, or the path of the socket itself
}

// Auth is how clients prove their user.
type Auth struct {
	Method    string // as written; Policy says what it means
	Policy    auth.Policy
	UsersFile string // "" is none
	Users     *Users // what the file holds; empty without a file, never nil
	Lookup    Lookup
}

// Peer is another pooler that clients reach at the same address.
type Peer struct {
	ID int
	Address
	Host string // for its certificate
	TLS  TLS
}

// Lookup is how users that no file lists are looked for.
type Lookup struct {
	Cluster  string // whose server is asked; "" looks for nobody
	Query    string // "" is the built-in one
	User     string // "" is the cluster's login, with its password
	Password Secret
}

// Admin names who may use the console: everything, what keeps tenants going, or
// to look only.
type Admin struct{ Users, Operators, StatsUsers []string }

// Prepared bounds the prepared statements kept on each server connection.
type Prepared struct {
	PerServer int
	PerClient int // 0 is no limit
	Bytes     int // of statement text
}

// Log is how to log.
type Log struct{ Level, Format string }

// Cluster is one Postgres endpoint with one database and one login.
type Cluster struct {
	Name     string
	Hosts    []string // names, addresses or socket directories, in the order in which they are tried
	Ports    []int    // of each
	Port     int      // of the first
	Database string
	User     string
	Password Secret // "" is none
	TLS      TLS

	Target      string        // which hosts will do: a word of libpq's target_session_attrs
	LoadBalance string        // "disable" or "random"
	DNSMaxTTL   time.Duration // 0 is off
	ReplicasOf  string        // the cluster whose replicas these are, as [cluster.NAME] has them; "" is none

	LoginSecretsFile string // "" is none
	LoginSecrets     *Users // of the tenants' own logins; nil if none are given
	TrustsLogins     bool   // the server asks those that are not listed for no password

	PoolSize            int
	MinPoolSize         int
	MaxTenantsPerServer int // tenants one server connection ever serves; 0 is no limit

	SameTenant     string        // "watch", "switch" or "trust"
	TenantChange   string        // "scrub" or "discard"
	SchemaCheck    time.Duration // 0 is off
	SchemaAtSwitch bool          // and at each switch
}

// Cluster gives the cluster of that name, or nil.
func (c *Config) Cluster(name string) *Cluster {
	for i := range c.Clusters {
		if c.Clusters[i].Name == name {
			return &c.Clusters[i]
		}
	}
	return nil
}

// ProfileSettingNames gives the names of all settings that any profile of the
// cluster can name, sorted, in lower case.
func (c *Config) ProfileSettingNames(cluster string) []string {
	return c.Table.SettingNames(cluster)
}

// SwitchesRoles reports whether a tenant of the cluster may be isolated by a
// role, so that the cluster's login must not be able to do anything.
func (c *Config) SwitchesRoles(cluster string) bool {
	if of := c.Cluster(cluster); of != nil && of.ReplicasOf != "" {
		cluster = of.ReplicasOf
	}
	for _, r := range c.Rules {
		if r.Cluster == cluster && r.Isolation == routing.RoleSwitch {
			return true
		}
	}
	return slices.ContainsFunc(c.Tenants, func(t routing.TenantEntry) bool {
		return t.Isolation != nil && *t.Isolation == routing.RoleSwitch && (t.Cluster == "" || t.Cluster == cluster)
	})
}
