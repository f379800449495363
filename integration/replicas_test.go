package integration

import (
	"fmt"
	"testing"
)

// readers are the lines of a cluster with one replica.
func readers(address, more string) string {
	return fmt.Sprintf("replicas = [%q]\nreplica_pool_size = 2\n%s", address, more)
}

// onStandby is a query that says whether a standby answers.
const onStandby = "SELECT pg_is_in_recovery()"

// A name with the suffix leads to a replica, with the tenant's own profile, and a name without it to
// the primary. While no replica is up the primary stands in, and takes no writes from there.
func TestASuffixAsksForAReplica(t *testing.T) {
	needsPooler(t)
	w, standby := pair(t)
	w.eventually(t, "SELECT pg_current_wal_lsn() = replay_lsn FROM pg_stat_replication")
	p := startPooler(t, w, setup{size: 2, cluster: readers(standby.Address(), ""), global: `server_connect_timeout = "2s"`})
	writes, reads := login(t, p.endpoint, "acme"), login(t, p.endpoint, "acme@ro")
	other := asUser(t, p.endpoint, "globex@ro", "globex", "globex")
	writes.expect(onStandby, "f")
	for range 3 {
		reads.expect(onStandby, "t")
		reads.expect("SELECT name FROM whoami", "acme")
		other.expect("SELECT name FROM whoami", "globex")
		other.expect(onStandby, "t")
	}
	standby.Down(true)
	eventually(t, "the primary stands in", func() bool {
		c, e := tryLogin(t, p.endpoint, "app", password("app"), "acme@ro")
		if e != nil {
			return false
		}
		rows, e := c.try(onStandby)
		return e == nil && rows[0][0] == "f"
	})
	c := login(t, p.endpoint, "acme@ro")
	if _, e := c.try("INSERT INTO notes VALUES (1, 'x')"); e == nil || e.code != "25006" {
		t.Errorf("a write by way of the suffix gave %v, want 25006", e)
	}
	must(t, standby.Up(t.Context()))
	eventually(t, "the replica is read again", func() bool {
		rows, e := c.try(onStandby)
		return e == nil && rows[0][0] == "t"
	})
	writes.expect(onStandby, "f")
}

// Without a fallback those who ask for a replica hear that there is none; everybody else is served.
func TestWithoutAReplicaAnErrorIsToldIfSaid(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		// the world's server is no standby, and so no replica
		p := startPooler(t, w, setup{size: 2, cluster: readers(w.server.Address(), `replica_fallback = "error"`), global: `client_login_timeout = "2s"`})
		_, e := tryLogin(t, p.endpoint, "app", password("app"), "acme@ro")
		if e == nil || e.code != "08001" {
			t.Errorf("got %v, want 08001", e)
		}
		login(t, p.endpoint, "acme").expect("SELECT name FROM whoami", "acme")
	})
}

// The suffix is no way around a rule: whoever may not be a tenant may not be it on a replica, and
// hears the same.
func TestASuffixIsNoWayAroundARule(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		w.exec(t, `CREATE SCHEMA "acme@ro" AUTHORIZATION app`)
		rules := `host acme  all 127.0.0.1/32 reject
host all   all 127.0.0.1/32 scram-sha-256
`
		p := startPooler(t, w, setup{size: 2, users: []string{"acme@ro", "mallory"}, cluster: readers(w.server.Address(), ""),
			more: "[tenant.initech]\nusers = [\"initech\"]\n"})
		guarded := startPooler(t, w, setup{size: 2, cluster: readers(w.server.Address(), ""),
			auth: "method = \"hba\"\nhba_file = \"x.hba\"\nusers_file = \"users.txt\"\n", beside: map[string]string{"x.hba": rules}})
		for what, c := range map[string]struct {
			at                     endpoint
			user, secret, database string
		}{
			"another's tenant":                     {p.endpoint, "globex", "globex", "acme@ro"},
			"another's tenant, the user's suffix":  {p.endpoint, "globex@ro", "globex", "acme"},
			"both":                                 {p.endpoint, "globex@ro", "globex", "acme@ro"},
			"a stranger":                           {p.endpoint, "mallory", "mallory", "acme@ro"},
			"a user who is called like the suffix": {p.endpoint, "acme@ro", "acme@ro", "acme"},
			"a user's secret, two suffixes":        {p.endpoint, "acme@ro@ro", "acme@ro", "acme"},
			"a tenant that admits fewer":           {p.endpoint, "app", "app", "initech@ro"},
			"a tenant that admits fewer, by user":  {p.endpoint, "app@ro", "app", "initech"},
			"a schema that has the suffix":         {p.endpoint, "globex", "globex", "acme@ro@ro"},
			"a rule for a database":                {guarded.endpoint, "app", "app", "acme@ro"},
			"a rule for a database, by user":       {guarded.endpoint, "app@ro", "app", "acme"},
			"nobody":                               {p.endpoint, "@ro", "", "@ro"},
		} {
			if _, e := tryLogin(t, c.at, c.user, password(c.secret), c.database); e == nil {
				t.Errorf("%s: it is let in", what)
			}
		}
		asUser(t, p.endpoint, "acme@ro", "acme", "acme@ro").expect("SELECT name FROM whoami", "acme")
		asUser(t, p.endpoint, "initech@ro", "initech", "initech").expect("SELECT name FROM whoami", "initech")
		asUser(t, guarded.endpoint, "app@ro", "app", "globex@ro").expect("SELECT name FROM whoami", "globex")
	})
}

// asUser logs in as a user by the secret of the one it is called with.
func asUser(t *testing.T, at endpoint, user, secret, database string) *rawClient {
	t.Helper()
	c, e := tryLogin(t, at, user, password(secret), database)
	if e != nil {
		t.Fatalf("%s at %s: %v", user, database, e)
	}
	return c
}
