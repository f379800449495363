package config

import (
	"errors"
	"fmt"
	"slices"

	"tenantpool/auth"
	"tenantpool/routing"
)

// Login is who the server connections of one tenant alone log in as.
type Login struct {
	User   string
	Secret Secret // empty if the server asks for none
}

// Login gives the login of a route whose tenant shares no server connection with
// others: the tenant's own, or the cluster's if tenant_change is "discard". own
// is false for all other routes. The error names the key that is missing.
func (c *Config) Login(r *routing.Route) (login Login, own bool, err error) {
	cluster := c.Cluster(r.Cluster)
	switch {
	case r.Isolation == routing.Dedicated:
		secret, ok := c.loginSecret(r.Tenant, r.Login, cluster)
		if !ok {
			return Login{}, true, errors.New(missingSecret(r.Tenant, r.Login, r.Cluster))
		}
		return Login{r.Login, secret}, true, nil
	case cluster.TenantChange == "discard":
		return Login{cluster.User, cluster.Password}, true, nil
	}
	return Login{}, false, nil
}

// loginSecret finds the secret of a tenant's own login: beside the tenant, or in
// the cluster's file.
func (c *Config) loginSecret(tenant, login string, cluster *Cluster) (Secret, bool) {
	if s, ok := c.tenantSecrets[tenant]; ok {
		return s, true
	}
	if cluster.LoginSecrets == nil {
		return Secret{}, false
	}
	s, ok := cluster.LoginSecrets.Secret(login)
	return s, ok || cluster.TrustsLogins
}

func missingSecret(tenant, login, cluster string) string {
	return fmt.Sprintf("login %q of tenant %q has no secret: add it to login_secrets_file of [cluster.%s], or password_file to [tenant.%s]",
		login, tenant, cluster, tenant)
}

// loginSecrets reads the file of a cluster's login secrets.
func (l *loader) loginSecrets(n *node, c *rawCluster) {
	key := n.child("login_secrets_file")
	switch {
	case key == nil || l.failed[key]:
		return
	case c.loginSecrets == "":
		c.LoginSecrets, c.TrustsLogins = &Users{}, true
		return
	}
	c.LoginSecretsFile = l.relative(c.loginSecrets)
	c.LoginSecrets = l.readUsers(key, "cluster.login_secrets_file", c.loginSecrets)
	var bad []string
	for user, s := range c.LoginSecrets.All() {
		if s.Kind() != auth.Plain {
			bad = append(bad, user)
		}
	}
	slices.Sort(bad)
	for _, user := range bad {
		l.bad(key.val, "cluster.login_secrets_file: the secret of %q is a verifier; to log in takes the password itself", user)
	}
}

// logins judges whether every login that the configuration calls for has a
// secret.
func (l *loader) logins() {
	if l.config.Table == nil {
		return
	}
	told := make(map[string]bool)
	for _, need := range l.config.Table.LoginNeeds(l.config.Tenants) {
		cluster := l.config.Cluster(need.Cluster)
		if cluster == nil {
			continue
		}
		at, text := l.need(need, cluster)
		if text != "" && !told[text] {
			told[text] = true
			l.bad(at, "%s", text)
		}
	}
}

// need says where a login lacks what, "" if it lacks nothing.
func (l *loader) need(need routing.LoginNeed, cluster *Cluster) (at place, text string) {
	n := l.routes[need.Rule]
	if need.Entry >= 0 {
		n = l.tenants[need.Entry]
	}
	if l.failed[l.root.child("cluster").child(cluster.Name)] || l.failed[n] {
		return place{}, ""
	}
	if need.Tenant == "" {
		if cluster.LoginSecrets == nil {
			text = fmt.Sprintf(`isolation = "dedicated" with tenants = "schema" needs login_secrets_file in [cluster.%s]`, cluster.Name)
		}
		return n.at, text
	}
	if _, ok := l.config.loginSecret(need.Tenant, need.Login, cluster); !ok {
		text = missingSecret(need.Tenant, need.Login, cluster.Name)
	}
	return n.at, text
}
