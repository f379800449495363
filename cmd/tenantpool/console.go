package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"time"

	"tenantpool/admin"
	"tenantpool/pool"
	"tenantpool/proxy"
	"tenantpool/routing"
	"tenantpool/wire"
)

// console is the console with what it needs of the process.
type console struct {
	*admin.Console
	events *admin.Events
	log    *slog.Logger
	level  func(string) error

	// Set by serve, before anybody can ask for a shutdown.
	proxy   *proxy.Proxy
	doors   *doors
	signals chan<- os.Signal
}

func newConsole(r *reloader) *console {
	c := &console{events: new(admin.Events), log: r.log, level: r.level}
	c.Console = admin.New(admin.Options{Version: version, Config: r.Config, Log: r.log, Events: c.events, Set: c.set, Shutdown: c.shutdown,
		Reloader: func() admin.Reloader { return r }})
	return c
}

// serve gives the console the process it serves.
func (c *console) serve(ctx context.Context, p *proxy.Proxy, d *doors, signals chan<- os.Signal) {
	c.proxy, c.doors, c.signals = p, d, signals
	c.Attach(ctx, p)
}

// watch has what the pools say kept for SHOW EVENTS, too.
func (c *console) watch(o proxy.Options) {
	for _, po := range o.Pools {
		told := po.Event
		po.Event = func(e pool.Event) {
			told(e)
			if e.Kind == pool.EventConnected || e.Kind == pool.EventDiscarded && !e.Reason.Alarming() {
				return
			}
			text := e.Text
			if e.Kind == pool.EventDiscarded {
				text = e.Reason.String()
			}
			if e.Err != nil {
				text = strings.TrimSpace(text + " " + e.Err.Error())
			}
			c.events.Add(admin.Event{Kind: e.Kind.String(), Cluster: e.Cluster, Tenant: e.Tenant, Text: text})
		}
	}
}

// standings are how tenants stand by their entries, as far as they are held back.
func standings(tenants []routing.TenantEntry) map[string]proxy.Standing {
	held := make(map[string]proxy.Standing)
	for _, t := range tenants {
		if t.Disabled {
			held[t.Name] = proxy.Standing{Disabled: true}
		}
	}
	return held
}

// set changes what can be changed without a reload.
func (c *console) set(_ context.Context, key, value string) error {
	if key != "log.level" && key != "log_level" {
		return &wire.Error{Code: "0A000", Message: fmt.Sprintf("%s cannot be set while tenantpool runs", key),
			Hint: "log.level can. For the rest change the configuration, and say RELOAD or restart."}
	}
	if err := c.level(value); err != nil {
		return &wire.Error{Code: "22023", Message: "log.level is debug, info, warn or error"}
	}
	return nil
}

// shutdown ends the process as a signal does, once what is to be waited for has come. Nobody new is
// let in meanwhile, but for the console on a Unix socket.
func (c *console) shutdown(when admin.When) {
	if when == admin.AtOnce {
		c.signals <- syscall.SIGINT
		return
	}
	c.proxy.Disable(proxy.Scope{})
	go func() {
		c.doors.leave(c.proxy)
		if when == admin.AfterServers {
			_ = c.proxy.Pause(context.Background(), proxy.Scope{})
		}
		for when == admin.AfterClients && c.proxy.Clients() > 0 {
			time.Sleep(20 * time.Millisecond)
		}
		c.signals <- syscall.SIGINT
	}()
}
