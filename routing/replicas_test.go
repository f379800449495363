package routing

import "testing"

func TestASuffixIsTakenOffOnceBeforeAnythingIsJudged(t *testing.T) {
	rules := []Rule{{Database: "{tenant}", Users: []string{"app", "{tenant}"}, Cluster: "main", SearchPath: []string{"{schema}"}, Existence: BySchema}}
	tenants := []TenantEntry{{Name: "initech", Cluster: "two"}, {Name: "globex", MatchDatabases: []string{"g@ro"}}}
	table, problems := Build(rules, tenants, Replicas{"main", "@ro", "main@ro"}, Replicas{"three", ".read@ro", "three.read@ro"})
	if table == nil {
		t.Fatal(problems)
	}
	for _, c := range []struct{ user, database, want string }{
		{"app", "acme", "acme on main"},
		{"app", "acme@ro", "acme on main@ro"},
		{"app@ro", "acme", "acme on main@ro"},
		{"app@ro", "acme@ro", "acme on main@ro"},
		{"acme@ro", "acme@ro", "acme on main@ro"},
		{"app", "g@ro", "globex on main"}, // a name that is listed
		{"app", "acme@ro@ro", "acme@ro on main@ro"},
		{"app@ro@ro", "acme", "refused"}, // user app@ro, who is nobody
		{"globex@ro", "acme", "refused"},
		{"globex", "acme@ro", "refused"},
		{"app", "initech@ro", "refused"}, // cluster two has no replicas
		{"app", "initech", "initech on two"},
		{"app", "acme.read@ro", "refused"}, // main has none of that suffix
		{"app@ro", "acme.read@ro", "refused"},
		{"app", "@ro", "@ro on main"}, // nothing would be left
	} {
		got := "refused"
		if r, err := table.Resolve(table.Plain(Identity{User: c.user, Database: c.database})); err == nil {
			got = r.Tenant + " on " + r.Cluster
		}
		if got != c.want {
			t.Errorf("user %q, database %q: %s, want %s", c.user, c.database, got, c.want)
		}
	}
}

func TestATenantWhoseNameAsksForAReplicaIsRefused(t *testing.T) {
	rules := []Rule{{Database: "{tenant}", Users: []string{"app"}, Cluster: "main", SearchPath: []string{"{schema}"}}}
	table, problems := Build(rules, []TenantEntry{{Name: "acme@ro"}}, Replicas{"main", "@ro", "main@ro"})
	if table != nil || len(problems) != 1 || problems[0].Tenant != 0 {
		t.Errorf("%v, %v", table, problems)
	}
}
