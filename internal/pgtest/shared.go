package pgtest

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
)

// TB is the part of testing.TB used here. Spelling it out keeps the package testing out of programs
// that only launch servers.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// maxTestConnections leaves room for tests that run in parallel on one server.
const maxTestConnections = 300

var shared struct {
	sync.Mutex
	servers map[string]*Server // by version
}

// Run runs the tests of a package and then stops the servers that Start launched:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
func Run(m interface{ Run() int }) int {
	defer stopShared()
	return m.Run()
}

// Start returns the test process' shared server of one major version, "15" or "18"; the first call
// launches it. The test fails if that version is not installed. The package's TestMain calls Run.
func Start(t TB, version string) *Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if s := shared.servers[version]; s != nil {
		return s
	}
	s, err := Launch(context.Background(), Options{Version: version, MaxConnections: maxTestConnections})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if shared.servers == nil {
		shared.servers = map[string]*Server{}
	}
	shared.servers[version] = s
	return s
}

func stopShared() {
	shared.Lock()
	defer shared.Unlock()
	for version, s := range shared.servers {
		s.Stop()
		delete(shared.servers, version)
	}
}

// StartOwn launches a server for one test alone, which may stop or reconfigure it.
func StartOwn(t TB, o Options) *Server {
	t.Helper()
	s, err := Launch(context.Background(), o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { s.Stop() })
	return s
}

// FreshDatabase makes an empty database for one test and drops it at the test's end, whoever is
// still connected.
func (s *Server) FreshDatabase(t TB) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text()[:12])
	s.MustExec(t, "postgres", "CREATE DATABASE "+name)
	t.Cleanup(func() {
		s.Exec(context.Background(), "postgres", "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	})
	return name
}

// MustExec is Exec for tests: an error ends the test.
func (s *Server) MustExec(t TB, database, sql string) {
	t.Helper()
	if err := s.Exec(context.Background(), database, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
