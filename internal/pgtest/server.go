package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	superuser    = "postgres"
	startTimeout = time.Minute
	stopGrace    = 15 * time.Second
	pollInterval = 20 * time.Millisecond
	portTries    = 3
)

// Options say what kind of server to launch. The zero value is the newest installed version with
// Postgres' own defaults, without durability.
type Options struct {
	Version        string            // the major version, "15"; "" is the newest found
	MaxConnections int               // 0 is 100
	Settings       map[string]string // further lines of postgresql.conf; they win over the defaults here
	HBA            []string          // lines of pg_hba.conf tried before "trust" on TCP; the socket always trusts
	Log            io.Writer         // also gets what the server logs
}

// Server is one private PostgreSQL server. Its exported fields do not change.
type Server struct {
	Host      string // 127.0.0.1
	Port      int
	SocketDir string // the directory of its Unix socket
	DataDir   string
	LogFile   string
	User      string // the superuser
	Binaries  Binaries

	account *Account
	place   *place
	log     io.Writer
	process *Process
}

// Launch makes and starts a server, and returns once it accepts connections. The caller stops it.
// ctx bounds the launch only.
func Launch(ctx context.Context, o Options) (*Server, error) {
	s, err := prepare(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("launch postgres: %w", err)
	}
	for try := 1; ; try++ {
		err = s.Up(ctx)
		if err == nil {
			return s, nil
		}
		if try == portTries || !errors.Is(err, errPortTaken) {
			break
		}
		if err = s.choosePort(); err != nil {
			break
		}
	}
	s.place.remove()
	return nil, fmt.Errorf("launch postgres: %w", err)
}

func prepare(ctx context.Context, o Options) (*Server, error) {
	bin, err := FindVersion(o.Version)
	if err != nil {
		return nil, err
	}
	account, err := Unprivileged()
	if err != nil {
		return nil, err
	}
	place, err := newPlace(account)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Host: "127.0.0.1", User: superuser, Binaries: bin,
		SocketDir: place.dir, DataDir: filepath.Join(place.dir, "data"), LogFile: filepath.Join(place.dir, "log"),
		account: account, place: place, log: o.Log,
	}
	if err := errors.Join(s.choosePort(), s.initialise(ctx, o)); err != nil {
		place.remove()
		return nil, err
	}
	return s, nil
}

func (s *Server) choosePort() (err error) {
	s.Port, err = FreePort()
	return err
}

// FreePort returns a TCP port of the loopback address that nobody listens on at this moment.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

var errPortTaken = errors.New("the port was taken meanwhile")

// Up starts a server that Down has stopped, on the same port and data, and returns once it accepts
// connections.
func (s *Server) Up(ctx context.Context) error {
	log, err := os.OpenFile(s.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(s.Binaries.Dir, "postgres"), "-D", s.DataDir,
		"-c", fmt.Sprintf("port=%d", s.Port))
	cmd.Dir = s.place.dir
	cmd.Env = cleanEnvironment()
	cmd.Stdout, cmd.Stderr = log, log
	if s.log != nil {
		both := io.MultiWriter(log, s.log)
		cmd.Stdout, cmd.Stderr = both, both
		cmd.WaitDelay = stopGrace
	}
	if s.process, err = StartProcess(cmd, s.account); err != nil {
		return err
	}
	if err := s.waitReady(ctx); err != nil {
		s.process.Stop(syscall.SIGQUIT, stopGrace)
		return err
	}
	return nil
}

// waitReady asks until the server answers, has ended, or the time is up.
func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		err := s.Exec(ctx, "postgres", "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-s.process.Done():
			return s.startFailure()
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-poll.C:
		}
	}
}

func (s *Server) startFailure() error {
	text, _ := os.ReadFile(s.LogFile) // an unreadable log leaves the message shorter
	if strings.Contains(string(text), "could not bind") {
		os.Remove(s.LogFile)
		return errPortTaken
	}
	return fmt.Errorf("it ended at once (%v): %s", s.process.Err(), lastLines(string(text), 10))
}

// Down stops the server and keeps its data for Up. An immediate stop drops clients without a word,
// as a crash does.
func (s *Server) Down(immediate bool) {
	sig := syscall.SIGINT
	if immediate {
		sig = syscall.SIGQUIT
	}
	s.process.Stop(sig, stopGrace)
}

// Stop shuts the server down, whoever is connected, and removes its directory.
func (s *Server) Stop() error {
	s.Down(false)
	return s.place.remove()
}

// PID is the process number of the server's main process.
func (s *Server) PID() int { return s.process.PID() }

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
