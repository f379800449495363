package soak

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tenantpool/config"
	"tenantpool/internal/pgtest"
)

// ground is a ground of two tenants in a fresh database, and the superuser's login to it.
func ground(t *testing.T, version, isolation string) (*pgtest.Server, *Ground, *Login) {
	t.Helper()
	s := pgtest.Start(t, version)
	s.MustExec(t, "postgres", `DO $$ BEGIN CREATE ROLE app LOGIN; EXCEPTION WHEN duplicate_object THEN END $$`)
	database := s.FreshDatabase(t)
	cfg := load(t, route(`database = "{tenant}"`, `users = ["app"]`, `tenants = "schema"`, fmt.Sprintf("isolation = %q", isolation)))
	c := cfg.Cluster("main")
	c.Hosts, c.Port, c.Database = []string{s.Host}, s.Port, database
	g, err := Choose(cfg, 2, false, "")
	if err != nil {
		t.Fatal(err)
	}
	login, err := ParseLogin(s.DSN("postgres", database))
	if err != nil {
		t.Fatal(err)
	}
	return s, g, login
}

func eachVersion(t *testing.T, test func(t *testing.T, version string)) {
	for _, version := range []string{"15", "18"} {
		t.Run(version, func(t *testing.T) { test(t, version) })
	}
}

func open(t *testing.T, g *Ground, login *Login) *Field {
	t.Helper()
	f, err := Open(context.Background(), g, login)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func shut(t *testing.T, f *Field) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func expectError(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want %q", err, part)
		}
	}
}

// names are the schemas and roles with the name of a soak.
const names = `SELECT concat_ws(',', (SELECT string_agg(nspname, ',' ORDER BY nspname) FROM pg_namespace WHERE nspname LIKE '%soak%'),
 (SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolname LIKE 'tenantpool_soak%'))`

func expectNames(t *testing.T, s *pgtest.Server, g *Ground, want string) {
	t.Helper()
	got, err := s.Value(context.Background(), g.Cluster.Database, names)
	if err != nil || got != want {
		t.Errorf("there are %q, want %q (%v)", got, want, err)
	}
}

func TestTenantsAreMadeAndDropped(t *testing.T) {
	eachVersion(t, func(t *testing.T, version string) {
		for level, want := range map[string]string{
			"shared": "tenantpool_soak_0001,tenantpool_soak_0002",
			"role":   "tenantpool_soak_0001,tenantpool_soak_0002,tenantpool_soak_0001,tenantpool_soak_0002",
		} {
			s, g, login := ground(t, version, level)
			f := open(t, g, login)
			expectNames(t, s, g, want)
			shut(t, f)
			expectNames(t, s, g, "")
		}
	})
}

func TestASchemaWithoutTheMarkIsNeitherReplacedNorDropped(t *testing.T) {
	eachVersion(t, func(t *testing.T, version string) {
		s, g, login := ground(t, version, "shared")
		s.MustExec(t, g.Cluster.Database, `CREATE SCHEMA tenantpool_soak_0002; CREATE TABLE tenantpool_soak_0002.precious (n int);
			CREATE SCHEMA my_soak; COMMENT ON SCHEMA my_soak IS '`+made+`'; CREATE SCHEMA tenantpool_soak_old; COMMENT ON SCHEMA tenantpool_soak_old IS 'mine';
			CREATE SCHEMA tenantpoolxsoakx1; COMMENT ON SCHEMA tenantpoolxsoakx1 IS '`+made+`'`)
		_, err := Open(context.Background(), g, login)
		expectError(t, err, `make tenant "tenantpool_soak_0002"`, "already exists", "never replaced")
		expectNames(t, s, g, "my_soak,tenantpool_soak_0002,tenantpool_soak_old,tenantpoolxsoakx1")
		s.MustExec(t, g.Cluster.Database, "SELECT FROM tenantpool_soak_0002.precious")
	})
}

func TestARoleOfAnotherDatabasesSoakIsNotDropped(t *testing.T) {
	eachVersion(t, func(t *testing.T, version string) {
		s, g, login := ground(t, version, "role")
		s.MustExec(t, g.Cluster.Database, `CREATE ROLE tenantpool_soak_0001; COMMENT ON ROLE tenantpool_soak_0001 IS '`+madeIn("elsewhere")+`'`)
		t.Cleanup(func() { s.MustExec(t, "postgres", "DROP ROLE tenantpool_soak_0001") })
		_, err := Open(context.Background(), g, login)
		expectError(t, err, "already exists")
		expectNames(t, s, g, "tenantpool_soak_0001")
	})
}

func TestWhatACrashedSoakHasLeftIsDroppedByTheNext(t *testing.T) {
	eachVersion(t, func(t *testing.T, version string) {
		for _, level := range []string{"shared", "role"} {
			s, g, login := ground(t, version, level)
			open(t, g, login).admin.close() // and nothing dropped
			s.MustExec(t, g.Cluster.Database, "CREATE SCHEMA tenantpool_soak_0007; COMMENT ON SCHEMA tenantpool_soak_0007 IS '"+made+"'")
			awaitUnlocked(t, s, g)
			shut(t, open(t, g, login))
			expectNames(t, s, g, "")
		}
	})
}

// awaitUnlocked waits until the server has noticed that a connection with the lock is gone.
func awaitUnlocked(t *testing.T, s *pgtest.Server, g *Ground) {
	t.Helper()
	for {
		n, err := s.Value(context.Background(), g.Cluster.Database, `SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
			WHERE l.locktype = 'advisory' AND d.datname = current_database()`)
		if err != nil {
			t.Fatal(err)
		}
		if n == "0" {
			return
		}
	}
}

func TestTwoSoaksDoNotShareADatabase(t *testing.T) {
	eachVersion(t, func(t *testing.T, version string) {
		s, g, login := ground(t, version, "shared")
		f := open(t, g, login)
		_, err := Open(context.Background(), g, login)
		expectError(t, err, "another soak is running")
		expectNames(t, s, g, "tenantpool_soak_0001,tenantpool_soak_0002")
		shut(t, f)
	})
}

func TestALoginThatCannotDoItIsTold(t *testing.T) {
	eachVersion(t, func(t *testing.T, version string) {
		s, g, _ := ground(t, version, "role")
		_, err := Open(context.Background(), g, nil)
		expectError(t, err, `login "app" may not create schemas`, "GRANT CREATE ON DATABASE", "--admin")
		s.MustExec(t, g.Cluster.Database, "GRANT CREATE ON DATABASE "+g.Cluster.Database+" TO app")
		_, err = Open(context.Background(), g, nil)
		expectError(t, err, `login "app" may not create roles`, "--admin")
		other, err := ParseLogin(s.DSN("postgres", "postgres"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(context.Background(), g, other)
		expectError(t, err, `--admin leads to database "postgres"`)
		g.Cluster.Port, g.Cluster.Password = 1, config.NewSecret("hush")
		_, err = Open(context.Background(), g, nil)
		expectError(t, err, `connect to cluster "main" directly`)
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("the password is in the error: %v", err)
		}
	})
}

func TestALoginThatIsNoneIsRefusedWithoutItsSecret(t *testing.T) {
	_, err := ParseLogin("postgres://u:hush@host:port/db")
	expectError(t, err, "not a connection string")
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("the password is in the error: %v", err)
	}
}
