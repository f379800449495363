package certs

import (
	"crypto/tls"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// lookEvery is how often the files are looked at, at most.
const lookEvery = time.Second

// Watched gives what files hold now. It is safe for use by several goroutines.
type Watched struct {
	files  Files
	config func(*Set) *tls.Config

	set    atomic.Pointer[Set] // the newest good one
	looks  sync.Mutex          // held by who looks at the files; the others go on with the set
	seen   [3]os.FileInfo
	looked time.Time
}

// Watch watches files from now on. config makes what Set.Config is to be; it may be nil.
func Watch(files Files, config func(*Set) *tls.Config) *Watched {
	return &Watched{files: files, config: config}
}

// Current gives the newest set that was good. An error says that the files cannot be used as they
// are now; it comes once for each change of them, and beside the last good set, if there was one.
func (w *Watched) Current() (*Set, error) {
	set := w.set.Load()
	switch {
	case set == nil:
		w.looks.Lock()
	case !w.looks.TryLock():
		return set, nil
	}
	defer w.looks.Unlock()
	set = w.set.Load()
	if set != nil && time.Since(w.looked) < lookEvery {
		return set, nil
	}
	w.looked = time.Now()
	seen := w.files.stat()
	if set != nil && unchanged(w.seen, seen) {
		return set, nil
	}
	w.seen = seen
	fresh, err := w.files.Load()
	if err != nil {
		return set, err
	}
	if w.config != nil {
		fresh.Config = w.config(fresh)
	}
	w.set.Store(fresh)
	return fresh, nil
}

// Last gives the newest set that was good, without a look at the files; nil if
// there was none.
func (w *Watched) Last() *Set { return w.set.Load() }

// stat looks at the files; one that is not there is nil.
func (f Files) stat() (seen [3]os.FileInfo) {
	for i, path := range []string{f.Cert, f.Key, f.CA} {
		if path != "" && path != System {
			seen[i], _ = os.Stat(path) // Load tells why not
		}
	}
	return seen
}

func unchanged(a, b [3]os.FileInfo) bool {
	for i := range a {
		switch {
		case a[i] == nil || b[i] == nil:
			if a[i] != b[i] {
				return false
			}
		case !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()):
			return false
		}
	}
	return true
}
