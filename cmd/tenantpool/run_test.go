package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// interrupted is a log that interrupts the process as soon as it says that it listens.
type interrupted struct{ bytes.Buffer }

func (w *interrupted) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("msg=listening")) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
	}
	return w.Buffer.Write(b)
}

// shortDir is a directory whose name fits into the address of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestAnInterruptAtOnceEndsThePoolerInOrder(t *testing.T) {
	dir := shortDir(t)
	file, socket := filepath.Join(dir, "config.toml"), filepath.Join(dir, ".s.PGSQL.6432")
	err := os.WriteFile(file, []byte(`listen = ["`+dir+`"]
[auth]
method = "trust"
[cluster.main]
host = "127.0.0.1"
port = 1
database = "d"
user = "u"
[[route]]
database = "{tenant}"
cluster = "main"
search_path = ["{schema}"]
tenants = "schema"
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	log := &interrupted{}
	if err := run(file, log); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "msg=stopped") {
		t.Errorf("it did not stop in order: %s", log)
	}
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("its socket is left: %v", err)
	}
}
