package pool

import (
	"net"
	"time"
)

// Options describe one cluster. Durations of 0 are off unless said otherwise.
type Options struct {
	Cluster  string // its name in the configuration, for errors
	Hosts    []Host // in the order in which they are tried
	Database string
	User     string // the cluster's login, which tenants without an Account share
	Password string
	TLS      TLS

	Target      Target        // which of the servers will do
	LoadBalance bool          // the hosts are tried in random order
	DNSMaxTTL   time.Duration // how long connections stay where a host's name leads no more; 0 is for ever
	Resolver    *net.Resolver // nil is the usual one

	Size           int           // server connections at most; at least 1
	MinSize        int           // of the cluster's login, kept open though nobody needs them
	ConnectTimeout time.Duration // for a login at one host and its checks; 0 is 5 s
	Lifetime       time.Duration // after which a connection is replaced, ±10 %
	IdleTimeout    time.Duration // after which an unused one is closed

	MaxTenantsPerServer int // a connection that has met as many is replaced; 0 is off
	MaxWaiting          int // waiters beyond are refused; 0 is no limit

	// Blank are the names of all settings that profiles of the cluster set.
	// Those of extensions and applications (with a dot) start empty, so that
	// every reset ends in no tenant. Postgres accepts no empty value for most
	// of its own; those end in the value the server starts with.
	Blank []string
	// RefuseSuperuser refuses a cluster's login whose rights make roles
	// meaningless; otherwise there is one EventSuperuser. A tenant's own login
	// that is a superuser is always refused.
	RefuseSuperuser bool

	PreparedCount int // statements kept per server connection
	PreparedBytes int // bytes of their texts

	// SchemaCheck is how often the schemas in use are looked for.
	SchemaCheck time.Duration
	// SchemaAtSwitch makes each switch look for its profile's schema as well.
	SchemaAtSwitch bool

	// Adopt takes over the socket of a connection that has logged in. It may be
	// called from several goroutines. On an error it has closed the socket. The
	// connection is not idle before Adopt has returned; Inspect of it says false
	// and makes the pool discard it.
	Adopt func(*Conn, net.Conn) (Transport, error)
	// Wrap, if set, is put around the socket of a connection that may speak TLS,
	// below TLS: Adopt then gets a *tls.Conn over what Wrap returned, or that itself.
	Wrap func(net.Conn) net.Conn
	// Event, if set, is told what an operator should know. It is called outside
	// all locks, from any goroutine, and must not block.
	Event func(Event)
}

// EventKind is what an Event is about.
type EventKind uint8

// What an operator should know.
const (
	EventConnected     EventKind = iota + 1 // a server connection is ready
	EventConnectFailed                      // a login failed; Err says why
	EventDiscarded                          // a server connection was closed; Reason says why
	EventControlFailed                      // the control connection failed; Err says why
	EventSuperuser                          // warning: the cluster's login is a superuser
	EventRoleSettings                       // alarm: the login's settings in the database were changed
	EventLostProof                          // alarm: a path moved that nothing could have moved
	EventSchemaMissing                      // a tenant's schema is missing or unusable
	EventSchemaBack                         // it is back
	EventCertificates                       // changed TLS files cannot be used, the old ones are; Err says why
	EventMoved                              // the server that is wanted is another; Text is its address
	EventAddressGone                        // a host's name does not lead to the address in Text any more
)

func (k EventKind) String() string {
	return [...]string{"", "connected", "connect failed", "discarded", "control failed", "superuser",
		"role settings changed", "lost proof", "schema missing", "schema back", "certificates not reloaded", "moved to another server", "address gone"}[k]
}

// Event is something an operator should know. It never holds SQL, parameters or
// secrets.
type Event struct {
	Kind    EventKind
	Cluster string
	PID     uint32 // of the server process, 0 if there is none
	Tenant  string
	Reason  Reason
	Text    string
	Err     error
}

func (p *Pool) event(e Event) {
	if p.opts().Event != nil {
		e.Cluster = p.opts().Cluster
		p.opts().Event(e)
	}
}

// Reason is why a server connection was closed. Each is counted.
type Reason uint8

// The reasons.
const (
	ReasonUnspecified  Reason = iota
	ReasonServerClosed        // the server ended it
	ReasonProtocol            // the server broke the protocol
	ReasonUnasked             // the server spoke while idle
	ReasonClientGone          // its client went while it was not quiet
	ReasonNotQuiet            // it was released though not quiet
	ReasonSwitchFailed        // a switch was refused or not confirmed
	ReasonProfileLost         // a client got away from its profile
	ReasonPinned              // the end of a session that had pinned it
	ReasonCancel              // a cancel was in flight for too long
	ReasonTimeout             // a query, transaction or idle timeout
	ReasonKilled              // an administrator's command
	ReasonLifetime            // Options.Lifetime
	ReasonIdle                // Options.IdleTimeout
	ReasonTenants             // Options.MaxTenantsPerServer
	ReasonShutdown            // the pool closed
	ReasonEvicted             // it made room for a login of another account
	ReasonShrunk              // Options.Size was lowered
	ReasonOutdated            // it was born before a setting that profiles name now
	ReasonReconnect           // an operator wants another in its place
	ReasonRetired             // its server is not the one that is wanted
	reasons                   // how many there are
)

// Alarming says that an operator should look into it.
func (r Reason) Alarming() bool {
	switch r {
	case ReasonServerClosed, ReasonProtocol, ReasonUnasked, ReasonSwitchFailed, ReasonProfileLost, ReasonCancel, ReasonTimeout:
		return true
	}
	return false
}

// Reasons are all of them.
func Reasons() []Reason {
	all := make([]Reason, reasons)
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}

func (r Reason) String() string {
	return [...]string{"unspecified", "server closed", "protocol", "unasked", "client gone", "not quiet",
		"switch failed", "profile lost", "pinned", "cancel", "timeout", "killed", "lifetime", "idle",
		"tenants", "shutdown", "evicted", "pool size lowered", "outdated", "reconnect", "retired"}[r]
}
