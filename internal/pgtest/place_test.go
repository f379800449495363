package pgtest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestOnlyAbandonedPlacesAreSwept(t *testing.T) {
	parent := t.TempDir()
	held, err := makePlace(parent, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer held.remove()
	abandoned := filepath.Join(parent, placePrefix+"abandoned")
	young := filepath.Join(parent, placePrefix+"young")
	for _, dir := range []string{abandoned, young} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * lockTime)
	for _, dir := range []string{abandoned, held.dir} {
		if err := os.Chtimes(dir, old, old); err != nil {
			t.Fatal(err)
		}
	}
	sweep(parent)
	for dir, want := range map[string]error{abandoned: fs.ErrNotExist, young: nil, held.dir: nil} {
		if _, err := os.Stat(dir); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", filepath.Base(dir), err, want)
		}
	}
}

func TestADirectoryBelowAClosedOneIsNotSearchable(t *testing.T) {
	open := filepath.Join(t.TempDir(), "closed", "open")
	if err := os.MkdirAll(open, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(open), 0o700); err != nil {
		t.Fatal(err)
	}
	if searchable(open) {
		t.Error("said to be searchable by everybody")
	}
	if !searchable("/") {
		t.Error("the root is said not to be searchable")
	}
}
