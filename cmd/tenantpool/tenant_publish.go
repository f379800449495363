package main

import (
	"context"
	"errors"
	"fmt"

	"tenantpool/config"
	"tenantpool/provision"
	"tenantpool/routing"
)

// publication is how a pooler comes to know a new tenant.
type publication struct {
	will, did   string // in words
	path        string // of a file of its own; "" is none
	table       string // of a registry; "" is none
	keepsSecret bool   // its login's password stands there
}

// publication finds the way: a row of the registry, a file of its own that include
// takes in, or nothing, if a route takes whoever has a schema.
func (c *tenantCreate) publication() (publication, error) {
	if c.registry != "" {
		return publication{table: c.registry, keepsSecret: c.needsSecretsFile(), will: "a row is inserted into " + c.registry,
			did: "published as a row of " + c.registry}, nil
	}
	if c.to.entry == nil {
		if c.needsSecretsFile() {
			return publication{}, fmt.Errorf("cluster %q has no login_secrets_file to keep the tenant's password in", c.to.Route.Cluster)
		}
		const words = `nothing is to be published: its route says tenants = "schema"`
		return publication{will: words, did: words}, nil
	}
	if table := rowsIn(c.cfg, c.to.Route.Cluster); table != "" {
		c.registry = table
		return c.publication()
	}
	for _, pattern := range c.cfg.Include {
		if path, ok := provision.EntryFile(pattern, c.name); ok {
			p := publication{path: path, will: "[tenant." + c.name + "] is written to " + path, keepsSecret: c.needsSecretsFile()}
			p.did = "published in " + path + "; a pooler that runs reads it when it reloads"
			return p, nil
		}
	}
	return publication{}, fmt.Errorf(`tenant %q has to be listed, and there is no place for it: write include = ["conf.d/*.toml"] in %s`, c.name, c.cfg.File)
}

// needsSecretsFile says that a password has no place but beside the tenant.
func (c *tenantCreate) needsSecretsFile() bool {
	return c.to.Route.Login != "" && c.to.cluster.LoginSecretsFile == "" && !c.to.cluster.TrustsLogins
}

// publish gives the last step of a creation. What it does outside the database is
// undone if the creation fails after all.
func (c *tenantCreate) publish(how publication) func(context.Context, *provision.Conn) error {
	return func(ctx context.Context, pg *provision.Conn) error {
		if file := c.to.cluster.LoginSecretsFile; c.password != "" && file != "" {
			c.undo = append(c.undo, func() error { return provision.DropSecret(file, c.to.Route.Login) })
			if err := provision.KeepSecret(file, c.to.Route.Login, c.password); err != nil {
				return fmt.Errorf("login_secrets_file: %w", err)
			}
		}
		secret := ""
		if how.keepsSecret {
			secret = c.password
		}
		switch {
		case how.table != "":
			e := routing.TenantEntry{Name: c.name}
			if c.to.entry != nil {
				e = *c.to.entry
			}
			return provision.InsertRow(ctx, pg, how.table, e, secret)
		case how.path == "":
			return nil
		}
		if err := provision.WriteEntry(how.path, *c.to.entry, secret); err != nil {
			return err
		}
		c.undo = append(c.undo, func() error { return provision.RemoveEntry(how.path) })
		if _, err := config.Load(c.file); err != nil {
			return errors.Join(errors.New("the configuration does not hold with it"), err)
		}
		return nil
	}
}
