package pool

import (
	"context"
	"net"
	"slices"
	"time"
)

// resolveTimeout bounds one question about a name.
const resolveTimeout = 5 * time.Second

// resolve gives the addresses of the hosts, in order. A name that cannot be
// resolved just now has the addresses it had last; the error is why some host has
// none.
func (p *Pool) resolve(ctx context.Context) (all []*address, err error) {
	for _, h := range p.opts().Hosts {
		ips, failure := p.lookUp(ctx, h)
		if failure != nil {
			err = failure
			all = append(all, p.known(h)...)
			continue
		}
		for _, ip := range ips {
			all = append(all, p.address(h, ip))
		}
	}
	return all, err
}

// lookUp gives the addresses of one host; a socket has one without a name.
func (p *Pool) lookUp(ctx context.Context, h Host) ([]string, error) {
	switch {
	case isDirectory(h.Name):
		return []string{""}, nil
	case !named(h):
		return []string{h.Name}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	resolver := p.opts().Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	return resolver.LookupHost(ctx, h.Name)
}

// named says that a host is neither a socket nor an address.
func named(h Host) bool { return !isDirectory(h.Name) && net.ParseIP(h.Name) == nil }

// address gives the one address of a host and an IP address.
func (p *Pool) address(h Host, ip string) *address {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.addresses {
		if a.host == h && a.ip == ip {
			return a
		}
	}
	a := &address{host: h, ip: ip}
	p.addresses = append(p.addresses, a)
	return a
}

// known gives the addresses that a host had when it was last resolved.
func (p *Pool) known(h Host) (all []*address) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.addresses {
		if a.host == h {
			all = append(all, a)
		}
	}
	return all
}

// watchNames looks every Options.DNSMaxTTL whether the hosts' names still lead
// where they led, and retires the connections to addresses they do not lead to
// any more.
func (p *Pool) watchNames() {
	if p.opts().DNSMaxTTL <= 0 || !slices.ContainsFunc(p.opts().Hosts, named) {
		return
	}
	tick := time.NewTicker(p.opts().DNSMaxTTL)
	defer tick.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-tick.C:
		}
		for _, h := range p.opts().Hosts {
			if !named(h) {
				continue
			}
			if ips, err := p.lookUp(p.ctx, h); err == nil {
				p.leadsTo(h, ips)
			}
		}
	}
}

// leadsTo notes which addresses a host has now, and forgets the others.
func (p *Pool) leadsTo(h Host, ips []string) {
	var gone []string
	p.mu.Lock()
	p.addresses = slices.DeleteFunc(p.addresses, func(a *address) bool {
		if a.host != h || slices.Contains(ips, a.ip) {
			return false
		}
		p.retire(a)
		gone = append(gone, a.String())
		return true
	})
	p.mu.Unlock()
	for _, text := range gone {
		p.event(Event{Kind: EventAddressGone, Text: text})
	}
	if gone != nil {
		p.tidy(time.Now())
	}
}
