package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"tenantpool/config"
	"tenantpool/pool"
	"tenantpool/routing"
)

// aboutServer is what a check wants to know of a server as a whole.
const aboutServer = `SELECT pg_catalog.current_setting('server_version'), pg_catalog.current_setting('max_connections'), a.rolsuper
 FROM pg_catalog.pg_roles a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER`

// aboutTenants looks for what the tenants of a cluster need: $1 is their names, $2
// their schemas, $3 the roles that shall use these (” is the login), $4 their
// isolation. It gives those that lack something, and what.
const aboutTenants = `SELECT * FROM (
 SELECT t.tenant, CASE
  WHEN n.oid IS NULL THEN pg_catalog.format('schema %I does not exist: CREATE SCHEMA %I', t.schema, t.schema)
  WHEN t.role OPERATOR(pg_catalog.<>) '' AND r.oid IS NULL THEN pg_catalog.format('role %I does not exist: CREATE ROLE %I', t.role, t.role)
  WHEN t.level OPERATOR(pg_catalog.=) 'role' AND NOT pg_catalog.pg_has_role(CURRENT_USER, r.oid, 'MEMBER')
   THEN pg_catalog.format('login %I may not become role %I: GRANT %I TO %I', CURRENT_USER, t.role, t.role, CURRENT_USER)
  WHEN t.level OPERATOR(pg_catalog.=) 'dedicated' AND NOT r.rolcanlogin
   THEN pg_catalog.format('role %I cannot log in: ALTER ROLE %I LOGIN', t.role, t.role)
  WHEN NOT pg_catalog.has_schema_privilege(COALESCE(r.rolname, CURRENT_USER), n.oid, 'USAGE')
   THEN pg_catalog.format('%I may not use schema %I: GRANT USAGE ON SCHEMA %I TO %I', COALESCE(r.rolname, CURRENT_USER), t.schema, t.schema, COALESCE(r.rolname, CURRENT_USER))
  END AS lacks
 FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[]),
  pg_catalog.unnest($3::pg_catalog.text[]), pg_catalog.unnest($4::pg_catalog.text[])) t(tenant, schema, role, level)
 LEFT JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) t.schema
 LEFT JOIN pg_catalog.pg_roles r ON r.rolname OPERATOR(pg_catalog.=) t.role) found
 WHERE lacks IS NOT NULL ORDER BY 1`

// lack is what a tenant does not have under one of its routes.
type lack struct{ tenant, cluster, text string }

// connect logs in to every cluster and adds what is missing there. A tenant that
// lacks something under each of its routes cannot be reached, which is a fault;
// one that can be reached somehow is worth a warning.
func (r *checked) connect(ctx context.Context, c *config.Inspection, timeout time.Duration) {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	needs, lacks := make(map[string]int), make(map[string]int)
	var missing []lack
	for i := range c.Clusters {
		cluster := &c.Clusters[i]
		within, cancel := context.WithTimeout(ctx, timeout)
		found := r.cluster(within, c, cluster, *poolOptions(c.Config, cluster, quiet))
		cancel()
		names, _, _, _ := needed(c, cluster.Name)
		for _, n := range names {
			needs[n]++
		}
		for _, l := range found {
			lacks[l.tenant]++
		}
		missing = append(missing, found...)
	}
	for _, l := range missing {
		at := c.TenantAt(l.tenant, "")
		if at.File == "" {
			at = c.ClusterAt(l.cluster, "")
		}
		tell := r.warning
		if lacks[l.tenant] == needs[l.tenant] {
			tell = r.fault
		}
		tell(at, fmt.Sprintf("tenant %q on cluster %q: %s", l.tenant, l.cluster, l.text))
	}
}

// cluster logs in to one cluster, and gives what its tenants lack there.
func (r *checked) cluster(ctx context.Context, c *config.Inspection, cluster *config.Cluster, o pool.Options) (missing []lack) {
	at := c.ClusterAt(cluster.Name, "")
	rows, err := pool.Survey(ctx, o, aboutServer)
	if err != nil {
		r.fault(at, fmt.Sprintf("cluster %q: cannot log in as %q to database %q at %s, port %d: %v", cluster.Name, cluster.User, cluster.Database, o.Hosts[0].Name, o.Hosts[0].Port, err))
		return nil
	}
	if len(rows) == 1 {
		r.Connected = append(r.Connected, fmt.Sprintf("cluster %q: Postgres %s, logged in as %q", cluster.Name, rows[0][0], cluster.User))
		r.server(at, c, cluster, rows[0][1], rows[0][2] == "t")
	}
	names, schemas, roles, levels := needed(c, cluster.Name)
	found, err := pool.Survey(ctx, o, aboutTenants, array(names), array(schemas), array(roles), array(levels))
	if err != nil {
		r.fault(at, fmt.Sprintf("cluster %q: cannot look for the tenants' schemas: %v", cluster.Name, err))
	}
	for _, row := range found {
		missing = append(missing, lack{row[0], cluster.Name, row[1]})
	}
	return missing
}

// server judges the server's size and the login's rights.
func (r *checked) server(at config.Problem, c *config.Inspection, cluster *config.Cluster, most string, superuser bool) {
	var limit int
	if _, err := fmt.Sscan(most, &limit); err == nil && cluster.PoolSize >= limit {
		r.warning(at, fmt.Sprintf("cluster %q: pool_size = %d, but the server takes %d connections in all (max_connections)", cluster.Name, cluster.PoolSize, limit))
	}
	switch {
	case superuser && c.SwitchesRoles(cluster.Name):
		r.fault(at, fmt.Sprintf("cluster %q: login %q is a superuser, which makes isolation = \"role\" meaningless: use a login without rights of its own", cluster.Name, cluster.User))
	case superuser:
		r.warning(at, fmt.Sprintf("cluster %q: login %q is a superuser: its clients may do anything on the server", cluster.Name, cluster.User))
	}
}

// needed lists what the listed tenants of a cluster need, each thing once.
func needed(c *config.Inspection, cluster string) (names, schemas, roles, levels []string) {
	type need struct{ tenant, schema, role, level string }
	seen := make(map[need]bool)
	for _, r := range c.Table.Served(c.Tenants) {
		n := need{r.Tenant, r.Schema, r.Role, r.Isolation.String()}
		if r.Isolation == routing.Dedicated {
			n.role = r.Login
		}
		if r.Cluster != cluster || seen[n] {
			continue
		}
		seen[n] = true
		names, schemas = append(names, n.tenant), append(schemas, n.schema)
		roles, levels = append(roles, n.role), append(levels, n.level)
	}
	return names, schemas, roles, levels
}

// array writes a list as Postgres does.
func array(list []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = `"` + escape.Replace(s) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}

func (r *checked) fault(at config.Problem, text string) {
	r.OK = false
	at.Text = text
	r.add("error", config.Problems{at})
}

func (r *checked) warning(at config.Problem, text string) {
	at.Text = text
	r.add("warning", config.Problems{at})
}
