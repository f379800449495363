package main

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"time"

	"tenantpool/auth"
	"tenantpool/config"
	"tenantpool/pool"
	"tenantpool/proxy"
	"tenantpool/soak"
	"tenantpool/wire"
)

// soaked is a pooler in this process, on a port that only this process knows
// the password of.
type soaked struct {
	proxy    *proxy.Proxy
	listener net.Listener
	address  string
	password string
}

// startSoaked starts the pooler of a configuration, with the probe tenants of
// the ground. What differs from "run" is where it listens and who may log in.
func startSoaked(cfg *config.Config, g *soak.Ground, verbose bool, stderr io.Writer) (*soaked, error) {
	log := newLog(cfg.Log, stderr).Logger
	if !verbose {
		log = slog.New(panicsOnly{slog.NewTextHandler(stderr, nil)})
	}
	limit, err := proxy.RaiseFileLimit()
	if err != nil {
		log.Warn("cannot raise the limit of open files", "error", err)
	}
	password := rand.Text()
	verifier, err := wire.NewVerifier(password, []byte(rand.Text()[:16]), 4096)
	if err != nil {
		return nil, err
	}
	options := proxyOptions(cfg, &users{directory: anyUser(verifier)}, limit, log)
	options.Table, options.TLS = g.Table, proxy.ClientTLS{}
	options.Policy = auth.Policy{Rules: []auth.Rule{auth.Always(auth.BySCRAM, "")}}
	tuneCollector()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + options.Loops)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p, err := proxy.New(options)
	if err != nil {
		ln.Close()
		return nil, err
	}
	go func() { _ = p.Serve(ln) }()
	return &soaked{p, ln, ln.Addr().String(), password}, nil
}

// close ends it; its server connections are gone then.
func (s *soaked) close() {
	s.listener.Close()
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	s.proxy.Close(ctx)
}

// figures are what it has counted.
func (s *soaked) figures(cluster string) *soak.Pooler {
	counts := s.proxy.Pool(cluster).Stats().Counts
	f := &soak.Pooler{Logins: counts.Logins, Waits: counts.Waits, Discards: map[string]uint64{}}
	for i, n := range counts.Discards {
		if n > 0 {
			f.Discards[pool.Reason(i).String()] = n
		}
	}
	for _, t := range s.proxy.TenantStats() {
		f.Switches += uint64(t.Switches)
		f.Pins += uint64(t.Pins)
	}
	return f
}

// anyUser is a directory in which every user has the one secret of a soak.
func anyUser(v wire.Verifier) *auth.Directory {
	secret := auth.NewSecret(v.Encode())
	return auth.NewDirectory(nil, func(context.Context, string) (auth.Secret, time.Time, bool, error) {
		return secret, time.Time{}, true, nil
	}, 1)
}

// panicsOnly is a log of what is never due. All else that a pooler has to say is
// what a soak provokes.
type panicsOnly struct{ slog.Handler }

// Handle is slog.Handler.
func (h panicsOnly) Handle(ctx context.Context, r slog.Record) error {
	if !strings.HasPrefix(r.Message, "panic") {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}
