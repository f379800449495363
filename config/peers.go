package config

import (
	"net"
)

var peerFields = []field[rawPeer]{
	{Setting{Section: "peer", Key: "id", Kind: KindCount, Required: true, Min: 1, Max: 63,
		Doc: "Its peer_id."},
		func(p *rawPeer) any { return &p.ID }},
	{Setting{Section: "peer", Key: "address", Kind: KindText, Required: true,
		Doc: "Where it alone listens: host:port, or the path of its Unix socket."},
		func(p *rawPeer) any { return &p.address }},
	{Setting{Section: "peer", Key: "tls", Kind: KindChoice, Choices: []string{"disable", "require", "verify-ca", "verify-full"},
		Doc: "TLS with it, in the words of libpq's sslmode; default disable for one on this machine, else verify-full."},
		func(p *rawPeer) any { return &p.tls.mode }},
	{Setting{Section: "peer", Key: "tls_ca", Kind: KindPath,
		Doc: `Authority that signs its certificate, or "system" for those the operating system trusts.`},
		func(p *rawPeer) any { return &p.tls.ca }},
	{Setting{Section: "peer", Key: "tls_cert", Kind: KindPath, Doc: "Certificate shown to it."},
		func(p *rawPeer) any { return &p.tls.cert }},
	{Setting{Section: "peer", Key: "tls_key", Kind: KindPath, Doc: "Key of that certificate."},
		func(p *rawPeer) any { return &p.tls.key }},
}

// peers decodes the [[peer]] tables.
func (l *loader) peers(n *node) {
	switch {
	case n == nil:
		return
	case n.shape != list:
		l.bad(n.at, "peer should be a list of tables: write [[peer]]")
		return
	case l.config.PeerID == 0 && !l.failed[l.root.child("peer_id")]:
		l.bad(n.kids[0].at, "peer_id is missing: a pooler that has peers needs a number of its own")
	}
	s := newSection("peer", peerFields)
	seen := map[int]bool{l.config.PeerID: true}
	for _, kid := range n.kids {
		var raw rawPeer
		s.decode(&l.reader, kid, &raw)
		if id := kid.child("id"); id != nil && !l.failed[id] && seen[raw.ID] {
			l.bad(id.val, "peer.id = %d is there twice: each pooler needs a number of its own", raw.ID)
		}
		seen[raw.ID] = true
		l.peerAddress(kid, &raw)
		raw.TLS = l.tlsTo(kid, "peer", "peer", raw.tls, raw.Network == "tcp" && !isLocal(raw.Host))
		l.config.Peers = append(l.config.Peers, raw.Peer)
	}
}

func (l *loader) peerAddress(n *node, p *rawPeer) {
	at := n.child("address")
	if at == nil || l.failed[at] {
		return
	}
	if isDirectory(p.address) {
		p.Address = Address{"unix", l.relative(p.address)}
		return
	}
	a, wrong := l.address(p.address, "")
	if wrong != "" {
		l.bad(at.val, "peer.address %s", wrong)
		return
	}
	p.Address = a
	p.Host, _, _ = net.SplitHostPort(a.Address)
}
