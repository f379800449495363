package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"tenantpool/admin"
	"tenantpool/config"
	"tenantpool/logs"
	"tenantpool/proxy"
)

// runRun runs the pooler until a signal ends it: TERM drains, INT stops, USR1
// logs the counts of every tenant, HUP reloads. Its exit status is 1 if it could not start.
func runRun(args []string, _, stderr io.Writer) int {
	flags := flag.NewFlagSet("tenantpool run", flag.ContinueOnError)
	flags.SetOutput(stderr)
	file := flags.String("c", "config.toml", "configuration `file`")
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp:
		return 0
	case err != nil:
		return 2
	}
	if err := run(*file, stderr); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func run(file string, stderr io.Writer) error {
	clearEnvironment()
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintf(stderr, "%s: warning: %s\n", w.Position(), w.Text)
	}
	journal := newLog(cfg.Log, stderr)
	defer journal.Close()
	stopProfile, err := startProfile()
	if err != nil {
		return err
	}
	defer stopProfile()
	doors, err := openDoors(cfg)
	if err != nil {
		return err
	}
	limit, err := proxy.RaiseFileLimit()
	if err != nil {
		journal.Warn("cannot raise the limit of open files", "error", err)
	}
	tuneCollector()
	reload, operators, err := start(cfg, limit, journal)
	if err != nil {
		doors.shut()
		return err
	}
	defer reload.stop()
	reload.service = doors.service
	serve(reload, operators, doors, journal)
	return nil
}

// start makes the proxy, with all that feeds it. The caller stops the reloader.
func start(cfg *config.Config, limit uint64, journal *logs.Log) (*reloader, *console, error) {
	log := journal.Logger
	who := newUsers(cfg, log)
	if err := who.start(context.Background(), cfg, log); err != nil {
		who.stop()
		return nil, nil, err
	}
	options := proxyOptions(cfg, who, limit, log)
	reload := &reloader{files: limit, level: journal.SetLevel, log: log, cfg: cfg, who: who, seen: look(cfg.Included())}
	operators := newConsole(reload)
	operators.watch(options)
	options.Console = operators
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + options.Loops) // a loop keeps its processor while it waits briefly
	registered := newTenants(cfg, log)
	p, err := proxy.New(registered.first(options))
	if err != nil {
		who.stop()
		return nil, nil, err
	}
	registered.start(p)
	reload.proxy, reload.tenants, reload.watch = p, registered, operators.watch
	p.Configured(standings(cfg.Tenants))
	return reload, operators, nil
}

// serve lets clients and operators in, until a signal ends the pooler.
func serve(reload *reloader, operators *console, doors *doors, journal *logs.Log) {
	p, cfg, log := reload.proxy, reload.Config(), journal.Logger
	signals := make(chan os.Signal, 4) // before anybody can know that there is somebody to signal
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGHUP)
	defer signal.Stop(signals)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	operators.serve(ctx, p, doors, signals)
	watch, stopPages := serveHTTP(cfg, doors.pages, p, journal)
	defer stopPages()
	reload.told = func(o admin.Reloaded) { watch.Reloaded(o.OK) } // before anybody can ask for one
	for _, ln := range doors.listeners {
		doors.serve(p, ln)
		log.Info("listening", "address", ln.Addr().String(), "mode", cfg.Mode.String(), "clusters", len(cfg.Clusters), "files", reload.files)
	}
	reload.included = watchIncludes(reload)
	go logTotals(ctx, p, log)
	defer doors.watch(p, log)()
	awaitEnd(reload, p, doors, signals, log)
	logStats(p, log)
}

// tuneCollector makes the collector run earlier than usual, unless GOGC says
// otherwise: nearly all memory is idle sessions, relaying makes no garbage, and
// what logins leave behind is not to stay.
func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(15)
	}
}

// clearEnvironment drops what libpq's environment variables would add to the
// connections to servers: those follow the configuration alone.
func clearEnvironment() {
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "PG") {
			_ = os.Unsetenv(name)
		}
	}
}

// awaitEnd serves signals until one of them ends the pooler, and ends it.
func awaitEnd(reload *reloader, p *proxy.Proxy, doors *doors, signals <-chan os.Signal, log *slog.Logger) {
	drained := make(chan struct{})
	draining := false
	for {
		select {
		case <-drained:
			doors.shut()
			end(p, log)
			return
		case sig := <-signals:
			switch {
			case sig == syscall.SIGUSR1:
				logStats(p, log)
			case sig == syscall.SIGHUP:
				go reload.Reload(context.Background())
			case sig == syscall.SIGTERM && !draining:
				draining = true
				limit := reload.Config().DrainTimeout
				log.Info("draining", "clients", p.Clients(), "timeout", limit)
				doors.stopping(p.Clients(), limit)
				go func() {
					doors.leave(p)
					drain(p, limit, drained)
				}()
			default:
				doors.shut()
				end(p, log)
				return
			}
		}
	}
}

func drain(p *proxy.Proxy, limit time.Duration, done chan<- struct{}) {
	ctx, stop := context.Background(), context.CancelFunc(func() {})
	if limit > 0 {
		ctx, stop = context.WithTimeout(ctx, limit)
	}
	defer stop()
	p.Drain(ctx)
	close(done)
}

func end(p *proxy.Proxy, log *slog.Logger) {
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	p.Close(ctx)
	log.Info("stopped")
}

// logStats logs what each tenant's clients have done and how the pools stand.
func logStats(p *proxy.Proxy, log *slog.Logger) {
	for _, t := range p.TenantStats() {
		log.Info(statsMessage, "tenant", t.Tenant, "clients", t.Clients, "transactions", t.Transactions,
			"queries", t.Queries, "received", t.BytesReceived, "sent", t.BytesSent, "query_time", t.QueryTime,
			"transaction_time", t.TransactionTime, "wait_time", t.WaitTime, "assignments", t.Assignments,
			"client_parses", t.ClientParses, "server_parses", t.ServerParses, "binds", t.Binds,
			"switches", t.Switches, "errors", t.Errors, "pins", t.Pins, "pinned", t.Pinned, "reasons", pinReasons(t.PinsBy))
	}
}

// pinReasons says how often sessions were pinned for what.
func pinReasons(counts []proxy.PinCount) string {
	var words []string
	for _, c := range counts {
		words = append(words, fmt.Sprintf("%s: %d", c.Reason, c.Count))
	}
	return strings.Join(words, ", ")
}

// startProfile writes a CPU profile to the file that TENANTPOOL_CPUPROFILE
// names, from now until stop is called.
func startProfile() (stop func(), err error) {
	path := os.Getenv("TENANTPOOL_CPUPROFILE")
	if path == "" {
		return func() {}, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}
