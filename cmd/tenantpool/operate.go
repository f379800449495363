package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/config"
)

// operator is a connection to the console of a pooler that runs.
type operator struct {
	conn    *pgconn.PgConn
	notices []string
}

// consoleFlags say where the console is.
type consoleFlags struct {
	*flag.FlagSet
	file, at, user string
}

func newConsoleFlags(name string, stderr io.Writer) *consoleFlags {
	f := &consoleFlags{FlagSet: flag.NewFlagSet("tenantpool "+name, flag.ContinueOnError)}
	f.SetOutput(stderr)
	f.StringVar(&f.file, "c", "config.toml", "the configuration `FILE`, which says where the pooler listens")
	f.StringVar(&f.at, "at", "", "where it listens, if not there: `ADDRESS` is host:port, or a Unix socket")
	f.StringVar(&f.user, "U", "", "the `user` of [admin]; default $PGUSER, or else yours. Its password is $PGPASSWORD, or in ~/.pgpass")
	return f
}

// addresses are where the console may be, the best first: on a Unix socket nobody asks for a password.
func (f *consoleFlags) addresses() ([]config.Address, error) {
	if f.at != "" {
		network := "tcp"
		if strings.Contains(f.at, "/") {
			network = "unix"
		}
		return []config.Address{{Network: network, Address: f.at}}, nil
	}
	all, err := config.Listening(f.file)
	if err != nil {
		return nil, err
	}
	var sockets, others []config.Address
	for _, a := range all {
		if a.Network == "unix" {
			sockets = append(sockets, a)
		} else {
			others = append(others, a)
		}
	}
	return append(sockets, others...), nil
}

// connect finds the console.
func (f *consoleFlags) connect(ctx context.Context) (*operator, error) {
	addresses, err := f.addresses()
	if err != nil {
		return nil, err
	}
	var failed error
	for _, a := range addresses {
		o := new(operator)
		if o.conn, err = pgconn.ConnectConfig(ctx, f.config(a, o)); err == nil {
			return o, nil
		}
		failed = errors.Join(failed, fmt.Errorf("console at %s: %w", a.Address, plainly(err)))
	}
	return nil, failed
}

// plainly is what the other side said, if it said anything.
func plainly(err error) error {
	var pg *pgconn.PgError
	var sys *net.OpError
	switch {
	case errors.As(err, &pg) && pg.Detail != "":
		return fmt.Errorf("%s\n%s", pg.Message, pg.Detail)
	case errors.As(err, &pg) && pg.Hint != "":
		return fmt.Errorf("%s (%s)", pg.Message, pg.Hint)
	case errors.As(err, &pg):
		return errors.New(pg.Message)
	case errors.As(err, &sys):
		return sys.Err
	}
	return err
}

func (f *consoleFlags) config(a config.Address, o *operator) *pgconn.Config {
	c, err := pgconn.ParseConfig("dbname=tenantpool sslmode=prefer connect_timeout=5")
	if err != nil { // something in the environment
		c, _ = pgconn.ParseConfig("host=localhost user=x dbname=tenantpool")
	}
	host, port := socketParts(a.Address)
	if a.Network == "tcp" {
		host, port = tcpParts(a.Address)
	}
	c.Host, c.Port = host, port
	for _, fallback := range c.Fallbacks {
		fallback.Host, fallback.Port = host, port
	}
	if a.Network == "unix" {
		c.TLSConfig, c.Fallbacks = nil, nil
	} else if c.TLSConfig != nil {
		c.TLSConfig.ServerName = host
	}
	switch u, err := user.Current(); {
	case f.user != "":
		c.User = f.user
	case os.Getenv("PGUSER") == "" && err == nil:
		c.User = u.Username
	}
	c.RuntimeParams = map[string]string{"application_name": "tenantpool " + f.Name()[len("tenantpool "):]}
	c.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { o.notices = append(o.notices, n.Message) }
	return c
}

func tcpParts(address string) (string, uint16) {
	host, text, _ := net.SplitHostPort(address)
	var port uint16
	_, _ = fmt.Sscan(text, &port)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return host, port
}

// socketParts are the directory and the port of a Unix socket.
func socketParts(path string) (string, uint16) {
	var port uint16
	_, _ = fmt.Sscan(strings.TrimPrefix(filepath.Ext(path), "."), &port)
	if port == 0 {
		return path, 6432
	}
	return filepath.Dir(path), port
}

// record is one row of an answer, by column.
type record map[string]string

// ask says one command and gives its rows.
func (o *operator) ask(ctx context.Context, command string) ([]record, error) {
	results, err := o.conn.Exec(ctx, command).ReadAll()
	if err != nil {
		return nil, plainly(err)
	}
	var rows []record
	for _, r := range results {
		for _, values := range r.Rows {
			row := make(record, len(values))
			for i, v := range values {
				row[r.FieldDescriptions[i].Name] = string(v)
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// number is a column that holds one.
func (r record) number(column string) (n int64) {
	_, _ = fmt.Sscan(r[column], &n)
	return n
}

func (o *operator) close() {
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	_ = o.conn.Close(ctx)
}

// quoted is a name as the console reads it.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// tell connects, says one command, and prints what came of it. Exit status 1 is a refusal, 2 a wrong
// command line or no console.
func (f *consoleFlags) tell(command string, stdout, stderr io.Writer) int {
	o, err := f.connect(context.Background())
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	defer o.close()
	_, err = o.ask(context.Background(), command)
	for _, n := range o.notices {
		fmt.Fprintln(stdout, n)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}
