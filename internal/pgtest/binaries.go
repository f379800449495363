package pgtest

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// ErrNotFound says that this machine has no PostgreSQL server of the version asked for.
var ErrNotFound = errors.New("no PostgreSQL server found")

// usualPlaces are where distributions keep the programs that they leave out of PATH.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/local/pgsql/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
}

// Binaries is one installed PostgreSQL.
type Binaries struct {
	Version string // the major version: "15"
	Release string // as the program says it: "15.13"
	Dir     string // holds initdb and postgres, not always psql and pgbench
}

// Find lists the installed PostgreSQL servers, newest first. It returns ErrNotFound when there is
// none.
func Find() ([]Binaries, error) {
	var found []Binaries
	for _, dir := range candidates() {
		b, ok := inspect(dir)
		if ok && !slices.ContainsFunc(found, func(o Binaries) bool { return o.Release == b.Release }) {
			found = append(found, b)
		}
	}
	slices.SortStableFunc(found, func(a, b Binaries) int { return cmp.Compare(b.major(), a.major()) })
	if len(found) == 0 {
		return nil, ErrNotFound
	}
	return found, nil
}

// FindVersion returns the installed server of one major version; "" asks for the newest.
func FindVersion(version string) (Binaries, error) {
	all, err := Find()
	if err != nil {
		return Binaries{}, err
	}
	for _, b := range all {
		if version == "" || b.Version == version {
			return b, nil
		}
	}
	return Binaries{}, fmt.Errorf("%w of version %s (scripts/install-deps.sh installs it)", ErrNotFound, version)
}

// Tool finds a client program (psql, pgbench): beside the server if it is there, else in PATH, else
// beside any other installed server. Clients are compatible across versions, so any will do.
func (b Binaries) Tool(name string) (string, error) {
	if path := filepath.Join(b.Dir, name); executable(path) {
		return path, nil
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range candidates() {
		if path := filepath.Join(dir, name); executable(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: not found in PATH nor in %s", name, b.Dir)
}

func (b Binaries) major() int {
	n, _ := strconv.Atoi(b.Version)
	return n
}

// DepsDir is where scripts/install-deps.sh puts what no system package offers. $TENANTPOOL_DEPS
// overrides it. Root's is readable by everybody, because root's servers run as somebody else.
func DepsDir() string {
	if dir := os.Getenv("TENANTPOOL_DEPS"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return "/var/cache/tenantpool"
	}
	if cache, err := os.UserCacheDir(); err == nil {
		return filepath.Join(cache, "tenantpool")
	}
	if u, err := user.Current(); err == nil {
		return filepath.Join(u.HomeDir, ".cache", "tenantpool")
	}
	return ""
}

func candidates() []string {
	dirs := []string{filepath.Join(DepsDir(), "pg18", "bin")}
	if dir := os.Getenv("TENANTPOOL_PG18"); dir != "" {
		dirs = []string{dir, filepath.Join(dir, "bin")}
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	for _, pattern := range usualPlaces {
		matches, _ := filepath.Glob(pattern) // the patterns are constants, so none is malformed
		dirs = append(dirs, matches...)
	}
	return dirs
}

var releaseLine = regexp.MustCompile(`PostgreSQL\) ((\d+)[.\w]*)`)

func inspect(dir string) (Binaries, bool) {
	postgres := filepath.Join(dir, "postgres")
	if !executable(postgres) || !executable(filepath.Join(dir, "initdb")) {
		return Binaries{}, false
	}
	out, err := exec.Command(postgres, "--version").Output()
	m := releaseLine.FindSubmatch(out)
	if err != nil || m == nil {
		return Binaries{}, false
	}
	return Binaries{Version: string(m[2]), Release: string(m[1]), Dir: dir}, true
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
