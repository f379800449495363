package pgtest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

var versions = []string{"15", "18"}

func TestAServerOfEachVersionAnswersOverTCP(t *testing.T) {
	for _, version := range versions {
		s := Start(t, version)
		conn, err := s.connectTCP(t.Context(), "postgres")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		if got := conn.ParameterStatus("server_version"); !strings.HasPrefix(got, version+".") {
			t.Errorf("asked for version %s, got %s", version, got)
		}
		if s != Start(t, version) {
			t.Errorf("version %s: a second Start launched a second server", version)
		}
	}
}

func TestAServerNeverRunsAsRoot(t *testing.T) {
	s := Start(t, "15")
	info, err := os.Stat("/proc/" + strconv.Itoa(s.PID()))
	if err != nil {
		t.Skip("no /proc here")
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid == 0 {
		t.Error("postgres runs as root")
	}
}

func TestStopEndsTheServerAndRemovesItsDirectory(t *testing.T) {
	var log bytes.Buffer
	s, err := Launch(t.Context(), Options{Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	pid := s.PID()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there: %v", pid, err)
	}
	if _, err := os.Stat(s.SocketDir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
	if !strings.Contains(log.String(), "ready to accept connections") {
		t.Errorf("the log was not copied: %q", log.String())
	}
}

func TestDataSurvivesACrash(t *testing.T) {
	s := StartOwn(t, Options{Version: "15"})
	s.MustExec(t, "postgres", "CREATE TABLE kept AS SELECT 7 AS n")
	s.MustExec(t, "postgres", "CHECKPOINT")
	s.Down(true)
	if err := s.Exec(t.Context(), "postgres", "SELECT 1"); err == nil {
		t.Fatal("the server still answers")
	}
	if err := s.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Value(t.Context(), "postgres", "SELECT n FROM kept"); n != "7" {
		t.Errorf("got %q, %v", n, err)
	}
}

func TestSettingsAndHBALinesAreTheServersOwn(t *testing.T) {
	s := StartOwn(t, Options{
		Version: "15", MaxConnections: 17,
		Settings: map[string]string{"application_name": "it's", "fsync": "on"},
		HBA:      []string{"host all refused 127.0.0.1/32 reject"},
	})
	s.MustExec(t, "postgres", "CREATE ROLE refused LOGIN")
	rows, err := s.Query(t.Context(), "postgres",
		"SELECT current_setting('max_connections'), current_setting('fsync'), reset_val FROM pg_settings WHERE name = 'application_name'")
	if err != nil || strings.Join(rows[0], " ") != "17 on it's" {
		t.Errorf("got %q, %v", rows, err)
	}
	if _, err := s.connectTCP(t.Context(), "refused"); err == nil {
		t.Error("the HBA line did not refuse")
	}
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	_, err := Launch(t.Context(), Options{Version: "15", Settings: map[string]string{"no_such_setting": "1"}})
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("got %v", err)
	}
}

func TestALaunchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Launch(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAVersionThatIsNotInstalledIsNamed(t *testing.T) {
	_, err := FindVersion("6")
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "version 6") {
		t.Errorf("got %v", err)
	}
}

func TestFreshDatabasesAreApartAndDropped(t *testing.T) {
	s := Start(t, "15")
	var names []string
	t.Run("use", func(t *testing.T) {
		names = append(names, s.FreshDatabase(t), s.FreshDatabase(t))
		s.MustExec(t, names[0], "CREATE TABLE only_here ()")
		if err := s.Exec(t.Context(), names[1], "TABLE only_here"); err == nil {
			t.Error("the second database shows the first one's table")
		}
	})
	for _, name := range names {
		if err := s.Exec(t.Context(), name, "SELECT 1"); err == nil {
			t.Errorf("%s was not dropped", name)
		}
	}
}

// connectTCP logs in over TCP, as the servers' users do.
func (s *Server) connectTCP(ctx context.Context, user string) (*pgconn.PgConn, error) {
	return pgconn.Connect(ctx, s.DSN(user, "postgres"))
}
