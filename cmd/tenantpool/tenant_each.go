package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"tenantpool/auth"
	"tenantpool/config"
	"tenantpool/provision"
	"tenantpool/routing"
)

// tenantEach is one run of "tenantpool tenant each".
type tenantEach struct {
	*tenantFlags
	provision.Each
	pattern string
	direct  bool
	at      string
	user    string
}

func runTenantEach(args []string, stdout, stderr io.Writer) int {
	e := &tenantEach{tenantFlags: newTenantFlags("each", stderr)}
	e.IntVar(&e.Jobs, "jobs", 4, "tenants at once")
	e.BoolVar(&e.StopOnError, "stop-on-error", false, "begin no more once one has failed")
	e.BoolVar(&e.Verbose, "verbose", false, "show the output of those that succeed, too")
	e.StringVar(&e.pattern, "tenants", "", "only tenants whose name matches the `pattern`, as in 'eu_*'")
	e.BoolVar(&e.direct, "direct", false, "past the pooler, as the admin with the tenant's search_path")
	e.StringVar(&e.at, "at", "", "the pooler's `host:port` (default: where the configuration listens)")
	e.StringVar(&e.user, "user", "", "the `login` of the clients (default: one that the route admits)")
	split := slices.Index(args, "--")
	if split >= 0 {
		args, e.Command = args[:split], args[split+1:]
	}
	if _, status, ok := e.parse(args, 0, 0); !ok {
		return status
	}
	if len(e.Command) == 0 {
		fmt.Fprintf(stderr, "%s: which command? write it behind --, as in -- psql -f migration.sql\n", e.Name())
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	jobs, err := e.jobs(ctx)
	if err != nil {
		return e.fail(err)
	}
	if o := e.Each.Run(ctx, jobs, stdout); len(o.Failed)+o.NotRun > 0 {
		return 1
	}
	return 0
}

// jobs makes the environments.
func (e *tenantEach) jobs(ctx context.Context) ([]provision.Job, error) {
	cfg, err := e.load(ctx)
	if err != nil {
		return nil, err
	}
	all, err := e.inventory(ctx, cfg, e.pattern)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("there are no such tenants")
	}
	var jobs []provision.Job
	for _, t := range all {
		var own []string
		if e.direct {
			own, err = e.directly(t)
		} else {
			own, err = e.throughPooler(cfg, t)
		}
		if err != nil {
			return nil, fmt.Errorf("tenant %q: %w", t.Route.Tenant, err)
		}
		own = append(own, "TENANT="+t.Route.Tenant, "TENANT_SCHEMA="+t.Schema)
		jobs = append(jobs, provision.Job{Tenant: t.Route.Tenant, Env: append(inherited(), own...)})
	}
	return jobs, nil
}

// inherited is this process's environment without what would lead elsewhere.
func inherited() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains([]string{"PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGDATABASE", "PGOPTIONS", "PGSERVICE",
			"TENANTPOOL_ADMIN_URL"}, name)
	})
}

// throughPooler is how a client of the tenant connects to the pooler.
func (e *tenantEach) throughPooler(cfg *config.Config, t placed) ([]string, error) {
	host, port, err := poolerAt(cfg, e.at)
	if err != nil {
		return nil, err
	}
	id := routing.Identity{User: cmp.Or(e.user, userOf(t)), Database: t.cluster.Database}
	if t.rule.Database != "" {
		id.Database = strings.ReplaceAll(t.rule.Database, "{tenant}", t.Route.Tenant)
	}
	if r, err := cfg.Table.Resolve(id); err != nil || r.Tenant != t.Route.Tenant {
		return nil, fmt.Errorf("login %q does not lead there with database %q; name one that does with --user", id.User, id.Database)
	}
	env := []string{"PGHOST=" + host, "PGPORT=" + port, "PGUSER=" + id.User, "PGDATABASE=" + id.Database}
	if s, ok := cfg.Auth.Users.Secret(id.User); ok && s.Kind() == auth.Plain && os.Getenv("PGPASSWORD") == "" {
		env = append(env, "PGPASSWORD="+s.Reveal())
	}
	return env, nil
}

// userOf is a login that the tenant's route admits.
func userOf(t placed) string {
	if t.rule.User != "" {
		return strings.ReplaceAll(t.rule.User, "{tenant}", t.Route.Tenant)
	}
	for _, u := range t.rule.Users {
		if !strings.HasSuffix(u, "*") {
			return strings.ReplaceAll(u, "{tenant}", t.Route.Tenant)
		}
	}
	return t.ClusterLogin
}

// poolerAt is where to reach the pooler: where it is said to be, or the first place
// that the configuration listens at.
func poolerAt(cfg *config.Config, at string) (host, port string, err error) {
	if at != "" {
		return net.SplitHostPort(at)
	}
	for _, a := range cfg.Listen {
		if a.Network == "unix" {
			return filepath.Dir(a.Address), strings.TrimPrefix(filepath.Ext(a.Address), "."), nil
		}
		if host, port, err = net.SplitHostPort(a.Address); err == nil && port != "0" {
			if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
				host = "localhost"
			}
			return host, port, nil
		}
	}
	return "", "", errors.New("listen names no port; say where the pooler is with --at host:port")
}

// directly is how the admin connects to the server as if it were the tenant.
func (e *tenantEach) directly(t placed) ([]string, error) {
	host, port, user, database, password := t.cluster.Hosts[0], strconv.Itoa(t.cluster.Port), t.cluster.User, t.cluster.Database, t.cluster.Password.Reveal()
	if e.admin != "" {
		login, err := provision.ParseLogin(e.admin)
		if err != nil {
			return nil, fmt.Errorf("--admin-url: %w", err)
		}
		host, port, user, database, password = login.Host, strconv.Itoa(int(login.Port)), login.User, login.Database, login.Password
	}
	env := []string{"PGHOST=" + host, "PGPORT=" + port, "PGUSER=" + user, "PGDATABASE=" + database,
		"PGOPTIONS=" + strings.Join(startupOptions(t), " ")}
	if password != "" {
		env = append(env, "PGPASSWORD="+password)
	}
	return env, nil
}

// startupOptions carry the tenant's profile. Postgres splits them at spaces that no
// backslash precedes.
func startupOptions(t placed) []string {
	escape := strings.NewReplacer(`\`, `\\`, " ", `\ `, "\t", "\\\t", "\n", "\\\n")
	path := make([]string, len(t.Path))
	for i, name := range t.Path {
		path[i] = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	options := []string{"-c search_path=" + escape.Replace(strings.Join(path, ","))}
	for _, s := range t.Settings {
		options = append(options, "-c "+escape.Replace(s.Name+"="+s.Value))
	}
	return options
}
