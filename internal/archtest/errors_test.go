package archtest

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// ownError is an error that the pooler itself has for a client, as the source writes it.
type ownError struct {
	at, code, message string
	hinted            bool
}

// errorMakers are the functions that make one: where their arguments have the code (or which it
// always is), the message and the hint.
var errorMakers = map[string]struct {
	code                      string
	codeAt, messageAt, hintAt int // -1 for none
}{
	"fatalError":    {"", 0, 1, 2},
	"plainError":    {"", 0, 1, 2},
	"FatalProtocol": {"08P01", -1, 0, -1},
}

// ownErrors finds every error that the packages in the data path make.
func ownErrors(t *testing.T) (all []ownError) {
	t.Helper()
	files := parseModule(t)
	constants := stringConstants(files)
	for _, f := range files {
		if f.test || !inDataPath(f) {
			continue
		}
		read := func(e ast.Expr) string { return spelled(e, constants) }
		ast.Inspect(f.ast, func(n ast.Node) bool {
			e, ok := ownError{}, false
			switch n := n.(type) {
			case *ast.CallExpr:
				e, ok = fromCall(n, read)
			case *ast.CompositeLit:
				e, ok = fromLiteral(n, read)
			}
			if ok && len(e.code) == 5 {
				if e.message == "…" {
					e.message = "(its text varies)"
				}
				e.at = f.name + ":" + strconv.Itoa(f.fset.Position(n.Pos()).Line)
				all = append(all, e)
			}
			return true
		})
	}
	return all
}

// inDataPath says that a file may make errors for clients.
func inDataPath(f sourceFile) bool { return f.pkg == "proxy" || f.pkg == "pool" || f.pkg == "wire" }

func fromCall(call *ast.CallExpr, read func(ast.Expr) string) (e ownError, ok bool) {
	m, ok := errorMakers[lastName(call.Fun)]
	if !ok || len(call.Args) <= m.messageAt {
		return e, false
	}
	e.code, e.message = m.code, read(call.Args[m.messageAt])
	if m.codeAt >= 0 {
		e.code = read(call.Args[m.codeAt])
	}
	if m.hintAt >= 0 && m.hintAt < len(call.Args) {
		e.hinted = read(call.Args[m.hintAt]) != ""
	}
	return e, true
}

func fromLiteral(lit *ast.CompositeLit, read func(ast.Expr) string) (e ownError, ok bool) {
	switch lastName(lit.Type) {
	case "loginRefused":
		return ownError{code: "08001", message: read(lit.Elts[0]), hinted: true}, true
	case "Error":
	default:
		return e, false
	}
	for _, elt := range lit.Elts {
		pair, isPair := elt.(*ast.KeyValueExpr)
		if !isPair {
			return e, false
		}
		switch lastName(pair.Key) {
		case "Code":
			e.code = read(pair.Value)
		case "Message":
			e.message, ok = read(pair.Value), true
		case "Hint":
			e.hinted = true
		}
	}
	return e, ok
}

// lastName is the name at the end of an expression like wire.Error.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

var verbs = regexp.MustCompile(`%[0-9]*[a-z]`)

// spelled is what an expression says, with … for what only a run can tell.
func spelled(e ast.Expr, constants map[string]string) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, _ := strconv.Unquote(e.Value)
			return verbs.ReplaceAllString(s, "…")
		}
	case *ast.BinaryExpr:
		return strings.ReplaceAll(spelled(e.X, constants)+spelled(e.Y, constants), "……", "…")
	case *ast.CallExpr:
		if lastName(e.Fun) == "Sprintf" {
			return spelled(e.Args[0], constants)
		}
	case *ast.Ident, *ast.SelectorExpr:
		if s, ok := constants[lastName(e)]; ok {
			return s
		}
	}
	return "…"
}

// stringConstants are the texts that have a name.
func stringConstants(files []sourceFile) map[string]string {
	named := make(map[string]string)
	for _, f := range files {
		for _, d := range f.ast.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.CONST || f.test || !inDataPath(f) {
				continue
			}
			for _, spec := range decl.Specs {
				v := spec.(*ast.ValueSpec)
				for i, name := range v.Names {
					if i < len(v.Values) {
						if s := spelled(v.Values[i], nil); s != "…" {
							named[name.Name] = s
						}
					}
				}
			}
		}
	}
	return named
}

// entries are the errors that docs/errors.md explains, by code and message, and the text of each.
func entries(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "errors.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, part := range strings.Split(string(page), "\n### ")[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		text, _, _ = strings.Cut(text, "\n## ")
		found[strings.ReplaceAll(heading, "`", "")] = text
	}
	return found
}

func TestEveryErrorOfOurOwnIsExplained(t *testing.T) {
	explained := entries(t)
	told := make(map[string]bool)
	errs := ownErrors(t)
	for _, e := range errs {
		name := e.code + " " + e.message
		text, ok := explained[name]
		told[name] = true
		switch {
		case !ok:
			t.Errorf("%s: docs/errors.md has no entry \"### `%s` %s\"", e.at, e.code, e.message)
		case strings.TrimSpace(text) == "":
			t.Errorf("docs/errors.md: nothing is said of %s", name)
		case !e.hinted && !strings.Contains(text, "No hint"):
			t.Errorf("%s: %s has no hint, and docs/errors.md does not say why (\"No hint: ...\")", e.at, name)
		}
	}
	for name := range explained {
		if !told[name] {
			t.Errorf("docs/errors.md explains %q, which nothing says any more", name)
		}
	}
	if len(errs) < 50 {
		t.Errorf("only %d errors were found in the source", len(errs))
	}
}

// violations are the only messages that may bear 08P01.
var violations = regexp.MustCompile(`^(invalid |malformed |unknown message type|received unencrypted data|client selected |unsupported SCRAM|expected |client stopped in the middle)`)

func TestOnlyABreachOfTheProtocolIsCalledOne(t *testing.T) {
	for _, e := range ownErrors(t) {
		if e.code == "08P01" && !violations.MatchString(e.message) {
			t.Errorf("%s: %q is 08P01, and no breach of the protocol", e.at, e.message)
		}
	}
}
