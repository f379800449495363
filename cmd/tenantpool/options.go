package main

import (
	"log/slog"
	"net"
	"runtime"

	"tenantpool/config"
	"tenantpool/pool"
	"tenantpool/proxy"
	"tenantpool/routing"
)

// proxyOptions turns a configuration into what the proxy is told.
func proxyOptions(cfg *config.Config, who *users, files uint64, log *slog.Logger) proxy.Options {
	o := proxy.Options{
		Table:          cfg.Table,
		Pools:          make(map[string]*pool.Options),
		SameTenant:     make(map[string]pool.SameTenant),
		MaxPinned:      make(map[string]int),
		Policy:         cfg.Auth.Policy,
		Directory:      who.directory,
		Loops:          loops(cfg),
		Log:            log,
		MaxClients:     cfg.MaxClients,
		MaxDescriptors: files,

		LoginTimeout:    cfg.ClientLoginTimeout,
		ClientGoneGrace: cfg.ClientGoneGrace,
		KeepAlive: net.KeepAliveConfig{Enable: cfg.TCPKeepAlive, Idle: cfg.TCPKeepIdle,
			Interval: cfg.TCPKeepInterval, Count: cfg.TCPKeepCount},
	}
	o.TLS = proxy.ClientTLS{Mode: cfg.TLS.Mode, Files: cfg.TLS.Files, Min: cfg.TLS.Min}
	o.Login = func(r *routing.Route) (pool.Login, bool, error) {
		l, own, err := cfg.Login(r)
		return pool.Login{User: l.User, Password: l.Secret.Reveal()}, own, err
	}
	o.PeerID = cfg.PeerID
	for _, p := range cfg.Peers {
		o.Peers = append(o.Peers, proxy.Peer{ID: p.ID, Network: p.Network, Address: p.Address.Address, Host: p.Host,
			TLS: pool.TLS{Mode: p.TLS.Mode, Files: p.TLS.Files}})
	}
	for i := range cfg.Clusters {
		c := &cfg.Clusters[i]
		o.Pools[c.Name] = poolOptions(cfg, c, log)
		o.SameTenant[c.Name] = sameTenant(c.SameTenant)
		o.MaxPinned[c.Name] = cfg.MaxPinned
	}
	return o
}

// loops is how many event loops run: one for every two processors, for the
// servers, the clients and the kernel need theirs, unless the configuration
// says otherwise.
func loops(cfg *config.Config) int {
	if cfg.Loops > 0 {
		return cfg.Loops
	}
	return max(1, runtime.NumCPU()/2)
}

func poolOptions(cfg *config.Config, c *config.Cluster, log *slog.Logger) *pool.Options {
	var hosts []pool.Host
	for i, name := range c.Hosts {
		hosts = append(hosts, pool.Host{Name: name, Port: uint16(c.Ports[i])})
	}
	target, _ := pool.ParseTarget(c.Target) // config has checked it
	return &pool.Options{
		Cluster: c.Name, Hosts: hosts, Target: target, LoadBalance: c.LoadBalance == "random", DNSMaxTTL: c.DNSMaxTTL,
		Database: c.Database, User: c.User, Password: c.Password.Reveal(),
		TLS:             pool.TLS{Mode: c.TLS.Mode, Files: c.TLS.Files},
		RefuseSuperuser: cfg.SwitchesRoles(c.Name),
		Size:            c.PoolSize, MinSize: c.MinPoolSize,
		ConnectTimeout: cfg.ServerConnectTimeout, Lifetime: cfg.ServerLifetime, IdleTimeout: cfg.ServerIdleTimeout,
		MaxTenantsPerServer: c.MaxTenantsPerServer, MaxWaiting: cfg.MaxWaiting,
		Blank:         cfg.ProfileSettingNames(c.Name),
		PreparedCount: cfg.Prepared.PerServer, PreparedBytes: cfg.Prepared.Bytes,
		SchemaCheck: c.SchemaCheck, SchemaAtSwitch: c.SchemaAtSwitch,
		Event: func(e pool.Event) { logEvent(log, e) },
	}
}

func sameTenant(word string) pool.SameTenant {
	switch word {
	case "switch":
		return pool.SwitchAlways
	case "trust":
		return pool.Trust
	}
	return pool.Watch
}

// logEvent logs what a pool has to say, as loudly as it deserves.
func logEvent(log *slog.Logger, e pool.Event) {
	args := []any{"cluster", e.Cluster}
	if e.PID != 0 {
		args = append(args, "server", e.PID)
	}
	if e.Tenant != "" {
		args = append(args, "tenant", e.Tenant)
	}
	if e.Kind == pool.EventDiscarded {
		args = append(args, "reason", e.Reason.String())
	}
	if e.Text != "" {
		args = append(args, "detail", e.Text)
	}
	if e.Err != nil {
		args = append(args, "error", e.Err)
	}
	switch e.Kind {
	case pool.EventConnected, pool.EventDiscarded:
		log.Debug("server "+e.Kind.String(), args...)
	case pool.EventLostProof, pool.EventRoleSettings:
		log.Error(e.Kind.String(), args...)
	case pool.EventSchemaBack, pool.EventMoved, pool.EventAddressGone:
		log.Info(e.Kind.String(), args...)
	default:
		log.Warn(e.Kind.String(), args...)
	}
}
