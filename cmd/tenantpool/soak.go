package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"tenantpool/config"
	"tenantpool/soak"
)

// soakOptions are the command line of "tenantpool soak".
type soakOptions struct {
	file        string
	at          string // host:port of a pooler that runs; "" starts one
	admin       string
	user        string
	passwordEnv string
	clients     int
	tenants     int
	seed        uint64
	duration    time.Duration
	json        bool
	verbose     bool
}

func parseSoakOptions(args []string, stderr io.Writer) (soakOptions, error) {
	var o soakOptions
	f := flag.NewFlagSet("tenantpool soak", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.file, "config", "config.toml", "configuration `file`")
	f.StringVar(&o.file, "c", "config.toml", "short for --config")
	f.DurationVar(&o.duration, "duration", time.Minute, "how long")
	f.IntVar(&o.clients, "clients", 200, "clients at once")
	f.IntVar(&o.tenants, "tenants", 50, "tenants to make for it, and to drop again")
	f.Uint64Var(&o.seed, "seed", 0, "what the clients' dice follow from (default: a random one, which the report names)")
	f.StringVar(&o.at, "at", "", "soak the pooler that runs at `host:port`, instead of one of its own")
	f.StringVar(&o.admin, "admin", "",
		"`login` past the pooler that may create schemas, as in postgres://user@host/database (default: the cluster's own)")
	f.StringVar(&o.user, "user", "", "`login` of the clients (default: one that the route admits)")
	f.StringVar(&o.passwordEnv, "password-env", "",
		"with --at, the environment `variable` that holds the clients' password, if the users file does not")
	f.BoolVar(&o.json, "json", false, "print the report as JSON")
	f.BoolVar(&o.verbose, "verbose", false, "also show the log of the pooler, as the configuration says")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if err := o.check(f.Args()); err != nil {
		fmt.Fprintf(stderr, "tenantpool soak: %v\n", err)
		return o, err
	}
	if o.seed == 0 {
		var b [4]byte // short enough to be copied by hand
		_, _ = rand.Read(b[:])
		o.seed = uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3]) | 1
	}
	return o, nil
}

func (o soakOptions) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q; name the file with --config", rest[0])
	case o.duration <= 0:
		return errors.New("--duration must be more than 0, as in 60s")
	case o.clients < 1 || o.clients > 9999:
		return errors.New("--clients must be 1 to 9999")
	case o.tenants < 2 || o.tenants > 9999:
		return errors.New("--tenants must be 2 to 9999")
	case o.passwordEnv != "" && o.at == "":
		return errors.New("--password-env goes with --at")
	}
	return nil
}

// runSoak soaks a pooler of a configuration. Its exit status is 0 only if the
// soak found nothing.
func runSoak(args []string, stdout, stderr io.Writer) int {
	o, err := parseSoakOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	defer stop()
	r, err := o.soak(ctx, stderr)
	if r != nil {
		o.print(r, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "tenantpool soak: %v\n", err)
		return 1
	}
	if !r.OK() {
		return 1
	}
	return 0
}

func (o soakOptions) print(r *soak.Report, stdout io.Writer) {
	if !o.json {
		r.Write(stdout)
		return
	}
	e := json.NewEncoder(stdout)
	e.SetIndent("", "  ")
	_ = e.Encode(r) // standard output
}

// soak makes the tenants, starts a pooler if need be, and soaks it. Whatever
// happens, the tenants are dropped at the end.
func (o soakOptions) soak(ctx context.Context, stderr io.Writer) (r *soak.Report, err error) {
	login, err := soak.ParseLogin(o.admin) // with libpq's environment, as psql would
	if err != nil {
		return nil, fmt.Errorf("--admin: %w", err)
	}
	password := os.Getenv(o.passwordEnv)
	clearEnvironment()
	cfg, err := config.Load(o.file)
	if err != nil {
		return nil, err
	}
	g, err := soak.Choose(cfg, o.tenants, o.at != "", o.user)
	if err != nil {
		return nil, err
	}
	if most := g.MaxClients(cfg); o.clients > most {
		fmt.Fprintf(stderr, "tenantpool soak: max_clients leaves room for %d clients\n", most)
		o.clients = most
	}
	field, err := soak.Open(ctx, g, login)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, field.Close()) }()
	run := soak.Options{Address: o.at, Password: cmp.Or(password, g.Password(cfg)), Clients: o.clients, Seed: o.seed,
		Duration: o.duration, Progress: progressLine(stderr), Switched: g.Cluster.SameTenant == "switch"}
	if o.at != "" {
		return field.Run(ctx, run)
	}
	p, err := startSoaked(cfg, g, o.verbose, stderr)
	if err != nil {
		return nil, err
	}
	defer p.close()
	run.Address, run.Password = p.address, p.password
	r, err = field.Run(ctx, run)
	if r != nil {
		r.Pooler = p.figures(g.Cluster.Name)
	}
	return r, err
}

// progressLine writes over one line again and again, on a terminal only.
func progressLine(stderr io.Writer) func(soak.Progress) {
	f, ok := stderr.(*os.File)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return func(p soak.Progress) {
		fmt.Fprintf(f, "\r%5.1f s  %d transactions  %d rows  %d findings ", p.Elapsed.Seconds(), p.Transactions, p.Rows, p.Findings)
	}
}
