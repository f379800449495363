package proxy

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tenantpool/pool"
	"tenantpool/routing"
)

// ClientInfo is a picture of one session for operators.
type ClientInfo struct {
	ID              uint64
	User            string
	Tenant, Cluster string
	State           string // "idle", "active" or "waiting"
	WaitsFor        string // of a waiting one: "server", or "resume" of its tenant
	Mode            routing.Mode
	Address, Local  netip.AddrPort // zero on a Unix socket
	Connected       time.Time
	Since           time.Time     // when the state began
	Wait            time.Duration // of a waiting one: how long
	TLS             bool
	Application     string
	Prepared        int    // its prepared statements
	Pinned          string // why it keeps its server connection; "" is that it does not
	Canceling       bool
	Server          uint64 // the number of its server connection; 0 is none
	ServerPrepared  int    // statements on that
	ServerBytes     int    // of their texts
}

// ClientList takes a picture of every session, with their addresses if they are
// asked for, which costs a system call each.
func (p *Proxy) ClientList(addresses bool) []ClientInfo {
	var mu sync.Mutex
	var all []ClientInfo
	p.each(Scope{}, func(s *session) {
		if !s.alive() {
			return
		}
		info := s.inspect()
		if addresses {
			info.Address, info.Local = peerOf(s.fd), localOf(s.fd)
		}
		mu.Lock()
		all = append(all, info)
		mu.Unlock()
	})
	return all
}

func (s *session) inspect() ClientInfo {
	info := ClientInfo{
		ID: s.id.Number(), User: s.user.Value(), Tenant: s.route.Tenant, Cluster: s.route.Cluster, Mode: s.route.Mode,
		State: "active", Connected: wallClock(s.began), Since: wallClock(s.since), TLS: s.tls != nil,
		Prepared: len(s.names), Canceling: s.canceling || s.cancelNext, Pinned: s.pinned.String(),
	}
	info.Application, _ = s.params.Get("application_name")
	switch {
	case s.phase == phaseIdle:
		info.State = "idle"
	case s.phase == phaseWaiting:
		info.State, info.WaitsFor = "waiting", "server"
		info.Wait = time.Duration(max(0, clock()-s.since))
		if s.parked {
			info.WaitsFor = "resume"
		}
	}
	if s.server != nil {
		c := s.server.conn
		info.Server = c.ID
		info.ServerPrepared, info.ServerBytes = c.Statements.Size()
	}
	return info
}

// String names the reasons.
func (ps pinSet) String() string {
	var words []string
	for r := range ps.all {
		words = append(words, r.String())
	}
	return strings.Join(words, ", ")
}

// wallClock is the time of day at a time on the loops' clock.
func wallClock(at int64) time.Time { return began.Add(time.Duration(at)) }

func peerOf(fd int) netip.AddrPort {
	sa, err := unix.Getpeername(fd)
	if err != nil {
		return netip.AddrPort{}
	}
	return addrPort(sa)
}

func localOf(fd int) netip.AddrPort {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}
	}
	return addrPort(sa)
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// Explain tells, one step to a line, how an identity comes to its route.
func (p *Proxy) Explain(id routing.Identity) []string { return p.now().table().Explain(id) }

// Pools gives the pools by their clusters, as they are now.
func (p *Proxy) Pools() map[string]*pool.Pool {
	all := make(map[string]*pool.Pool)
	for name, h := range p.now().clusters {
		all[name] = h.pool
	}
	return all
}

// CancelCounts are what has become of cancel requests since the start.
type CancelCounts struct {
	Unknown   int64 // named no session, or not with its key
	Ignored   int64 // the session ran nothing
	Withdrawn int64 // the session waited for a server: it waits no more
	Forwarded int64 // were sent to a server
	Failed    int64 // of these: did not end well
}

// Passed is how many requests ended a wait or reached a server.
func (c CancelCounts) Passed() int64 { return c.Withdrawn + c.Forwarded }

func (c *cancelCounters) counts() CancelCounts {
	return CancelCounts{c.unknown.Load(), c.ignored.Load(), c.withdrawn.Load(), c.forwarded.Load(), c.failed.Load()}
}
