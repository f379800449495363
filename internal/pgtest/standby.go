package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// LaunchStandby makes and starts a hot standby of s, which follows it from here on, and returns
// once it takes queries. s is stopped for a moment. The caller stops the standby. ctx bounds the
// launch only.
func (s *Server) LaunchStandby(ctx context.Context) (*Server, error) {
	place, err := newPlace(s.account)
	if err != nil {
		return nil, fmt.Errorf("launch a standby: %w", err)
	}
	b := &Server{
		Host: s.Host, User: s.User, Binaries: s.Binaries,
		SocketDir: place.dir, DataDir: filepath.Join(place.dir, "data"), LogFile: filepath.Join(place.dir, "log"),
		account: s.account, place: place, log: s.log,
	}
	err = b.choosePort()
	if err == nil {
		err = b.copyFrom(ctx, s)
	}
	if err == nil {
		err = b.Up(ctx)
	}
	if err != nil {
		place.remove()
		return nil, fmt.Errorf("launch a standby: %w", err)
	}
	return b, nil
}

// copyFrom copies the data of s, which is stopped meanwhile, and sets it up to follow s. (Not every
// installation has pg_basebackup.)
func (b *Server) copyFrom(ctx context.Context, s *Server) error {
	s.Down(false)
	cmd := exec.CommandContext(ctx, "cp", "-a", s.DataDir, b.DataDir)
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = b.place.dir, cleanEnvironment(), &out, &out
	p, err := StartProcess(cmd, b.account)
	if err == nil {
		err = p.Err()
	}
	if err != nil {
		err = fmt.Errorf("copy of the data: %w: %s", err, lastLines(out.String(), 5))
	}
	if err := errors.Join(err, s.Up(ctx)); err != nil {
		return err
	}
	follow := fmt.Sprintf("unix_socket_directories = '%s'\nprimary_conninfo = 'host=%s port=%d user=%s'\n", b.SocketDir, s.Host, s.Port, s.User)
	if err := appendFile(filepath.Join(b.DataDir, "postgresql.conf"), follow); err != nil {
		return err
	}
	signal := filepath.Join(b.DataDir, "standby.signal")
	return errors.Join(os.WriteFile(signal, nil, 0o600), b.account.Own(signal))
}

// StartStandby is LaunchStandby for one test alone.
func (s *Server) StartStandby(t TB) *Server {
	t.Helper()
	b, err := s.LaunchStandby(context.Background())
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { b.Stop() })
	return b
}

// Promote makes a primary of a standby, and returns when it is one.
func (s *Server) Promote(t TB) {
	t.Helper()
	s.MustExec(t, "postgres", "SELECT pg_promote(true, 60)")
}

// Address is where the server listens, as host:port.
func (s *Server) Address() string { return fmt.Sprintf("%s:%d", s.Host, s.Port) }
