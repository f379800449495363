package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"tenantpool/config"
	"tenantpool/provision"
	"tenantpool/routing"
)

// tenantCreate is one run of "tenantpool tenant create".
type tenantCreate struct {
	*tenantFlags
	wish
	template string // a file
	may      bool   // create objects
	registry string // a table
	dry      bool
	stdout   io.Writer

	cfg      *config.Config
	to       placed
	password string
	undo     []func() error // what publishing has done outside the database
}

func runTenantCreate(args []string, stdout, stderr io.Writer) int {
	c := &tenantCreate{tenantFlags: newTenantFlags("create", stderr), stdout: stdout}
	c.StringVar(&c.cluster, "cluster", "", "the `cluster` to live on (default: what its route says)")
	c.StringVar(&c.schema, "schema", "", "the `schema` (default: the tenant's name)")
	c.StringVar(&c.isolation, "isolation", "", "`level`: shared, role or dedicated (default: what its route says)")
	c.StringVar(&c.template, "template", "", "SQL `file` to run as the tenant; current_setting('tenantpool.tenant') is its name")
	c.BoolVar(&c.may, "may-create", false, "let the tenant make objects in its schema, not only use them")
	c.StringVar(&c.registry, "registry", "", "publish it as a row of this `table` of the cluster (default: that of [registry], if there is one)")
	c.BoolVar(&c.dry, "dry-run", false, "print what would be done")
	names, status, ok := c.parse(args, 1, 1)
	if !ok {
		return status
	}
	c.name = names[0]
	if err := c.run(context.Background()); err != nil {
		return c.fail(err)
	}
	return 0
}

func (c *tenantCreate) run(ctx context.Context) (err error) {
	if c.cfg, err = c.load(ctx); err != nil {
		return err
	}
	if c.to, err = c.place(c.cfg); err != nil {
		return err
	}
	how, err := c.publication()
	if err != nil {
		return err
	}
	create := provision.Creation{Tenant: c.to.Tenant, Database: c.to.cluster.Database,
		Grants: provision.Grants{Create: c.may}, Publish: c.publish(how)}
	if c.template != "" {
		text, err := os.ReadFile(c.template)
		if err != nil {
			return fmt.Errorf("--template: %w", err)
		}
		create.Template = string(text)
	}
	if c.to.Isolation == routing.Dedicated && !c.to.cluster.TrustsLogins {
		if c.password, create.Grants.Verifier, err = provision.NewPassword(); err != nil {
			return err
		}
	}
	pg, err := c.connect(ctx, c.cfg, c.to.cluster)
	if err != nil {
		return err
	}
	defer pg.Close(ctx)
	if c.dry {
		return c.show(ctx, pg, create, how)
	}
	if err := provision.Create(ctx, pg, create); err != nil {
		for _, undo := range c.undo {
			_ = undo() // what failed first is told
		}
		return fmt.Errorf("tenant %q: %w (nothing was made)", c.name, err)
	}
	c.tell(how)
	return nil
}

// show prints the statements that would be run.
func (c *tenantCreate) show(ctx context.Context, pg *provision.Conn, create provision.Creation, how publication) error {
	s, err := provision.Ask(ctx, pg, create.Database)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "-- as %s on cluster %s, in one transaction\n", s.Admin, c.to.Route.Cluster)
	for _, sql := range provision.Script(c.to.Tenant, s, create.Grants) {
		fmt.Fprintf(c.stdout, "%s;\n", provision.Masked(sql))
	}
	if c.template != "" {
		fmt.Fprintf(c.stdout, "-- then %s, as %s with the tenant's search_path\n", c.template, c.to.Actor())
	}
	fmt.Fprintf(c.stdout, "-- then %s\n", how.will)
	return nil
}

// tell sums up what has been made.
func (c *tenantCreate) tell(how publication) {
	fmt.Fprintf(c.stdout, "tenant %q: schema %q on cluster %q, isolation %s", c.name, c.to.Schema, c.to.Route.Cluster, c.to.Isolation)
	if c.to.OwnRole() {
		fmt.Fprintf(c.stdout, ", role %q", c.to.Actor())
	}
	fmt.Fprintf(c.stdout, "; checked\n%s\n", how.did)
	if c.password != "" && !how.keepsSecret && c.to.cluster.LoginSecretsFile == "" {
		fmt.Fprintf(c.stdout, "password of login %q, shown this once: %s\n", c.to.Route.Login, c.password)
	}
}
