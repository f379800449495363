package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"tenantpool/admin"
	"tenantpool/config"
	"tenantpool/internal/systemd"
	"tenantpool/proxy"
)

// keepOutcomes is how many outcomes are remembered.
const keepOutcomes = 10

// reloader has the configuration read again while the pooler runs: parsed,
// judged as at the start, and then swapped whole. What is wrong with it is told,
// and everything stays as it was.
type reloader struct {
	proxy *proxy.Proxy
	files uint64               // the limit of open files
	level func(string) error   // sets what is logged from now on
	told  func(admin.Reloaded) // of each reload

	service *systemd.Notifier   // nil: there is none
	watch   func(proxy.Options) // before they are applied
	log     *slog.Logger

	turn     sync.Mutex // held by who reloads
	tenants  *tenants
	included *includes

	mu   sync.Mutex
	cfg  *config.Config
	who  *users
	past []admin.Reloaded // oldest first
	seen uint64           // what included files were like before they were loaded last
}

// lookedAt sums up what included files were like before they were loaded last.
func (r *reloader) lookedAt() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

// Config is the configuration that the pooler goes by.
func (r *reloader) Config() *config.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cfg
}

// Reloads gives the last ten, oldest first.
func (r *reloader) Reloads() []admin.Reloaded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.past)
}

// Reload reads the configuration again. Reloads run one after the other.
func (r *reloader) Reload(ctx context.Context) admin.Reloaded {
	r.turn.Lock()
	defer r.turn.Unlock()
	out := admin.Reloaded{At: time.Now()}
	r.service.Reloading()
	defer r.service.Tell(systemd.Ready)
	changes, warnings, err := r.swap(ctx)
	out.Took, out.OK, out.Problems = time.Since(out.At), err == nil, problemLines(err)
	for _, c := range changes {
		out.Changes = append(out.Changes, c.String())
	}
	r.mu.Lock()
	r.past = append(r.past, out)
	r.past = r.past[max(0, len(r.past)-keepOutcomes):]
	r.mu.Unlock()
	r.tell(out, warnings)
	r.told(out)
	return out
}

// swap loads the configuration and puts it in the place of the one that holds.
func (r *reloader) swap(ctx context.Context) ([]config.Change, config.Problems, error) {
	old := r.Config()
	seen := look(old.Included())
	r.mu.Lock()
	r.seen = seen
	r.mu.Unlock()
	cfg, err := config.Load(old.File)
	if err != nil {
		return nil, nil, err
	}
	who := r.who
	if !sameUsers(old, cfg) {
		who = newUsers(cfg, r.log)
		who.directory.After(r.who.directory)
		if err := who.start(ctx, cfg, r.log); err != nil {
			who.stop()
			return nil, nil, err
		}
	}
	options := proxyOptions(cfg, who, r.files, r.log)
	r.watch(options)
	r.tenants.rebase(cfg, options)
	r.proxy.Configured(standings(cfg.Tenants))
	_ = r.level(cfg.Log.Level) // config has checked it
	if who != r.who {
		time.AfterFunc(old.ClientLoginTimeout+time.Second, r.who.stop) // logins under way still ask it
	}
	r.mu.Lock()
	r.cfg, r.who = cfg, who
	r.mu.Unlock()
	return cfg.Diff(old), cfg.Warnings, nil
}

// tell logs an outcome.
func (r *reloader) tell(out admin.Reloaded, warnings config.Problems) {
	for _, w := range warnings {
		r.log.Warn("configuration", "at", w.Position(), "problem", w.Text)
	}
	for _, p := range out.Problems {
		r.log.Error("reload", "problem", p)
	}
	for _, c := range out.Changes {
		r.log.Info("reload", "change", c)
	}
	if !out.OK {
		r.log.Error("reload refused; the old configuration stays in force", "problems", len(out.Problems))
		return
	}
	r.log.Info("reloaded", "changes", len(out.Changes), "took", out.Took.Round(time.Microsecond))
}

// problemLines gives an error line by line.
func problemLines(err error) []string {
	var all config.Problems
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &all):
		return []string{fmt.Sprint(err)}
	}
	lines := make([]string, len(all))
	for i, p := range all {
		lines[i] = p.String()
	}
	return lines
}

// sameUsers says that who may log in, and who is asked for them, is as before:
// then what was found and derived stays known.
func sameUsers(old, now *config.Config) bool {
	a, b := old.Auth.Lookup, now.Auth.Lookup
	switch {
	case (old.Auth.UsersFile == "") != (now.Auth.UsersFile == "") || !old.Auth.Users.Equal(now.Auth.Users):
		return false
	case a.Cluster != b.Cluster || a.Query != b.Query || a.User != b.User || a.Password.Reveal() != b.Password.Reveal():
		return false
	}
	return a.Cluster == "" || sameServer(old.Cluster(a.Cluster), now.Cluster(b.Cluster))
}

// sameServer says that two clusters are the same login to the same server.
func sameServer(a, b *config.Cluster) bool {
	return slices.Equal(a.Hosts, b.Hosts) && slices.Equal(a.Ports, b.Ports) && a.Target == b.Target && a.Database == b.Database && a.User == b.User &&
		a.Password.Reveal() == b.Password.Reveal() && a.TLS == b.TLS
}

// stop ends all that reads.
func (r *reloader) stop() {
	r.included.stop()
	r.turn.Lock() // for good: nothing is reloaded any more
	r.tenants.stop()
	r.who.stop()
}
