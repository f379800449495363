package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"tenantpool/config"
	"tenantpool/internal/certs"
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
	log := journal.Logger
	stopProfile, err := startProfile()
	if err != nil {
		return err
	}
	defer stopProfile()
	listeners, err := listen(cfg)
	if err != nil {
		return err
	}
	pages, err := listenHTTP(cfg)
	if err != nil {
		closeAll(listeners)
		return err
	}
	limit, err := proxy.RaiseFileLimit()
	if err != nil {
		log.Warn("cannot raise the limit of open files", "error", err)
	}
	tuneCollector(cfg)
	who := newUsers(cfg, log)
	if err := who.start(context.Background(), cfg, log); err != nil {
		who.stop()
		closeAll(listeners)
		return err
	}
	options := proxyOptions(cfg, who, limit, log)
	reload := &reloader{files: limit, level: journal.SetLevel, told: func(Outcome) {}, log: log, cfg: cfg, who: who, seen: look(cfg.Included())}
	operators := newConsole(reload)
	operators.watch(options)
	options.Console = operators
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + options.Loops) // a loop keeps its processor while it waits briefly
	registered := newTenants(cfg, log)
	p, err := proxy.New(registered.first(options))
	if err != nil {
		return err
	}
	registered.start(p)
	reload.proxy, reload.tenants, reload.watch = p, registered, operators.watch
	p.Configured(standings(cfg.Tenants))
	signals := make(chan os.Signal, 4) // before anybody can know that there is somebody to signal
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGHUP)
	defer signal.Stop(signals)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	operators.serve(ctx, p, listeners, signals)
	for _, ln := range listeners {
		go func() { _ = p.Serve(ln) }()
		log.Info("listening", "address", ln.Addr().String(), "mode", cfg.Mode.String(), "clusters", len(cfg.Clusters), "files", limit)
	}
	watch, stopPages := serveHTTP(cfg, pages, p, journal)
	defer stopPages()
	reload.told = func(o Outcome) { watch.Reloaded(o.OK) }
	reload.included = watchIncludes(reload)
	defer reload.stop()
	go logTotals(ctx, p, log)
	awaitEnd(reload, p, listeners, signals, log)
	logStats(p, log)
	return nil
}

// tuneCollector makes the collector run earlier than usual, unless GOGC says
// otherwise: nearly all memory is idle sessions, and relaying makes no garbage.
func tuneCollector(cfg *config.Config) {
	if os.Getenv("GOGC") != "" {
		return
	}
	percent := 30
	if cfg.TLS.Mode != certs.Disable {
		percent = 15 // a session with TLS is larger, and its handshake leaves much behind
	}
	debug.SetGCPercent(percent)
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

// listen opens every listener, or none.
func listen(cfg *config.Config) ([]net.Listener, error) {
	var all []net.Listener
	for _, a := range cfg.Listen {
		ln, err := listenOn(a, cfg)
		if err != nil {
			for _, open := range all {
				open.Close()
			}
			return nil, fmt.Errorf("%s: listen: %w (change listen, or stop what uses the address)", cfg.File, err)
		}
		all = append(all, ln)
	}
	return all, nil
}

func listenOn(a config.Address, cfg *config.Config) (net.Listener, error) {
	if a.Network == "unix" {
		if err := removeStale(a.Address); err != nil {
			return nil, err
		}
	}
	ln, err := net.Listen(a.Network, a.Address)
	if err == nil && a.Network == "unix" {
		err = os.Chmod(a.Address, cfg.UnixSocketMode)
	}
	return ln, err
}

// removeStale removes a socket that nobody listens on any more.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return nil // net.Listen says what is wrong, if anything
	}
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return fmt.Errorf("%s is in use", filepath.Base(path))
	}
	return os.Remove(path)
}

// awaitEnd serves signals until one of them ends the pooler, and ends it.
func awaitEnd(reload *reloader, p *proxy.Proxy, listeners []net.Listener, signals <-chan os.Signal, log *slog.Logger) {
	drained := make(chan struct{})
	draining := false
	for {
		select {
		case <-drained:
			closeAll(listeners)
			end(p, log)
			return
		case sig := <-signals:
			switch {
			case sig == syscall.SIGUSR1:
				logStats(p, log)
			case sig == syscall.SIGHUP:
				go func() { _, _ = reload.Reload(context.Background()) }()
			case sig == syscall.SIGTERM && !draining:
				draining = true
				closeTCP(listeners)
				limit := reload.Config().DrainTimeout
				log.Info("draining", "clients", p.Clients(), "timeout", limit)
				go drain(p, limit, drained)
			default:
				closeAll(listeners)
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

func closeAll(listeners []net.Listener) {
	for _, ln := range listeners {
		ln.Close()
	}
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
