package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages are the Markdown files of the module, by name from its root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	root := os.DirFS(filepath.Join("..", ".."))
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && skipped(d.Name()):
			return fs.SkipDir
		case filepath.Ext(name) == ".md":
			text, err := fs.ReadFile(root, name)
			all[name] = string(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var link = regexp.MustCompile(`\]\(([^)#: ]+)(#[^)]*)?\)`)

func TestEveryLinkOfThePagesLeadsSomewhere(t *testing.T) {
	for name, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join("..", "..", filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links %s: %v", name, m[1], err)
			}
		}
	}
}

func TestTheFirstPageLinksEveryOther(t *testing.T) {
	all := pages(t)
	for name := range all {
		if strings.HasPrefix(name, "docs/") && !strings.Contains(all["README.md"], "]("+name+")") {
			t.Errorf("README.md does not link %s", name)
		}
	}
}

func TestTheArchitectureListsEveryPackage(t *testing.T) {
	text := pages(t)["ARCHITECTURE.md"]
	for pkg := range mayImport {
		if !strings.Contains(text, "\n"+pkg+"/ ") {
			t.Errorf("ARCHITECTURE.md does not list %s/", pkg)
		}
	}
}
