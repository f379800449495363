package routing

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"weak"
)

func listable(t testing.TB, tenants ...TenantEntry) *Table {
	t.Helper()
	table, problems := Build([]Rule{{Database: "{tenant}", Users: []string{"app"}, Cluster: "main", SearchPath: []string{"{schema}"}}}, tenants)
	if table == nil {
		t.Fatal(problems)
	}
	return table
}

func put(t testing.TB, e *Edit, in TenantEntry, domains ...string) {
	t.Helper()
	if err := e.Put(in, domains); err != nil {
		t.Fatal(err)
	}
}

func TestAnEditMakesAnotherTableAndLeavesItsOwnAlone(t *testing.T) {
	before := listable(t, TenantEntry{Name: "own"})
	edit := before.Edit()
	put(t, edit, TenantEntry{Name: "a", MatchDatabases: []string{"a_prod"}}, "a.example.com")
	put(t, edit, TenantEntry{Name: "b", Schema: "bee"})
	one := edit.Table()
	stays, _ := one.Resolve(Identity{User: "app", Database: "b"})
	edit = one.Edit()
	edit.Drop("a")
	put(t, edit, TenantEntry{Name: "c", MatchDatabases: []string{"a_prod"}})
	two := edit.Table()
	for database, want := range map[string][3]string{
		"own": {"own", "own", "own"}, "a": {"", "a", ""}, "a_prod": {"", "a", "c"}, "a.example.com": {"", "a", ""}, "b": {"", "bee", "bee"}, "c": {"", "", "c"},
	} {
		for i, table := range []*Table{before, one, two} {
			got := ""
			if r, err := table.Resolve(Identity{User: "app", Database: database}); err == nil {
				got = r.Path[0]
			}
			if got != want[i] {
				t.Errorf("%s in table %d: %q, want %q", database, i, got, want[i])
			}
		}
	}
	if r, _ := two.Resolve(Identity{User: "app", Database: "b"}); r != stays {
		t.Error("the route of a tenant that did not change is another pointer")
	}
	edit = listable(t).Relist(two)
	put(t, edit, TenantEntry{Name: "b", Schema: "bee"})
	if three := edit.Table(); three.Listed() != 1 || three.entry("b") != two.entry("b") {
		t.Error("an entry that is read again unchanged is another one")
	}
}

func TestAnEntryIsRefusedForWhatAnotherHas(t *testing.T) {
	edit := listable(t, TenantEntry{Name: "own", Schema: "house", MatchDatabases: []string{"mine"}}).Edit()
	put(t, edit, TenantEntry{Name: "a", Schema: "s", MatchDatabases: []string{"a_prod"}})
	for _, c := range []struct {
		in   TenantEntry
		want string
	}{
		{TenantEntry{Name: "own"}, "listed in the configuration"},
		{TenantEntry{Name: "x", Schema: "s"}, `tenant "a" has schema "s" already`},
		{TenantEntry{Name: "s"}, `tenant "a" has schema "s" already`},
		{TenantEntry{Name: "house"}, `it is the schema of tenant "own"`},
		{TenantEntry{Name: "x", Schema: "public"}, "it is everybody's"},
		{TenantEntry{Name: "x", MatchDatabases: []string{"a_prod"}}, `already leads to tenant "a"`},
		{TenantEntry{Name: "x", MatchDatabases: []string{"mine"}}, `already leads to tenant "own"`},
		{TenantEntry{Name: "x", MatchUsers: []string{"u"}}, "lead nowhere"},
		{TenantEntry{Name: strings.Repeat("x", 64)}, "longer than 63"},
		{TenantEntry{Name: ""}, "may not be empty"},
		{TenantEntry{Name: "x", Settings: []Setting{{"role", "y"}}}, "cannot be among settings"},
	} {
		if err := edit.Put(c.in, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.in, err, c.want)
		}
	}
	if table := edit.Table(); table.Listed() != 1 {
		t.Errorf("%d are listed", table.Listed())
	}
}

func TestTenantsMayShareASchemaWhereASettingTellsThemApart(t *testing.T) {
	table, _ := Build([]Rule{{Database: "{tenant}", Users: []string{"app"}, Cluster: "main", SearchPath: []string{"data"}, Settings: []Setting{{"app.tenant", "{tenant}"}}}}, nil)
	edit := table.Edit()
	put(t, edit, TenantEntry{Name: "a", Schema: "common"})
	put(t, edit, TenantEntry{Name: "b", Schema: "common"})
}

func TestAnUnreadTableTellsEverybodyButTheConfigurationsTenantsToComeAgain(t *testing.T) {
	table := listable(t, TenantEntry{Name: "own"}).Unread()
	if _, err := table.Resolve(Identity{User: "app", Database: "own"}); err != nil {
		t.Error(err)
	}
	var refusal *Refusal
	if _, err := table.Resolve(Identity{User: "app", Database: "other"}); !errors.As(err, &refusal) || refusal.Reason != ReasonUnread {
		t.Errorf("got %v", err)
	}
	if _, err := table.Edit().Table().Resolve(Identity{User: "app", Database: "other"}); !errors.As(err, &refusal) || refusal.Reason != ReasonUnknown {
		t.Errorf("got %v", err)
	}
}

func TestWhoeverHoldsARouteDoesNotHoldItsTable(t *testing.T) {
	table := listable(t, TenantEntry{Name: "own"})
	route, err := table.Resolve(Identity{User: "app", Database: "own"})
	if err != nil {
		t.Fatal(err)
	}
	gone := weak.Make(table)
	table = nil
	runtime.GC()
	if gone.Value() != nil {
		t.Error("the table is still there")
	}
	runtime.KeepAlive(route)
}

// many is how many tenants a test of their costs has: $TENANTPOOL_TENANTS, for more than a few.
func many(t testing.TB) int {
	n, err := strconv.Atoi(os.Getenv("TENANTPOOL_TENANTS"))
	if err != nil {
		n = 20_000
	}
	return n
}

func listMany(t testing.TB, n int, domains bool) *Table {
	edit := listable(t).Edit()
	for i := range n {
		name := fmt.Sprintf("tenant_%06d", i)
		if domains {
			put(t, edit, TenantEntry{Name: name}, name+".example.com")
		} else {
			put(t, edit, TenantEntry{Name: name})
		}
	}
	return edit.Table()
}

func TestATenantThatNobodyUsesCostsAtMostThreeHundredBytes(t *testing.T) {
	n := many(t)
	for _, domains := range []bool{false, true} {
		before := heap()
		table := listMany(t, n, domains)
		each := (heap() - before) / n
		t.Logf("%d tenants, domains %v: %d bytes each", n, domains, each)
		if each > 300 {
			t.Errorf("%d bytes each", each)
		}
		if allocs := testing.AllocsPerRun(100, func() { _, _ = table.Resolve(Identity{User: "app", Database: "nobody"}) }); allocs > 1 { // the refusal
			t.Errorf("looking for nobody allocates %v times", allocs)
		}
		route, err := table.Resolve(Identity{User: "app", Database: "tenant_000007"})
		if err != nil {
			t.Fatal(err)
		}
		if allocs := testing.AllocsPerRun(100, func() { _, _ = table.Resolve(Identity{User: "app", Database: "tenant_000007"}) }); allocs > 0 {
			t.Errorf("finding a route that is in use allocates %v times", allocs)
		}
		runtime.KeepAlive(route)
	}
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func BenchmarkResolveAmongListed(b *testing.B) {
	table := listMany(b, 100_000, false)
	route, _ := table.Resolve(Identity{User: "app", Database: "tenant_004711"})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Resolve(Identity{User: "app", Database: "tenant_004711"}); err != nil {
			b.Fatal(err)
		}
	}
	runtime.KeepAlive(route)
}

func BenchmarkListOneMore(b *testing.B) {
	table := listMany(b, 100_000, false)
	b.ReportAllocs()
	for b.Loop() {
		edit := table.Edit()
		put(b, edit, TenantEntry{Name: "one_more"})
		edit.Table()
	}
}

func TestASchemaIsTheSameWhetherItsClusterIsNamedOrLeftToTheRoute(t *testing.T) {
	for _, pair := range [][2]TenantEntry{
		{{Name: "acme"}, {Name: "x", Schema: "acme", Cluster: "main"}},
		{{Name: "acme", Cluster: "main"}, {Name: "x", Schema: "acme"}},
		{{Name: "a", Schema: "s"}, {Name: "x", Schema: "s", Cluster: "main"}},
		{{Name: "a", Schema: "s", Cluster: "main"}, {Name: "x", Schema: "s"}},
		{{Name: "a", Schema: "s", Cluster: "main"}, {Name: "s"}},
		{{Name: "a", Schema: "s"}, {Name: "s", Cluster: "main"}},
	} {
		edit := listable(t).Edit()
		put(t, edit, pair[0])
		if err := edit.Put(pair[1], nil); err == nil || !strings.Contains(err.Error(), "already") {
			t.Errorf("%+v beside %+v: %v", pair[1], pair[0], err)
		}
		put(t, edit, TenantEntry{Name: "x", Schema: cmp.Or(pair[0].Schema, pair[0].Name), Cluster: "other"})
	}
}

func TestAnEntryIsRefusedForANameThatIsAnothersAlready(t *testing.T) {
	table, problems := Build([]Rule{
		{Database: "reports", Users: []string{"app"}, Cluster: "main", SearchPath: []string{"reports"}},
		{Database: "app_{tenant}", Users: []string{"app"}, Cluster: "main", SearchPath: []string{"{schema}"}},
		{User: "{tenant}", Cluster: "main", SearchPath: []string{"{schema}"}},
		{ServerName: "{tenant}.example.com", Users: []string{"app"}, Cluster: "main", SearchPath: []string{"{schema}"}},
	}, []TenantEntry{{Name: "own"}})
	if table == nil {
		t.Fatal(problems)
	}
	edit := table.Edit()
	put(t, edit, TenantEntry{Name: "a"})
	for _, c := range []struct {
		in     TenantEntry
		domain string
	}{
		{TenantEntry{Name: "x", MatchDatabases: []string{"reports"}}, ""},
		{TenantEntry{Name: "x", MatchDatabases: []string{"app_own"}}, ""},
		{TenantEntry{Name: "x", MatchDatabases: []string{"app_a"}}, ""},
		{TenantEntry{Name: "x", MatchUsers: []string{"own"}}, ""},
		{TenantEntry{Name: "x", MatchUsers: []string{"a"}}, ""},
		{TenantEntry{Name: "x"}, "reports"},
		{TenantEntry{Name: "x"}, "app_a"},
		{TenantEntry{Name: "x"}, "a.example.com"},
		{TenantEntry{Name: "x"}, "own.example.com"},
		{TenantEntry{Name: "x"}, "tenantpool"},
	} {
		var domains []string
		if c.domain != "" {
			domains = []string{c.domain}
		}
		if err := edit.Put(c.in, domains); err == nil || !strings.Contains(err.Error(), "leads to") {
			t.Errorf("%+v, %q: %v", c.in, domains, err)
		}
	}
	put(t, edit, TenantEntry{Name: "a", MatchDatabases: []string{"app_a", "other"}}, "a.example.com") // its own
}

func TestAnEntrysSettingsAreNamedWhereverItCanBe(t *testing.T) {
	table, problems := Build([]Rule{{Database: "{tenant}", Users: []string{"app"}, Cluster: "main", SearchPath: []string{"{schema}"}, Settings: []Setting{{"app.tenant", "{tenant}"}}}},
		nil, Replicas{"main", "@ro", "main@ro"})
	if table == nil {
		t.Fatal(problems)
	}
	edit := table.Edit()
	put(t, edit, TenantEntry{Name: "a", Settings: []Setting{{"app.a", "1"}}})
	put(t, edit, TenantEntry{Name: "b", Cluster: "other"})
	for cluster, want := range map[string]string{"main": "app.a app.tenant", "main@ro": "app.a app.tenant", "other": "app.tenant"} {
		if got := strings.Join(edit.Table().SettingNames(cluster), " "); got != want {
			t.Errorf("%s: %q, want %q", cluster, got, want)
		}
	}
}

func TestAnEntryTakesNoNameThatAsksForAReplica(t *testing.T) {
	table, problems := Build([]Rule{{Database: "{tenant}", Users: []string{"app"}, Cluster: "main", SearchPath: []string{"{schema}"}}}, nil, Replicas{"main", "@ro", "main@ro"})
	if table == nil {
		t.Fatal(problems)
	}
	edit := table.Edit()
	put(t, edit, TenantEntry{Name: "acme"})
	for want, in := range map[string]TenantEntry{
		"cannot be told from":    {Name: "acme@ro"},
		`leads to tenant "acme"`: {Name: "x", MatchDatabases: []string{"acme@ro"}},
	} {
		if err := edit.Put(in, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", in, err)
		}
	}
	if err := edit.Put(TenantEntry{Name: "x"}, []string{"acme@ro"}); err == nil {
		t.Error("a domain takes the name of another on its replicas")
	}
}
