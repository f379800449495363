package config

import (
	"net"
	"strconv"
	"strings"
	"time"

	"tenantpool/routing"
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
		l.replicas(kid, &raw)
	}
}

// hosts judges the hosts and gives each its port.
func (l *loader) hosts(n *node, c *rawCluster) {
	at := n.child("host")
	if at == nil {
		at = n
	}
	if len(c.Hosts) == 0 && !l.failed[at] {
		l.bad(at.val, "cluster.host is empty")
	}
	given := c.Ports
	if port := n.child("port"); len(given) != 1 && len(given) != len(c.Hosts) && port != nil {
		l.bad(port.val, "cluster.port: %d ports for %d hosts; write one for all, or one for each", len(given), len(c.Hosts))
		given = []int{5432}
	}
	c.Ports = nil
	for i, h := range c.Hosts {
		name, port, wrong := l.host(h)
		if wrong != "" {
			l.bad(at.item(i), "cluster.host %q %s", withoutSecret(h), wrong)
		}
		if port == 0 {
			port = given[min(i, len(given)-1)]
		}
		c.Hosts[i], c.Ports = name, append(c.Ports, port)
	}
	if len(c.Ports) > 0 {
		c.Port = c.Ports[0]
	}
	if c.Target == "" {
		c.Target = "any"
		if len(c.Hosts) > 1 {
			c.Target = "read-write"
		}
	}
}

// host splits "host:port" and judges it; port is 0 if there is none. The path of a
// socket is as seen from the configuration file.
func (l *loader) host(word string) (name string, port int, wrong string) {
	name = word
	if strings.Contains(word, "://") {
		return name, 0, "is a URL; its parts are cluster.host, port, database and user"
	}
	if h, p, err := net.SplitHostPort(word); err == nil && !isDirectory(h) {
		name = h
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			return name, 0, "has no port between 1 and 65535"
		}
	}
	if strings.HasPrefix(name, ".") {
		return l.relative(name), port, ""
	}
	return name, port, hostFault(name)
}

// replicas makes a cluster of its own of a cluster's replicas: the same database
// by the same login, other hosts.
func (l *loader) replicas(n *node, raw *rawCluster) {
	given := raw.replicas
	at := n.child("replicas")
	if len(given.hosts) == 0 {
		for _, key := range []string{"replica_suffix", "replica_pool_size", "replica_fallback"} {
			if kid := n.child(key); kid != nil {
				l.warn(kid.at, "cluster.%s has no use without replicas", key)
			}
		}
		return
	}
	if given.suffix == "" {
		l.bad(n.child("replica_suffix").val, "cluster.replica_suffix is empty: nobody could tell a name with it from one without")
		return
	}
	c := raw.Cluster
	c.Name, c.ReplicasOf = raw.Name+given.suffix, raw.Name
	if l.root.child("cluster").child(c.Name) != nil {
		l.bad(at.at, "cluster.replicas: a cluster %q is there already; choose another replica_suffix", c.Name)
	}
	c.Hosts, c.Ports, c.Target, c.LoadBalance = nil, nil, "standby", "random"
	for i, h := range given.hosts {
		name, port, wrong := l.host(h)
		if wrong != "" {
			l.bad(at.item(i), "cluster.replicas %q %s", withoutSecret(h), wrong)
		}
		if port == 0 {
			port = raw.Port
		}
		c.Hosts, c.Ports = append(c.Hosts, name), append(c.Ports, port)
	}
	c.Port = c.Ports[0]
	if given.fallback == "primary" {
		c.Target = "prefer-standby"
		c.Hosts, c.Ports = append(c.Hosts, raw.Hosts...), append(c.Ports, raw.Ports...)
	}
	if given.size > 0 {
		c.PoolSize, c.MinPoolSize = given.size, min(c.MinPoolSize, given.size)
	}
	l.config.Clusters = append(l.config.Clusters, c)
	l.suffixes = append(l.suffixes, routing.Replicas{Cluster: raw.Name, Suffix: given.suffix, Pool: c.Name})
}

// withoutSecret is a word that was meant to be a host, less the login of a URL.
func withoutSecret(word string) string {
	scheme, rest, _ := strings.Cut(word, "://")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		return scheme + "://..." + rest[at:]
	}
	return word
}

func hostFault(h string) string {
	switch {
	case h == "":
		return "is empty"
	case strings.HasPrefix(h, "/"), strings.HasPrefix(h, "."), net.ParseIP(h) != nil:
		return ""
	case strings.Contains(h, ":"):
		return "is not host:port"
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
