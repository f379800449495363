package pgtest

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	placePrefix = "tenantpool-pg-"
	// maxPlacePath leaves room for "/.s.PGSQL.65535.lock" in the 107 bytes of a socket's path.
	maxPlacePath = 80
	// lockTime is longer than a process may take from making a place to locking it.
	lockTime = time.Minute
)

// place is a temporary directory held by a file lock for as long as this process lives, so that a
// later process can tell and remove what a killed one left behind.
type place struct {
	dir  string
	lock *os.File
}

// newPlace makes a directory that the account owns and can reach.
func newPlace(as *Account) (*place, error) {
	var errs []error
	for _, parent := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		if len(parent) > maxPlacePath-len(placePrefix)-10 || as != nil && !searchable(parent) {
			continue
		}
		sweep(parent)
		p, err := makePlace(parent, as)
		if err == nil {
			return p, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(append(errs, errors.New("no usable temporary directory"))...)
}

func makePlace(parent string, as *Account) (*place, error) {
	dir, err := os.MkdirTemp(parent, placePrefix)
	if err != nil {
		return nil, err
	}
	p := &place{dir: dir}
	if p.lock, err = lockPlace(dir); err == nil {
		err = as.Own(dir)
	}
	if err != nil {
		p.remove()
		return nil, err
	}
	return p, nil
}

func (p *place) remove() error {
	err := os.RemoveAll(p.dir)
	if p.lock != nil {
		p.lock.Close()
	}
	return err
}

func lockPlace(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sweep removes the places of processes that are gone. What it cannot remove it leaves.
func sweep(parent string) {
	dirs, _ := filepath.Glob(filepath.Join(parent, placePrefix+"*")) // a constant pattern
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < lockTime {
			continue
		}
		if lock, err := lockPlace(dir); err == nil {
			(&place{dir: dir, lock: lock}).remove()
		}
	}
}

// searchable says whether everybody may pass through dir and all of its parents.
func searchable(dir string) bool {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	for ; ; real = filepath.Dir(real) {
		info, err := os.Stat(real)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if real == filepath.Dir(real) {
			return true
		}
	}
}

// TempDir makes a temporary directory that the account owns and can reach, for programs that run
// beside a server. The caller removes it; if this process is killed, a later one does.
func TempDir(as *Account) (dir string, remove func() error, err error) {
	p, err := newPlace(as)
	if err != nil {
		return "", nil, err
	}
	return p.dir, p.remove, nil
}
