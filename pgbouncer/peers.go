package pgbouncer

import (
	"cmp"
	"net"
	"path"
	"strconv"
	"strings"

	"tenantpool/config"
)

// peer translates an entry of [peers]: a pooler beside this one, which may be
// this one itself.
func (t *translator) peer(l line) {
	name := "peers." + l.key
	own := t.value("peer_id", "0")
	params, err := pairs(l.value)
	switch {
	case err != nil:
		t.tell(l, name, None, err.Error())
		return
	case l.key == own:
		t.tell(l, name, Met, "it is this pooler itself")
		return
	case peerNumber(l.key) == "" || peerNumber(own) == "":
		t.tell(l, name, None, "each pooler needs a peer_id from 1 to 63")
		return
	}
	host, port := "", "6432"
	for _, p := range params {
		switch p[0] {
		case "host":
			host = p[1]
		case "port":
			port = p[1]
		case "pool_size":
			t.tell(l, name+" pool_size", Met, "a request that is sent on has a connection of its own; there may be 16 at once")
		}
	}
	address := net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port)
	if strings.HasPrefix(host, "/") {
		address = path.Join(host, ".s.PGSQL."+port)
	}
	t.peers = append(t.peers, []entry{{"id", l.key, l.place()}, {"address", config.Quote(address), l.place()}})
	t.tell(l, name, Mapped, "[[peer]]; TLS is verify-full unless it is on this machine")
}

// peerNumber is a number that a pooler may have, "" if it is none.
func peerNumber(text string) string {
	if n, err := strconv.Atoi(text); err != nil || n < 1 || n > 63 {
		return ""
	}
	return text
}
