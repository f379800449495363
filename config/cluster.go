package config

import (
	"net"
	"os"
	"slices"
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
		raw.Password = l.password(kid, "cluster", "", raw.password)
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
}

// password finds the one secret that is given for a section, inline, in a file or
// in the environment. prefix is what its keys begin with.
func (l *loader) password(n *node, section, prefix string, raw rawPassword) (found Secret) {
	if n == nil {
		return found
	}
	var first *node
	for _, kid := range n.kids {
		form, ok := strings.CutPrefix(kid.key, prefix)
		if !ok || !slices.Contains([]string{"password", "password_file", "password_env"}, form) || l.failed[kid] {
			continue
		}
		if first != nil {
			l.bad(kid.at, "%s.%s and %s are both given; one is enough", section, first.key, kid.key)
			continue
		}
		first = kid
		secret, wrong := l.secret(form, raw)
		if wrong != "" {
			l.bad(kid.val, "%s.%s: %s", section, kid.key, wrong)
		}
		found = NewSecret(secret)
	}
	return found
}

// secret reads the secret that a key leads to.
func (l *loader) secret(form string, raw rawPassword) (secret, wrong string) {
	switch form {
	default:
		secret = raw.text
	case "password_file":
		text, err := os.ReadFile(l.relative(raw.file))
		if err != nil {
			return "", "cannot read " + raw.file + ": " + cause(err)
		}
		secret, _, _ = strings.Cut(string(text), "\n")
		secret = strings.TrimSuffix(secret, "\r")
	case "password_env":
		value, set := os.LookupEnv(raw.env)
		if !set {
			return "", "the environment has no " + raw.env
		}
		secret = value
	}
	if secret == "" {
		return "", "the password is empty"
	}
	return secret, ""
}
