package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"tenantpool/config"
	"tenantpool/internal/listening"
	"tenantpool/logs"
	"tenantpool/metrics"
	"tenantpool/proxy"
)

// listenHTTP opens the address of metrics, health and status; nil if there is none.
func listenHTTP(cfg *config.Config) (net.Listener, error) {
	if cfg.HTTP == "" {
		return nil, nil
	}
	all, err := listening.Open([]listening.Address{{Network: "tcp", Address: cfg.HTTP}}, listening.Options{Shared: cfg.ReusePort})
	if err != nil {
		return nil, fmt.Errorf("%s: http: %w (change http, or stop what uses the address)", cfg.File, err)
	}
	return all[0], nil
}

// serveHTTP answers on ln, which may be nil, until stop is called.
func serveHTTP(cfg *config.Config, ln net.Listener, p *proxy.Proxy, journal *logs.Log) (watch *metrics.Server, stop func()) {
	watch = metrics.New(metrics.Options{Proxy: p, Version: version, Instance: cfg.Instance, Events: func() []metrics.Event {
		var all []metrics.Event
		for _, e := range journal.Recent() {
			all = append(all, metrics.Event(e))
		}
		return all
	}})
	if ln == nil {
		return watch, func() {}
	}
	warnExposed(ln.Addr(), journal.Logger)
	go func() { _ = watch.Serve(ln) }()
	journal.Info("serving HTTP", "address", ln.Addr().String())
	return watch, func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		watch.Close(ctx)
	}
}

// warnExposed says that others than this machine may see the tenants' names.
func warnExposed(a net.Addr, log *slog.Logger) {
	if tcp, ok := a.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		log.Warn("the status page asks nobody who they are: whoever reaches http may see the names of tenants and users", "address", a.String())
	}
}
