package provision

import (
	"fmt"
	"strings"

	"tenantpool/pool"
	"tenantpool/routing"
)

// Server is what a script depends on.
type Server struct {
	Version   int    // 150004 for 15.4
	Admin     string // who runs the script
	Superuser bool   // it may become anybody
}

// inheritPerGrant is the first version in which a grant of a role says whether its
// privileges are inherited; before, the member says it for all its roles.
const inheritPerGrant = 160000

// Grants are what a tenant is given beyond the use of its tables.
type Grants struct {
	Create   bool   // it may make objects in its schema
	Verifier string // the SCRAM verifier of its own login; "" is no password
}

// Script gives the statements that make a tenant, in order. They are fit to run in
// one transaction.
func Script(t Tenant, s Server, g Grants) []string {
	schema, actor := pool.QuoteIdent(t.Schema), pool.QuoteIdent(t.Actor())
	script := roleScript(t, s, g)
	script = append(script,
		"CREATE SCHEMA "+schema,
		"REVOKE ALL ON SCHEMA "+schema+" FROM PUBLIC",
		"GRANT USAGE ON SCHEMA "+schema+" TO "+actor)
	if g.Create {
		script = append(script, "GRANT CREATE ON SCHEMA "+schema+" TO "+actor)
	}
	defaults := "ALTER DEFAULT PRIVILEGES IN SCHEMA " + schema + " GRANT "
	return append(script,
		defaults+"SELECT, INSERT, UPDATE, DELETE ON TABLES TO "+actor,
		defaults+"SELECT, USAGE, UPDATE ON SEQUENCES TO "+actor,
		defaults+"EXECUTE ON FUNCTIONS TO "+actor)
}

// roleScript makes the tenant's own role, if its level has one.
func roleScript(t Tenant, s Server, g Grants) []string {
	actor := pool.QuoteIdent(t.Actor())
	switch t.Isolation {
	case routing.RoleSwitch:
		return []string{"CREATE ROLE " + actor + " NOLOGIN NOINHERIT", grantRole(t.Actor(), t.ClusterLogin, s)}
	case routing.Dedicated:
		create := "CREATE ROLE " + actor + " LOGIN NOINHERIT"
		if g.Verifier != "" {
			create += " PASSWORD " + pool.QuoteValue(g.Verifier)
		}
		return []string{create}
	}
	return nil
}

// grantRole lets a login become a role without having its privileges before.
func grantRole(role, login string, s Server) string {
	sql := fmt.Sprintf("GRANT %s TO %s", pool.QuoteIdent(role), pool.QuoteIdent(login))
	if s.Version >= inheritPerGrant {
		sql += " WITH INHERIT FALSE, SET TRUE"
	}
	return sql
}

// lending gives the statements that let the admin become the tenant for a while,
// and those that end it. A superuser needs none.
func lending(t Tenant, s Server) (begin, end []string) {
	if !t.OwnRole() {
		return nil, nil
	}
	become := s.Superuser || t.Isolation == routing.RoleSwitch && s.Admin == t.ClusterLogin
	if !become {
		begin = append(begin, grantRole(t.Actor(), s.Admin, s))
		end = append(end, fmt.Sprintf("REVOKE %s FROM %s", pool.QuoteIdent(t.Actor()), pool.QuoteIdent(s.Admin)))
	}
	return begin, end
}

// Masked is a statement as it may be shown: without the verifier.
func Masked(sql string) string {
	if before, _, ok := strings.Cut(sql, " PASSWORD "); ok && strings.HasPrefix(sql, "CREATE ROLE ") {
		return before + " PASSWORD '...'"
	}
	return sql
}
