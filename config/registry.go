package config

import (
	"strings"
	"time"
)

// Registry is where tenants are listed beside the configuration.
type Registry struct {
	Cluster  string // "" is none
	Query    string
	Channel  string        // "" is none
	Interval time.Duration // 0 is off
}

// registry decodes [registry].
func (l *loader) registry(n *node) {
	if n == nil {
		return
	}
	r := &l.config.Registry
	newSection("registry", registryFields).decode(&l.reader, n, r)
	if key := n.child("query"); key != nil && !l.failed[key] && strings.TrimSpace(r.Query) == "" {
		l.bad(key.val, "registry.query is empty")
	}
	if key := n.child("channel"); key != nil && len(r.Channel) > 63 {
		l.bad(key.val, "registry.channel is longer than 63 bytes")
	}
	if key := n.child("interval"); key != nil && !l.failed[key] && r.Interval == 0 && r.Channel == "" {
		l.bad(key.val, "registry.interval is off and registry.channel empty: no change would ever be seen")
	}
}
