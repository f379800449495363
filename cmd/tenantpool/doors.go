package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"tenantpool/config"
	"tenantpool/internal/listening"
	"tenantpool/internal/systemd"
	"tenantpool/proxy"
)

// kept begins the names of the sockets that the service manager keeps for us, as
// opposed to those that its own configuration names.
const kept = "tenantpool-"

// doors are where clients come in, and the service manager that may hold them open
// from one process to the next.
type doors struct {
	listeners []*listening.Listener
	pages     net.Listener // of metrics, health and status; nil: none
	serving   sync.WaitGroup
	service   *systemd.Notifier
}

// openDoors opens every listener, or none. Sockets that the service manager hands
// over take the place of those of the same address, or come on top of them.
func openDoors(cfg *config.Config) (*doors, error) {
	d := &doors{service: systemd.NewNotifier()}
	given, err := systemd.Listeners()
	if err != nil {
		return nil, err
	}
	var addresses []listening.Address
	for _, a := range cfg.Listen {
		addresses = append(addresses, listening.Address(a))
	}
	o := listening.Options{Shared: cfg.ReusePort, Mode: cfg.UnixSocketMode}
	for _, ln := range given {
		if !takes(addresses, ln) && strings.HasPrefix(ln.Name, kept) { // of an earlier configuration
			d.service.Forget(ln.Name)
			ln.Close()
			continue
		}
		o.Inherited = append(o.Inherited, ln.Listener)
	}
	if d.listeners, err = listening.Open(addresses, o); err != nil {
		return nil, fmt.Errorf("%s: listen: %w (change listen, or stop what uses the address)", cfg.File, err)
	}
	if d.pages, err = listenHTTP(cfg); err != nil {
		d.shut()
		return nil, err
	}
	for _, ln := range d.listeners {
		if !ln.Inherited() {
			d.service.Keep(ln.Listener, kept+strings.ReplaceAll(ln.Addr().String(), ":", "."))
		}
	}
	return d, nil
}

func takes(addresses []listening.Address, ln net.Listener) bool {
	for _, a := range addresses {
		if a.Takes(ln) {
			return true
		}
	}
	return false
}

// serve lets clients in.
func (d *doors) serve(p *proxy.Proxy, ln *listening.Listener) {
	if forOperators(ln) {
		go func() { _ = p.Serve(ln) }()
		return
	}
	d.serving.Go(func() { _ = p.Serve(ln) })
}

// forOperators says that a door stays open to the end, for the console: a Unix
// socket that no successor holds open. One that replaces it has the path.
func forOperators(ln *listening.Listener) bool {
	return ln.Addr().Network() == "unix" && !ln.Inherited()
}

// leave closes the doors so that no client is refused that a successor could take.
// When it returns, all that came in has been handed to the proxy, and through what
// is still open nobody but operators comes in.
func (d *doors) leave(p *proxy.Proxy) {
	var all sync.WaitGroup
	for _, ln := range d.listeners {
		if !forOperators(ln) {
			all.Go(ln.Leave)
		}
	}
	all.Wait()
	d.serving.Wait()
	p.OperatorsOnly()
}

// shut closes the doors at once.
func (d *doors) shut() {
	for _, ln := range d.listeners {
		ln.Close()
	}
}

// statusEvery is how often the service manager hears how many clients there are.
const statusEvery = 10 * time.Second

// watch tells the service manager that the pooler is ready, then how it stands. The
// watchdog is fed only while every event loop answers. It goes on until stop is
// called.
func (d *doors) watch(p *proxy.Proxy, log *slog.Logger) (stop func()) {
	if d.service == nil {
		return func() {}
	}
	d.service.Tell(systemd.Ready, "STATUS=ready")
	every := statusEvery
	if w := d.service.Interval(); w > 0 {
		every = min(every, w/2)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				d.feed(ctx, p, every, log)
			}
		}
	}()
	return cancel
}

// feed looks whether the pooler is alive, and says so.
func (d *doors) feed(ctx context.Context, p *proxy.Proxy, within time.Duration, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := p.Alive(ctx); err != nil {
		log.Error("the watchdog is not fed", "error", err)
		return
	}
	d.service.Tell(systemd.Watchdog, fmt.Sprintf("STATUS=%d clients", p.Clients()))
}

// stopping says that the end has begun, and how long it may take.
func (d *doors) stopping(clients int, limit time.Duration) {
	lines := []string{systemd.Stopping, fmt.Sprintf("STATUS=draining %d clients", clients)}
	if limit > 0 {
		lines = append(lines, fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", (limit+10*time.Second).Microseconds()))
	}
	d.service.Tell(lines...)
}
