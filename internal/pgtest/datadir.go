package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// initialise makes the data directory with its two configuration files.
func (s *Server) initialise(ctx context.Context, o Options) error {
	if err := s.initdb(ctx); err != nil {
		return err
	}
	if err := appendFile(filepath.Join(s.DataDir, "postgresql.conf"), s.settings(o)); err != nil {
		return err
	}
	hba := append([]string{"local all all trust"}, o.HBA...)
	hba = append(hba, "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust", "")
	return os.WriteFile(filepath.Join(s.DataDir, "pg_hba.conf"), []byte(strings.Join(hba, "\n")), 0o600)
}

func (s *Server) initdb(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.Binaries.Dir, "initdb"), "--pgdata", s.DataDir,
		"--username", s.User, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.place.dir, cleanEnvironment(), &out, &out
	p, err := StartProcess(cmd, s.account)
	if err == nil {
		err = p.Err()
	}
	if ctx.Err() != nil {
		return fmt.Errorf("initdb: %w", ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, lastLines(out.String(), 5))
	}
	return nil
}

// settings is what follows the defaults in postgresql.conf; of a name given twice the last counts.
func (s *Server) settings(o Options) string {
	all := map[string]string{
		"listen_addresses":        s.Host,
		"unix_socket_directories": s.SocketDir,
		"fsync":                   "off",
		"full_page_writes":        "off",
		"synchronous_commit":      "off",
		"log_line_prefix":         "%m [%p] ",
	}
	if o.MaxConnections > 0 {
		all["max_connections"] = strconv.Itoa(o.MaxConnections)
	}
	maps.Copy(all, o.Settings)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s = '%s'\n", name, strings.ReplaceAll(all[name], "'", "''"))
	}
	return text.String()
}

// cleanEnvironment is this process' environment without what would steer Postgres or its clients.
func cleanEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "PG") || strings.HasPrefix(v, "LC_") || strings.HasPrefix(v, "LANG")
	})
}

func appendFile(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
