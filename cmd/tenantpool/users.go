package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"time"

	"tenantpool/auth"
	"tenantpool/config"
	"tenantpool/pool"
)

// users is who may log in: the directory, and behind it the look-up, if there is
// one.
type users struct {
	directory *auth.Directory
	lookup    *pool.Lookup // nil: nobody is looked up
}

// newUsers makes both. Password checks get the processors that the event loops
// leave, but one at least.
func newUsers(cfg *config.Config, log *slog.Logger) *users {
	u := new(users)
	var ask auth.Ask
	if q := cfg.Auth.Lookup; q.Cluster != "" {
		o := *poolOptions(cfg, cfg.Cluster(q.Cluster), log)
		if q.User != "" {
			o.User, o.Password = q.User, q.Password.Reveal()
		}
		u.lookup = pool.NewLookup(o, q.Query)
		ask = func(ctx context.Context, user string) (auth.Secret, time.Time, bool, error) {
			secret, until, ok, err := u.lookup.User(ctx, user)
			return auth.NewSecret(secret), until, ok, err
		}
	}
	var listed iter.Seq2[string, auth.Secret]
	if cfg.Auth.UsersFile != "" {
		listed = cfg.Auth.Users.All()
	}
	u.directory = auth.NewDirectory(listed, ask, runtime.NumCPU()-loops(cfg))
	return u
}

// start makes the keys that logins need, and finds out whether users can be looked
// up. The error is about the configuration; a server that cannot be reached is only
// warned of.
func (u *users) start(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	go u.directory.Prepare(ctx)
	if u.lookup == nil {
		return nil
	}
	lasting, err := u.lookup.Check(ctx)
	q := cfg.Auth.Lookup
	switch {
	case err == nil:
		return nil
	case !lasting:
		log.Warn("users cannot be looked up yet", "cluster", q.Cluster, "error", err)
		return nil
	}
	login := cfg.Cluster(q.Cluster).User
	if q.User != "" {
		login = q.User
	}
	return fmt.Errorf("%s: users cannot be looked up on cluster %q as login %q: %w (let auth.query_user be a login that may read "+
		"pg_catalog.pg_authid, or let auth.query call a function that may)", cfg.File, q.Cluster, login, err)
}

// stop ends the look-up's connection.
func (u *users) stop() {
	if u.lookup != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		u.lookup.Close(ctx)
	}
}
