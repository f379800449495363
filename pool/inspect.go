package pool

import "time"

// ConnInfo is a picture of one server connection for operators.
type ConnInfo struct {
	ID        uint64
	PID       uint32
	Place     string // "idle", "lent", "inspected" or "leaving"
	Login     string // whose it is; "" is the cluster's
	Tenant    string // whom it is lent to, or served last; "" is nobody or not known
	Address   string // the server's
	Local     string // ours
	TLS       bool
	Created   time.Time
	IdleSince time.Time // of an idle one
	Retiring  bool      // is closed when it is given back
	Prepared  int       // statements on it, of an idle one
	Bytes     int       // of their texts
}

// Conns takes a picture of every connection that has logged in.
func (p *Pool) Conns() []ConnInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]ConnInfo, 0, len(p.members))
	for c := range p.members {
		info := ConnInfo{ID: c.ID, PID: c.PID, Place: c.place.String(), Address: c.address, Local: c.local,
			TLS: c.tls != nil, Created: c.Created, Retiring: c.stale || p.resting || c.place == leaving}
		if a := c.account.account; a != nil {
			info.Login = a.login.User
		}
		switch c.place {
		case lent:
			info.Tenant = c.tenant.tenant.name
		case idle:
			info.IdleSince = c.since
			info.Prepared, info.Bytes = c.Statements.Size()
			if c.owner != nil {
				info.Tenant = c.owner.name
			}
		}
		all = append(all, info)
	}
	return all
}

func (p place) String() string {
	return [...]string{"joining", "idle", "lent", "inspected", "leaving", "left"}[p]
}

// Size is how many statements there are, and the bytes of their texts. It is for
// the owner of the connection.
func (s *Statements) Size() (count, bytes int) { return s.count, s.bytes }
