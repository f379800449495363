package demo

import (
	"flag"
	"fmt"
	"io"
)

// options are the command line of "tenantpool demo".
type options struct {
	tenants  int
	seconds  int // per protocol
	clients  int // per tenant
	poolSize int
	keep     bool
	compare  bool
	config   string
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("tenantpool demo", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.tenants, "tenants", 12, "number of tenants")
	f.IntVar(&o.seconds, "seconds", 8, "seconds of pgbench for each of the three protocols")
	f.IntVar(&o.clients, "clients", 2, "clients of each tenant")
	f.IntVar(&o.poolSize, "pool-size", 4, "server connections, for all tenants together")
	f.BoolVar(&o.keep, "keep", false, "stay up at the end, to look around with psql")
	f.BoolVar(&o.compare, "compare", true, "also run the load through PgBouncer, if it is installed")
	f.StringVar(&o.config, "config", "config.toml", "the configuration to run a copy of")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if err := o.check(f.NArg()); err != nil {
		fmt.Fprintf(stderr, "tenantpool demo: %v\n", err)
		return o, err
	}
	return o, nil
}

func (o options) check(rest int) error {
	if rest > 0 {
		return fmt.Errorf("flags only, no other arguments")
	}
	for name, n := range map[string]int{
		"tenants": o.tenants, "seconds": o.seconds, "clients": o.clients, "pool-size": o.poolSize,
	} {
		if n < 1 {
			return fmt.Errorf("--%s must be at least 1", name)
		}
	}
	return nil
}
