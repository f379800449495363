package config

import (
	"tenantpool/internal/certs"
	"tenantpool/routing"
)

// placement judges what routes, tenants and clusters say about each other's
// names.
func (l *loader) placement() {
	used := make(map[string]bool)
	for i, r := range l.config.Rules {
		l.place(l.routes[i], r.Cluster, used)
		if r.ServerName != "" && l.config.TLS.Mode == certs.Disable && !l.failed[l.root.child("tls")] {
			l.bad(l.routes[i].child("server_name").at, `route.server_name: no client can say a server name while tls = "disable"`)
		}
		if r.Existence == routing.Listed && len(l.config.Tenants) == 0 && l.config.Registry.Cluster == "" && holdsTenant(r) {
			l.warn(l.routes[i].at, "no [tenant.NAME] is listed, so this route admits nobody")
		}
	}
	for i, t := range l.config.Tenants {
		l.place(l.tenants[i], t.Cluster, used)
	}
	if n := l.root.child("registry"); n != nil {
		l.place(n, l.config.Registry.Cluster, used)
	}
	brokenInclude := len(l.files) > 1 && len(l.faults) > 0
	if len(l.config.Rules) == 0 && l.root.child("route") == nil && !brokenInclude {
		l.missing("route", "no route is configured: write a [[route]]")
	}
	for _, c := range l.config.Clusters {
		if !used[c.Name] && c.ReplicasOf == "" && l.config.Registry.Cluster == "" { // whose rows may use it
			l.warn(l.root.child("cluster").child(c.Name).at, "no route or tenant uses cluster %q", c.Name)
		}
	}
}

// missing tells that the file lacks a section, unless a misspelt one, which is
// reported as such, may be it.
func (l *loader) missing(section, text string) {
	for _, kid := range l.root.kids {
		if closest(kid.key, []string{section}) != "" {
			return
		}
	}
	l.bad(place{}, "%s", text)
}

func holdsTenant(r routing.Rule) bool {
	for _, text := range []string{r.Database, r.User, r.ServerName} {
		if p, err := routing.ParsePattern(text); err == nil && p.HasTenant() {
			return true
		}
	}
	return false
}

// place checks the name of a cluster in a route or tenant.
func (l *loader) place(n *node, cluster string, used map[string]bool) {
	used[cluster] = true
	at := n.child("cluster")
	if at == nil || l.failed[at] || len(l.config.Clusters) == 0 || l.root.child("cluster").child(cluster) != nil {
		return
	}
	var names []string
	for _, c := range l.config.Clusters {
		if c.ReplicasOf == "" {
			names = append(names, c.Name)
		}
	}
	l.bad(at.val, "no cluster is called %q%s", cluster, didYouMean(cluster, names))
}

// table builds the routing table and tells its problems by their places.
func (l *loader) table() {
	t, problems := routing.Build(l.config.Rules, l.config.Tenants, l.suffixes...)
	l.config.Table = t
	for _, p := range problems {
		n := l.entry(p)
		at, judged := l.find(n, p)
		switch {
		case judged:
		case p.Warning:
			l.warn(at, "%s", p.Text)
		default:
			l.bad(at, "%s", p.Text)
		}
	}
}

func (l *loader) entry(p routing.Problem) *node {
	if p.Rule >= 0 {
		return l.routes[p.Rule]
	}
	return l.tenants[p.Tenant]
}

// find gives the place of a problem, or says that decoding has judged the
// value already. A rule as a whole is only faulted for having no pattern, which
// means nothing if one of its keys could not be read.
func (l *loader) find(n *node, p routing.Problem) (at place, judged bool) {
	key := n.child(p.Key)
	switch {
	case l.failed[key], p.Key == "" && p.Rule >= 0 && l.failed[n]:
		return place{}, true
	case key == nil:
		return n.at, false
	case p.Name != "" && key.child(p.Name) != nil:
		return key.child(p.Name).at, false
	}
	return key.item(p.Item), false
}
