package demo

import (
	"fmt"
	"strings"
)

const (
	database = "app" // the database of all tenants
	login    = "app" // the role that the pooler logs in as, and the clients too
)

var wellKnown = []string{
	"acme", "globex", "initech", "umbrella", "hooli", "stark", "wonka", "tyrell", "cyberdyne", "soylent",
}

// tenantNames returns n names: known ones first, then numbered ones. They are plain lower-case
// identifiers, so no quoting is needed anywhere.
func tenantNames(n int) []string {
	names := make([]string, 0, n)
	for i := range n {
		if i < len(wellKnown) {
			names = append(names, wellKnown[i])
		} else {
			names = append(names, fmt.Sprintf("tenant_%03d", i+1))
		}
	}
	return names
}

// tenantSQL makes what the tenants live in: a schema each, owned by the common login. The logins of
// the tenants themselves are for poolers that know no tenants.
func tenantSQL(tenants []string) string {
	var sql strings.Builder
	for _, t := range tenants {
		fmt.Fprintf(&sql, "CREATE SCHEMA %s AUTHORIZATION %s; CREATE ROLE %s LOGIN IN ROLE %s; ALTER ROLE %s SET search_path = %s;\n",
			t, login, t, login, t, t)
	}
	return sql.String()
}
