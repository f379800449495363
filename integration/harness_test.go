package integration

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"tenantpool/internal/pgtest"
)

// versions are the servers that every test runs on.
var versions = []string{"15", "18"}

// direct says that the tests talk to Postgres itself, to try what they expect.
func direct() bool { return os.Getenv("TENANTPOOL_DIRECT") == "1" }

func TestMain(m *testing.M) {
	if err := raiseFileLimit(); err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
	}
	code := pgtest.Run(m)
	removeBinaries()
	os.Exit(code)
}

// onEach runs a test on every version at once, each time in a world of its own.
func onEach(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, pgtest.Start(t, version)))
		})
	}
}

// everywhere says that heavy tests are to run in full, on every version.
func everywhere() bool { return os.Getenv("TENANTPOOL_EVERYWHERE") != "" }

// onNewest is onEach for what takes long and hardly depends on the version: on 18, and on all if
// TENANTPOOL_EVERYWHERE asks for it.
func onNewest(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	if everywhere() {
		onEach(t, test)
		return
	}
	newest := versions[len(versions)-1]
	t.Run(newest, func(t *testing.T) { test(t, newWorld(t, pgtest.Start(t, newest))) })
}

// onEachInTurn is onEach for tests that want the machine for themselves.
func onEachInTurn(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, version := range versions {
		t.Run(version, func(t *testing.T) { test(t, newWorld(t, pgtest.Start(t, version))) })
	}
}

// onEachOwn is onEach with a server that the test may stop or crash: what it has committed survives.
func onEachOwn(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			o := pgtest.Options{Version: version, Settings: map[string]string{"synchronous_commit": "on"}}
			test(t, newWorld(t, pgtest.StartOwn(t, o)))
		})
	}
}

// needsPooler ends a test early that says nothing about a server alone.
func needsPooler(t *testing.T) {
	t.Helper()
	if direct() {
		t.Skip("this is about the pooler; TENANTPOOL_DIRECT=1 asks for none")
	}
}

// raceWanted says that the pooler is to run under the race detector: because the tests do, or because
// TENANTPOOL_RACE asks for it.
func raceWanted() bool { return raceEnabled || os.Getenv("TENANTPOOL_RACE") != "" }

// binaries are the builds of the program: with the race detector if the tests have it, and without
// it where its memory is measured.
var binaries = struct {
	sync.Mutex
	dir   string
	built map[bool]string // by "with the race detector"
}{built: map[bool]string{}}

// program builds the program once and returns its path. $TENANTPOOL_PROGRAM names one that has been
// built already.
func program(t *testing.T, race bool) string {
	t.Helper()
	if path := os.Getenv("TENANTPOOL_PROGRAM"); path != "" {
		return path
	}
	binaries.Lock()
	defer binaries.Unlock()
	if path := binaries.built[race]; path != "" {
		return path
	}
	if binaries.dir == "" {
		dir, err := os.MkdirTemp("", "tenantpool-integration-")
		must(t, err)
		binaries.dir = dir
	}
	noticeSources(t)
	path := filepath.Join(binaries.dir, fmt.Sprintf("tenantpool-race-%v", race))
	args := []string{"build", "-o", path}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "tenantpool/cmd/tenantpool")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	binaries.built[race] = path
	return path
}

// noticeSources looks at every source file of the program, so that go test knows that its result
// depends on them: a cached "ok" must not outlive a change of the pooler.
func noticeSources(t *testing.T) {
	t.Helper()
	must(t, filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".go" {
			_, err = os.Stat(path)
		}
		return err
	}))
}

func removeBinaries() {
	if binaries.dir != "" {
		os.RemoveAll(binaries.dir)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
