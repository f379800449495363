package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "tenantpool"

// sourceFile is one Go file of the module.
type sourceFile struct {
	pkg  string // its package's directory below the module's root: "wire"
	name string // "wire/frame.go"
	test bool
	fset *token.FileSet
	ast  *ast.File
}

// imports are the import paths of the file.
func (f sourceFile) imports() []string {
	var paths []string
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic("BUG: the parser accepted an import path that is no string")
		}
		paths = append(paths, p)
	}
	return paths
}

// ours is an import path as a directory below the module's root, if it is one of this module.
func ours(importPath string) (pkg string, ok bool) {
	return strings.CutPrefix(importPath, modulePath+"/")
}

// parseModule reads every Go file of the module.
func parseModule(t *testing.T) []sourceFile {
	t.Helper()
	root := filepath.Join("..", "..")
	var files []sourceFile
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != root && skipped(d.Name()):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		f, err := parseSource(root, name)
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// skipped says what the go command skips too.
func skipped(dir string) bool {
	return strings.HasPrefix(dir, ".") || strings.HasPrefix(dir, "_") || dir == "testdata" || dir == "node_modules"
}

func parseSource(root, name string) (sourceFile, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return sourceFile{}, err
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return sourceFile{}, err
	}
	rel = filepath.ToSlash(rel)
	return sourceFile{path.Dir(rel), rel, strings.HasSuffix(rel, "_test.go"), fset, tree}, nil
}
