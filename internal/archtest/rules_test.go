package archtest

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// mayImport lists, for each package, the packages of this module that it may import. A new package
// takes its place here first.
var mayImport = map[string][]string{
	"wire":               {},
	"routing":            {},
	"auth":               {"wire"},
	"internal/certs":     {},
	"config":             {"auth", "internal/certs", "routing"},
	"pool":               {"internal/certs", "wire"},
	"proxy":              {"auth", "internal/certs", "pool", "routing", "wire"},
	"admin":              {"auth", "config", "pool", "proxy", "routing", "wire"},
	"registry":           {"pool", "routing"},
	"demo":               {"internal/pgtest"},
	"soak":               {"auth", "config", "routing", "wire"},
	"bench":              {"internal/pgtest"},
	"cmd/tenantpool":     {"admin", "auth", "config", "demo", "internal/certs", "internal/listening", "internal/systemd", "logs", "manual", "metrics", "pgbouncer", "pool", "provision", "proxy", "registry", "routing", "soak", "starter", "wire"},
	"provision":          {"pool", "routing", "wire"},
	"metrics":            {"pool", "proxy"},
	"logs":               {},
	"manual":             {"config"},
	"pgbouncer":          {"auth", "config", "routing"},
	"starter":            {"config"},
	"integration":        {"internal/pgtest", "soak", "wire"},
	"internal/pgtest":    {},
	"internal/archtest":  {},
	"internal/listening": {},
	"internal/systemd":   {},
}

// testsMayImport is what the tests of any package may import besides.
var testsMayImport = []string{"internal/pgtest"}

// mayNotImport lists standard packages that would break what a package promises about itself.
var mayNotImport = map[string][]string{
	"wire":    {"net", "os", "syscall", "time", "sync"}, // no sockets, clock or goroutines
	"routing": {"net", "os", "syscall"},                 // a table, and no sockets
	"auth":    {"net", "os", "syscall"},                 // rules and secrets, and no sockets
	"pool":    {"log", "log/slog"},                      // libraries return, main logs
}

// onlyIn lists outside modules that are kept to some packages; "tests" means any _test.go file.
var onlyIn = map[string][]string{
	"github.com/BurntSushi/toml":          {"config"},
	"github.com/jackc/pgproto3/v2":        {"tests", "integration"},
	"github.com/lib/pq":                   {"tests", "integration"},
	"github.com/jackc/pgx/v5/stdlib":      {"tests", "integration"},
	"github.com/jackc/pgx/v5/pgconn":      {"bench", "cmd/tenantpool", "demo", "integration", "internal/pgtest", "pool", "provision", "soak", "starter", "tests"},
	"github.com/xdg-go/scram":             {"wire", "tests"},
	"golang.org/x/term":                   {"cmd/tenantpool"},
	"golang.org/x/sys/unix":               {"internal/listening", "internal/systemd", "proxy", "tests"},
	"github.com/prometheus/client_golang": {"admin", "metrics", "tests"},
	"github.com/chromedp/chromedp":        {"tests"},
	"github.com/chromedp/cdproto":         {"tests"},
	"testing":                             {"tests"},
}

// maxLines is the length that no function of the program exceeds.
const maxLines = 60

func TestImportsRunOneWay(t *testing.T) {
	for _, f := range parseModule(t) {
		allowed, known := mayImport[f.pkg]
		if !known {
			t.Errorf("%s: package %s has no place in mayImport", f.name, f.pkg)
			continue
		}
		for _, p := range f.imports() {
			pkg, isOurs := ours(p)
			if !isOurs || pkg == f.pkg || slices.Contains(allowed, pkg) || f.test && slices.Contains(testsMayImport, pkg) {
				continue
			}
			t.Errorf("%s: %s must not import %s", f.name, f.pkg, pkg)
		}
	}
}

func TestPackagesKeepAwayFromWhatTheyPromiseNotToUse(t *testing.T) {
	for _, f := range parseModule(t) {
		for _, p := range f.imports() {
			if !f.test && slices.Contains(mayNotImport[f.pkg], p) {
				t.Errorf("%s: %s must not import %s", f.name, f.pkg, p)
			}
		}
	}
}

func TestOutsideModulesStayWhereTheyBelong(t *testing.T) {
	for _, f := range parseModule(t) {
		for _, p := range f.imports() {
			for module, places := range onlyIn {
				if p != module && !strings.HasPrefix(p, module+"/") {
					continue
				}
				if !slices.Contains(places, f.pkg) && !(f.test && slices.Contains(places, "tests")) {
					t.Errorf("%s: %s is for %s only", f.name, module, strings.Join(places, ", "))
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	said := map[string]bool{}
	for _, f := range parseModule(t) {
		said[f.pkg] = said[f.pkg] || hasPackageComment(f.ast)
	}
	for pkg, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment that begins with \"Package NAME\"", pkg)
		}
	}
}

func hasPackageComment(f *ast.File) bool {
	text := f.Doc.Text()
	return strings.HasPrefix(text, "Package "+f.Name.Name+" ") || f.Name.Name == "main" && text != ""
}

func TestFunctionsStayShort(t *testing.T) {
	for _, f := range parseModule(t) {
		for _, decl := range f.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || f.test {
				continue
			}
			lines := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1
			if lines > maxLines {
				t.Errorf("%s: %s has %d lines, more than %d", f.name, fn.Name.Name, lines, maxLines)
			}
		}
	}
}
