package config

import (
	"net"
	"strings"
	"time"
)

// clusters decodes the [cluster.NAME] tables.
func (l *loader) clusters(n *node) {
	switch {
	case n == nil:
		l.missing("cluster", "no cluster is configured: write a [cluster.NAME]")
		return
	case n.shape != table:
		l.bad(n.at, "cluster should be a table: write [cluster.NAME]")
		return
	}
	s := newSection("cluster", clusterFields)
	for _, kid := range n.kids {
		if kid.shape != table {
			l.bad(kid.at, "cluster.%s should be a table: write [cluster.NAME] above the keys of a cluster", kid.key)
			continue
		}
		raw := rawCluster{Cluster: Cluster{Name: kid.key}}
		s.decode(&l.reader, kid, &raw)
		l.hosts(kid, &raw)
		l.serverTLS(kid, &raw)
		l.pool(kid, &raw)
		raw.Password, _ = l.password("cluster", "", kid, raw.password)
		l.loginSecrets(kid, &raw)
		l.config.Clusters = append(l.config.Clusters, raw.Cluster)
	}
}

// hosts judges the hosts.
func (l *loader) hosts(n *node, c *rawCluster) {
	at := n.child("host")
	if at == nil {
		at = n
	}
	if len(c.Hosts) == 0 && !l.failed[at] {
		l.bad(at.val, "cluster.host is empty")
	}
	if len(c.Hosts) > 1 {
		l.bad(at.item(1), "cluster.host: a second server to fail over to is not supported in this version")
	}
	for i, h := range c.Hosts {
		wrong := hostFault(h)
		if wrong != "" {
			l.bad(at.item(i), "cluster.host %q %s", h, wrong)
		}
		if strings.HasPrefix(h, ".") {
			c.Hosts[i] = l.relative(h)
		}
	}
}

func hostFault(h string) string {
	switch {
	case h == "":
		return "is empty"
	case strings.HasPrefix(h, "/"), strings.HasPrefix(h, "."), net.ParseIP(h) != nil:
		return ""
	case strings.Contains(h, "://"):
		return "is a URL; its parts are cluster.host, port, database and user"
	case strings.Contains(h, ":"):
		return "holds a port; that is what cluster.port is for"
	case strings.ContainsAny(h, " \t/,="):
		return "is not the name of a host"
	}
	return ""
}

// isLocal reports whether what is sent to the host stays on the machine.
func isLocal(h string) bool {
	ip := net.ParseIP(h)
	return h == "localhost" || strings.HasPrefix(h, "/") || strings.HasPrefix(h, ".") || ip != nil && ip.IsLoopback()
}

// pool judges the sizes against each other, and spells schema_check out.
func (l *loader) pool(n *node, c *rawCluster) {
	if c.SchemaCheck == aWord {
		c.SchemaCheck, c.SchemaAtSwitch = 5*time.Second, true
	}
	if c.MinPoolSize > c.PoolSize {
		l.bad(n.child("min_pool_size").val, "cluster.min_pool_size = %d is more than pool_size = %d", c.MinPoolSize, c.PoolSize)
	}
	if c.TenantChange == "discard" && c.MinPoolSize > 0 {
		l.bad(n.child("min_pool_size").val, `cluster.min_pool_size has no use with tenant_change = "discard": every connection belongs to a tenant`)
	}
}
