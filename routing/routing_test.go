package routing

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// listed is a rule that needs nothing but what the test adds.
func listed(r Rule) Rule {
	if r.Cluster == "" {
		r.Cluster = "main"
	}
	if r.SearchPath == nil {
		r.SearchPath = []string{"{schema}"}
	}
	return r
}

func build(t *testing.T, rules []Rule, tenants ...TenantEntry) *Table {
	t.Helper()
	table, problems := Build(rules, tenants)
	if table == nil {
		t.Fatalf("problems: %+v", problems)
	}
	return table
}

// answer writes down what Resolve says.
func answer(table *Table, user, database, server string) string {
	r, err := table.Resolve(Identity{User: user, Database: database, ServerName: server})
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		return fmt.Sprintf("%s/%s", refusal.Source, refusal.Reason)
	case err != nil:
		return err.Error()
	}
	return fmt.Sprintf("%s from %s by %d", r.Tenant, r.Source, r.Rule)
}

func TestATenantFromTheUserNameIsProven(t *testing.T) {
	table := build(t, []Rule{listed(Rule{User: "{tenant}_app"})}, TenantEntry{Name: "acme"})
	for user, want := range map[string]string{
		"acme_app":   "acme from user by 0",
		"globex_app": "user/unknown tenant",
		"acme":       "nothing/unknown tenant",
		"_app":       "nothing/unknown tenant",
	} {
		if got := answer(table, user, "anything", ""); got != want {
			t.Errorf("%s: got %s, want %s", user, got, want)
		}
	}
}

func TestATenantFromTheDatabaseIsReachedByTheNamedLoginsOnly(t *testing.T) {
	table := build(t, []Rule{listed(Rule{Database: "{tenant}", Users: []string{"app", "{tenant}", "{tenant}_*"}})},
		TenantEntry{Name: "acme"}, TenantEntry{Name: "globex"})
	for user, want := range map[string]string{
		"app":         "acme from database by 0",
		"acme":        "acme from database by 0",
		"acme_web":    "acme from database by 0",
		"globex":      "database/login not admitted",
		"globex_web":  "database/login not admitted",
		"acme2":       "database/login not admitted",
		"application": "database/login not admitted",
	} {
		if got := answer(table, user, "acme", ""); got != want {
			t.Errorf("%s: got %s, want %s", user, got, want)
		}
	}
	if got := answer(table, "mallory", "nobody", ""); got != "database/login not admitted" {
		t.Errorf("a login that is not admitted learns who exists: %s", got)
	}
	if got := answer(table, "app", "nobody", ""); got != "database/unknown tenant" {
		t.Errorf("got %s", got)
	}
}

func TestATenantFromTheServerNameIsReachedByTheNamedLoginsOnly(t *testing.T) {
	table := build(t, []Rule{listed(Rule{ServerName: "{tenant}.DB.example", Users: []string{"{tenant}"}})}, TenantEntry{Name: "acme"})
	for _, c := range []struct{ user, server, want string }{
		{"acme", "acme.db.example", "acme from server_name by 0"},
		{"acme", "Acme.Db.Example", "acme from server_name by 0"},
		{"globex", "acme.db.example", "server_name/login not admitted"},
		{"acme", "", "nothing/unknown tenant"},
	} {
		if got := answer(table, c.user, "acme", c.server); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

func TestALiteralRuleNamesItsTenant(t *testing.T) {
	table := build(t, []Rule{
		listed(Rule{Database: "billing", Users: []string{"app"}, SearchPath: []string{"bills"}}),
		listed(Rule{User: "report"}),
	})
	for _, c := range []struct{ user, database, want string }{
		{"app", "billing", "billing from nothing by 0"},
		{"report", "billing", "nothing/login not admitted"},
		{"report", "other", "report from nothing by 1"},
		{"app", "other", "nothing/unknown tenant"},
	} {
		if got := answer(table, c.user, c.database, ""); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

func TestClaimedTenantsNeedUsersUnlessNothingIsProven(t *testing.T) {
	for _, c := range []struct {
		rule Rule
		ok   bool
	}{
		{Rule{Database: "{tenant}"}, false},
		{Rule{ServerName: "{tenant}"}, false},
		{Rule{Database: "{tenant}", User: "app"}, false},
		{Rule{Database: "billing"}, false},
		{Rule{ServerName: "billing"}, false},
		{Rule{Database: "{tenant}", Users: []string{}}, false},
		{Rule{Database: "{tenant}", Users: []string{"app"}}, true},
		{Rule{Database: "{tenant}", AnyLogin: true}, true},
		{Rule{User: "{tenant}"}, true},
		{Rule{User: "{tenant}", Database: "app"}, true},
		{Rule{User: "app", Database: "billing"}, true},
	} {
		table, problems := Build([]Rule{listed(c.rule)}, nil)
		if (table != nil) != c.ok {
			t.Errorf("%+v: %+v", c.rule, problems)
		}
	}
}

func TestEveryoneAdmittedIsAWarning(t *testing.T) {
	table, problems := Build([]Rule{listed(Rule{Database: "{tenant}", Users: []string{"*"}})}, []TenantEntry{{Name: "acme"}})
	if table == nil || len(problems) != 1 || !problems[0].Warning || problems[0].Item != 0 {
		t.Fatalf("%+v", problems)
	}
	if got := answer(table, "anyone", "acme", ""); got != "acme from database by 0" {
		t.Errorf("got %s", got)
	}
}

func TestExplicitNamesComeBeforeRulesAndNeverFallThrough(t *testing.T) {
	table := build(t, []Rule{
		listed(Rule{Database: "{tenant}", User: "app", Users: []string{"app"}}),
		listed(Rule{User: "{tenant}"}),
	},
		TenantEntry{Name: "acme", MatchDatabases: []string{"prod"}, MatchUsers: []string{"wile"}},
		TenantEntry{Name: "prod"}, TenantEntry{Name: "wile"}, TenantEntry{Name: "road"})
	for _, c := range []struct{ user, database, want string }{
		{"app", "prod", "acme from database by 0"},
		{"road", "prod", "database/unknown tenant"}, // though rule 1 would take it
		{"wile", "prod", "database/unknown tenant"}, // databases first
		{"wile", "x", "acme from user by 1"},
		{"road", "x", "road from user by 1"},
		{"app", "road", "road from database by 0"},
		{"app", "nobody", "database/unknown tenant"}, // though rule 1 matches, too
	} {
		if got := answer(table, c.user, c.database, ""); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

func TestUsersOfATenantOnlyNarrow(t *testing.T) {
	table := build(t, []Rule{
		listed(Rule{Database: "{tenant}", Users: []string{"app", "web"}}),
		listed(Rule{User: "{tenant}"}),
	}, TenantEntry{Name: "acme", Users: []string{"app", "other", "wile"}, MatchUsers: []string{"wile", "mallory"}})
	for _, c := range []struct{ user, database, want string }{
		{"web", "acme", "database/login not admitted"},
		{"other", "acme", "database/login not admitted"},
		{"app", "acme", "acme from database by 0"},
		{"mallory", "x", "user/login not admitted"},
		{"wile", "x", "acme from user by 1"},
	} {
		if got := answer(table, c.user, c.database, ""); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

func TestADisabledTenantIsToldOnlyToWhoIsAdmitted(t *testing.T) {
	table := build(t, []Rule{listed(Rule{Database: "{tenant}", Users: []string{"app"}})}, TenantEntry{Name: "acme", Disabled: true})
	if got := answer(table, "app", "acme", ""); got != "database/tenant disabled" {
		t.Errorf("got %s", got)
	}
	if got := answer(table, "eve", "acme", ""); got != "database/login not admitted" {
		t.Errorf("got %s", got)
	}
}

func TestTenantsBySchemaNeverAdmitWhatIsNobodys(t *testing.T) {
	rules := []Rule{
		listed(Rule{Database: "t/{tenant}", Users: []string{"app"}, Existence: BySchema, SearchPath: []string{"{schema}", "shared"}}),
		listed(Rule{Database: "n/{tenant}", Users: []string{"app"}, Existence: BySchema, Schemas: "tenant_*"}),
		listed(Rule{Database: "billing", Users: []string{"app"}, SearchPath: []string{"bills"}}),
	}
	table := build(t, rules, TenantEntry{Name: "acme", Schema: "customer_1", Disabled: true}, TenantEntry{Name: "open", Schema: "public"})
	for database, want := range map[string]string{
		"t/globex":                     "globex from database by 0",
		"t/public":                     "database/unknown tenant",
		"t/Public":                     "Public from database by 0",
		"t/information_schema":         "database/unknown tenant",
		"t/pg_catalog":                 "database/unusable name",
		"t/pg_":                        "database/unusable name",
		"t/$user":                      "database/unusable name",
		"t/shared":                     "database/unknown tenant",
		"t/bills":                      "database/unknown tenant",
		"t/customer_1":                 "database/unknown tenant", // the schema of a tenant that is switched off
		"t/open":                       "open from database by 0",
		"t/a\x00b":                     "database/unusable name",
		"t/\xff":                       "database/unusable name",
		"n/tenant_a":                   "tenant_a from database by 1",
		"n/other":                      "database/unknown tenant",
		"t/" + strings.Repeat("n", 63): strings.Repeat("n", 63) + " from database by 0",
		"t/" + strings.Repeat("n", 64): "database/unusable name",
	} {
		if got := answer(table, "app", database, ""); got != want {
			t.Errorf("%q: got %s, want %s", database, got, want)
		}
	}
}

func TestNamesThatTemplatesMakeTooLongOrReservedAreRefused(t *testing.T) {
	table := build(t, []Rule{
		listed(Rule{Database: "a/{tenant}", Users: []string{"app"}, Existence: BySchema, SearchPath: []string{"{schema}", "tenant_{tenant}"}}),
		listed(Rule{Database: "b/{tenant}", Users: []string{"app"}, Existence: BySchema, SearchPath: []string{"{schema}", "pg{tenant}"}}),
		listed(Rule{Database: "c/{tenant}", Users: []string{"app"}, Existence: BySchema, Isolation: RoleSwitch}),
	})
	for database, want := range map[string]string{
		"a/" + strings.Repeat("n", 56): strings.Repeat("n", 56) + " from database by 0",
		"a/" + strings.Repeat("n", 57): "database/unusable name",
		"b/x":                          "x from database by 1",
		"b/_temp":                      "database/unusable name",
		"c/none":                       "database/unusable name", // SET ROLE "none" is no role
		"c/None":                       "None from database by 2",
	} {
		if got := answer(table, "app", database, ""); got != want {
			t.Errorf("%q: got %s, want %s", database, got, want)
		}
	}
}

func TestARouteHoldsTheProfileExpanded(t *testing.T) {
	role, one, zero, three := RoleSwitch, 1, 0, 3
	table := build(t, []Rule{listed(Rule{
		Database: "{tenant}", Users: []string{"app"}, Mode: Session, Limits: Limits{MaxClients: 10, MaxServers: 5},
		SearchPath: []string{"{schema}", "{tenant}_x", "shared"}, Role: "r_{tenant}",
		Settings: []Setting{{"App.Tenant", "{tenant}/{schema}"}, {"work_mem", "4MB"}},
	})},
		TenantEntry{Name: "acme", Schema: "customer_1", Cluster: "eu", Isolation: &role, Limits: &LimitChanges{MaxClients: &zero, MaxServers: &one, Weight: &three},
			Settings: []Setting{{"WORK_MEM", "1MB"}, {"app.plan", "{tenant}"}}},
		TenantEntry{Name: "globex"})
	r, err := table.Resolve(Identity{User: "app", Database: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	want := Route{Tenant: "acme", Schema: "customer_1", Source: FromDatabase, Cluster: "eu", Isolation: RoleSwitch, Mode: Session,
		Path: []string{"customer_1", "acme_x", "shared"}, Role: "r_acme",
		Settings: []Setting{{"app.plan", "acme"}, {"app.tenant", "acme/customer_1"}, {"work_mem", "1MB"}},
		Limits:   Limits{MaxServers: 1, Weight: 3}, ClusterSettings: []string{"app.plan", "app.tenant", "work_mem"}}
	if fmt.Sprintf("%+v", *r) != fmt.Sprintf("%+v", want) {
		t.Errorf("got\n%+v\nwant\n%+v", *r, want)
	}
	plain, err := table.Resolve(Identity{User: "app", Database: "globex"})
	if err != nil || plain.Role != "" || plain.Isolation != Shared || plain.MaxClients != 10 || plain.Weight != 1 || plain.Cluster != "main" {
		t.Errorf("%+v, %v", plain, err)
	}
}

func TestEqualRoutesAreOnePointer(t *testing.T) {
	table := build(t, []Rule{listed(Rule{Database: "{tenant}", Users: []string{"app"}, Existence: BySchema})})
	held, err := table.Resolve(Identity{User: "app", Database: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				r, err := table.Resolve(Identity{User: "app", Database: "acme"})
				if err != nil || r != held {
					t.Errorf("got another route: %p, %p, %v", r, held, err)
				}
			}
		})
	}
	runtime.GC() // must not take what is held
	wg.Wait()
	runtime.KeepAlive(held)
}

func TestRoutesNobodyHoldsDoNotPileUp(t *testing.T) {
	table := build(t, []Rule{listed(Rule{Database: "{tenant}", Users: []string{"app"}, Existence: BySchema})})
	for i := range 100 {
		if _, err := table.Resolve(Identity{User: "app", Database: fmt.Sprint("guess", i)}); err != nil {
			t.Fatal(err)
		}
	}
	size := func() int {
		table.routes.mu.Lock()
		defer table.routes.mu.Unlock()
		return len(table.routes.m)
	}
	for range 1000 { // cleanups run some time after the collection that found them due
		if runtime.GC(); size() == 0 {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d routes are left", size())
}

func TestExplainTellsTheStepsAndAgreesWithResolve(t *testing.T) {
	table := build(t, []Rule{
		listed(Rule{Database: "t_{tenant}", Users: []string{"app"}, Existence: BySchema, SearchPath: []string{"{schema}", `we"ird`}}),
		listed(Rule{User: "{tenant}"}),
	}, TenantEntry{Name: "acme", MatchUsers: []string{"wile"}})
	for _, c := range []struct {
		id   Identity
		want string
	}{
		{Identity{User: "app", Database: "t_x"}, `user "app", database "t_x", server name ""
route 1 (database = "t_{tenant}") matches: tenant "x" from database
login "app" is admitted to tenant "x"
tenant "x" on cluster "main", isolation shared, transaction mode
search_path "x", "we""ird"
exists if schema "x" does`},
		{Identity{User: "wile", Database: "y"}, `user "wile", database "y", server name ""
match_users of tenant "acme" lists "wile"
route 2 (user = "{tenant}") serves it
login "wile" is admitted to tenant "acme"
tenant "acme" on cluster "main", isolation shared, transaction mode
search_path "acme"`},
		{Identity{User: "eve", Database: "y"}, `user "eve", database "y", server name ""
route 1 (database = "t_{tenant}") does not match
route 2 (user = "{tenant}") matches: tenant "eve" from user
login "eve" is admitted to tenant "eve"
tenant "eve" is not listed
refused: unknown tenant: tenant "eve" from user`},
	} {
		if got := strings.Join(table.Explain(c.id), "\n"); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}

func TestTheZeroTableRefusesEverybody(t *testing.T) {
	if got := answer(&Table{}, "app", "acme", ""); got != "nothing/unknown tenant" {
		t.Errorf("got %s", got)
	}
}

func TestOneRuleMayServeAHundredThousandTenants(t *testing.T) {
	tenants := make([]TenantEntry, 100_000)
	for i := range tenants {
		name := fmt.Sprint("t", i)
		tenants[i] = TenantEntry{Name: name, MatchDatabases: []string{name + "_prod"}}
	}
	table := build(t, []Rule{listed(Rule{Database: "{tenant}", Users: []string{"app"}})}, tenants...)
	for _, database := range []string{"t0", "t99999", "t99999_prod"} {
		if r, err := table.Resolve(Identity{User: "app", Database: database}); err != nil || !slices.Equal(r.Path, []string{strings.TrimSuffix(database, "_prod")}) {
			t.Errorf("%s: %+v, %v", database, r, err)
		}
	}
}

func BenchmarkResolveAmongAHundredThousandTenants(b *testing.B) {
	tenants := make([]TenantEntry, 100_000)
	for i := range tenants {
		tenants[i] = TenantEntry{Name: fmt.Sprint("t", i)}
	}
	table, _ := Build([]Rule{listed(Rule{Database: "{tenant}", Users: []string{"app"}})}, tenants)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Resolve(Identity{User: "app", Database: "t4711"}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestADedicatedTenantHasItsOwnLogin(t *testing.T) {
	dedicated, shared := Dedicated, Shared
	rules := []Rule{
		{Database: "{tenant}_role", Users: []string{"app"}, Cluster: "c", Role: "r_{tenant}", Isolation: Dedicated, SearchPath: []string{"{schema}"}},
		{Database: "{tenant}", Users: []string{"app"}, Cluster: "c", Login: "l_{tenant}", Role: "r_{tenant}", SearchPath: []string{"{schema}"}, Isolation: RoleSwitch},
	}
	tenants := []TenantEntry{{Name: "a", Isolation: &dedicated}, {Name: "b", Isolation: &dedicated, Login: "own_{schema}", Schema: "s"},
		{Name: "c"}, {Name: "d", Isolation: &shared}}
	table, problems := Build(rules, tenants)
	if table == nil {
		t.Fatal(problems)
	}
	for database, want := range map[string][2]string{
		"a": {"l_a", ""}, "b": {"own_s", ""}, "c": {"", "r_c"}, "d": {"", ""}, "c_role": {"r_c", ""},
	} {
		r, err := table.Resolve(Identity{User: "app", Database: database})
		if err != nil || r.Login != want[0] || r.Role != want[1] {
			t.Errorf("%s: %+v, %v", database, r, err)
		}
	}
	var needs []string
	for _, n := range table.LoginNeeds(tenants) {
		needs = append(needs, n.Login)
	}
	if got := strings.Join(needs, " "); got != "r_a own_s r_c l_a own_s" {
		t.Errorf("logins needed: %s", got)
	}
}
