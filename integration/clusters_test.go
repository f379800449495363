package integration

import (
	"fmt"
	"testing"
)

// twoClusters is a pooler before two databases with the same schemas. Tenant acme lives on the first,
// globex on the second; initech's schema is on both, and by route it is on the first, as "other" on
// the second. Each row of whoami says on which cluster it is.
func twoClusters(t *testing.T, w *world, size int) (p *pooler, second *world) {
	t.Helper()
	second = newWorld(t, w.server)
	for name, at := range map[string]*world{"main": w, "two": second} {
		for _, tenant := range tenants {
			at.exec(t, fmt.Sprintf("UPDATE %s.whoami SET name = '%s on %s'", tenant, tenant, name))
		}
	}
	return startPooler(t, w, setup{size: size, trust: true, more: fmt.Sprintf(`
[cluster.two]
host      = %q
port      = %d
database  = %q
user      = "app"
pool_size = %d

[tenant.globex]
cluster = "two"

[tenant.initech] # listed, for no schema that a route names is a tenant by its name alone

[tenant.other]
schema = "initech"

[[route]]
database = "other"
users    = ["app"]
cluster  = "two"
`, w.server.Host, w.server.Port, second.database, size)}), second
}

// Tenants of two clusters with the same names never meet: not by their connections, not by what they
// prepare or set, not by what they cancel.
func TestTenantsOfTwoClustersNeverMeet(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p, second := twoClusters(t, w, 1)
		here := map[string]string{"acme": "acme on main", "globex": "globex on two", "initech": "initech on main", "other": "initech on two"}
		clients := map[string]*rawClient{}
		for database := range here {
			clients[database] = login(t, p.endpoint, database)
		}
		const who = "SELECT name || ' ' || current_setting('work_mem') FROM whoami"
		for round := range 20 {
			for database, name := range here {
				c := clients[database]
				if round == 0 { // the same name, the same text, on both
					c.send(parse("who", who), syncNow)
					c.until('Z')
				}
				mem := fmt.Sprintf("%dkB", 1000+len(name)*10+round)
				c.run("SET work_mem = '" + mem + "'")
				c.send(bind("", "who"), execute("", 0), syncNow)
				rows, err := result(c.until('Z'))
				if err != nil || len(rows) != 1 || rows[0][0] != name+" "+mem {
					t.Fatalf("%s, round %d: got %v, %v", database, round, rows, err)
				}
			}
		}
		c, d := clients["initech"], clients["other"]
		c.send(query("SELECT pg_sleep(3600)"))
		w.awaitSleep(t)
		d.send(query("SELECT pg_sleep(3600)"))
		second.awaitSleep(t)
		d.cancel()
		if e := firstError(d.until('Z')); e == nil || e.code != "57014" {
			t.Errorf("a cancelled query gave %v", e)
		}
		w.awaitSleep(t) // the other cluster's still runs
		c.cancel()
		if e := firstError(c.until('Z')); e == nil || e.code != "57014" {
			t.Errorf("a cancelled query gave %v", e)
		}
	})
}
