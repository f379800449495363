package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"tenantpool/config"
	"tenantpool/routing"
)

// runWhy explains how a client's words become a tenant. Its exit status is 1 if
// they do not.
func runWhy(args []string, stdout, stderr io.Writer) int {
	flags := newFlags("why")
	file := fileFlag(flags)
	serverName := flags.String("server-name", "", "the `NAME` that the client asks TLS for")
	rest, err := parseArgs(flags, args, stderr, "USER", "DATABASE")
	if err != nil {
		return misuse(err)
	}
	c, err := config.Inspect(*file)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	id := routing.Identity{User: rest[0], Database: rest[1], ServerName: *serverName}
	for _, step := range c.Table.Explain(id) {
		fmt.Fprintln(stdout, step)
	}
	route, err := c.Table.Resolve(c.Table.Plain(id))
	if err != nil {
		explainRefusal(stdout, c, err)
		return 1
	}
	explainRoute(stdout, c, route)
	return 0
}

// explainRefusal says what the client is told, and what would change it.
func explainRefusal(w io.Writer, c *config.Inspection, err error) {
	var r *routing.Refusal
	if !errors.As(err, &r) {
		return
	}
	told := map[routing.Source]string{
		routing.FromUser: "password authentication failed (28P01), as for a wrong password",
	}[r.Source]
	if told == "" {
		told = "database does not exist (3D000)"
	}
	if r.Reason == routing.ReasonDisabled {
		told = "tenant is not accepting connections (28000, or 57P03 with the reason of a suspension)"
	}
	fmt.Fprintf(w, "the client is told: %s\n", told)
	if at := c.TenantAt(r.Tenant, ""); at.File != "" {
		fmt.Fprintf(w, "tenant %q is listed at %s\n", r.Tenant, at.Position())
	}
	if at := c.RegistryAt(); at.File != "" && r.Reason != routing.ReasonDisabled {
		fmt.Fprintf(w, "the registry at %s was not asked: SHOW WHY on the console knows its tenants too\n", at.Position())
	}
	if r.Reason == routing.ReasonDisabled {
		fmt.Fprintf(w, "state is said at %s\n", c.TenantAt(r.Tenant, "state").Position())
	}
}

// explainRoute says where each part of a route is written.
func explainRoute(w io.Writer, c *config.Inspection, r *routing.Route) {
	fmt.Fprintf(w, "route %d is at %s\n", r.Rule+1, c.RouteAt(r.Rule, "").Position())
	if at := c.TenantAt(r.Tenant, ""); at.File != "" {
		fmt.Fprintf(w, "tenant %q is listed at %s\n", r.Tenant, at.Position())
	}
	explainPool(w, c, r)
	explainLimits(w, c, r)
	for _, key := range []string{"cluster", "isolation", "role", "login", "search_path", "schema", "settings", "pool_mode", "tenant_settings", "session_features", "users"} {
		if at := saidAt(c, r, key); at != byDefault {
			fmt.Fprintf(w, "%s is said %s\n", key, at)
		}
	}
}

// explainPool says which servers serve a route, and by how many connections.
func explainPool(w io.Writer, c *config.Inspection, r *routing.Route) {
	cluster := c.Cluster(r.Cluster)
	at := c.ClusterAt(r.Cluster, "")
	if cluster.ReplicasOf != "" {
		at = c.ClusterAt(cluster.ReplicasOf, "replicas")
	}
	fmt.Fprintf(w, "pool: %d connections to database %q as %q, cluster %q at %s\n",
		cluster.PoolSize, cluster.Database, cluster.User, r.Cluster, at.Position())
	var hosts []string
	for i, h := range cluster.Hosts {
		if !strings.HasPrefix(h, "/") {
			h = net.JoinHostPort(h, strconv.Itoa(cluster.Ports[min(i, len(cluster.Ports)-1)]))
		}
		hosts = append(hosts, h)
	}
	fmt.Fprintf(w, "hosts: %s; target_session_attrs %s\n", strings.Join(hosts, ", "), cluster.Target)
}

// explainLimits says what bounds a route, and in one line what does not.
func explainLimits(w io.Writer, c *config.Inspection, r *routing.Route) {
	var off []string
	for _, limit := range config.LimitValues(r.Limits) {
		switch at := saidAt(c, r, limit.Key); {
		case limit.Value != "":
			fmt.Fprintf(w, "%s %s, %s\n", limit.Key, limit.Value, at)
		case at == byDefault:
			off = append(off, limit.Key)
		default:
			fmt.Fprintf(w, "%s off, %s\n", limit.Key, at)
		}
	}
	if len(off) > 0 {
		fmt.Fprintf(w, "off by default: %s\n", strings.Join(off, ", "))
	}
}

const byDefault = "by default"

// saidAt is where a key of a route comes from: the tenant, its route, the top.
func saidAt(c *config.Inspection, r *routing.Route, key string) string {
	if at := c.TenantAt(r.Tenant, key); at.File != "" {
		return "at " + at.Position()
	}
	if at := c.RouteAt(r.Rule, key); at.File != "" {
		return "at " + at.Position()
	}
	switch key {
	case "max_prepared":
		if at := c.PreparedAt("per_client"); at.File != "" {
			return "at " + at.Position()
		}
	case "pool_mode", "tenant_settings", "session_features", "query_wait_timeout", "query_timeout", "transaction_timeout",
		"idle_transaction_timeout", "client_idle_timeout":
		if at := c.TopAt(key); at.File != "" {
			return "at " + at.Position()
		}
	}
	return byDefault
}
