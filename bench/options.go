package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// options is what to measure and how. Each has a flag and a variable of the
// environment that gives the flag's default.
type options struct {
	Scenario   string   // only scenarios whose name holds this
	Rounds     int      // measurements of each contender in each scenario
	Seconds    int      // length of one measurement, without its warm-up
	Contenders []string // names, in the order they take turns
	PgBouncer  string   // the binary; "" looks for it
	TenantPool string   // the binary; "" builds it
	Postgres   string   // major version; "" is the newest found
	Profile    bool     // ask tenantpool for CPU profiles
	Results    string   // the file for the tables; "" is none
}

// resultsFile is where the tables go by default. A part of the scenarios, or
// a run slowed down by profiling, does not overwrite what all of them gave.
const resultsFile = "bench/results.md"

var contenderNames = []string{"tenantpool", "pgbouncer", "haproxy", "pgpool", "direct"}

func parseOptions(args []string, env func(string) string) (options, error) {
	var o options
	var contenders string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.Scenario, "scenario", env("SCENARIO"), "only scenarios whose name holds this `text` (SCENARIO)")
	number(flags, &o.Rounds, "rounds", env("ROUNDS"), 5, "rounds of each scenario (ROUNDS)")
	number(flags, &o.Seconds, "seconds", env("SECONDS"), 5, "seconds of each measurement (SECONDS)")
	flags.StringVar(&contenders, "contenders", or(env("CONTENDERS"), "tenantpool,pgbouncer,haproxy,direct"),
		"who takes part: `names` out of "+strings.Join(contenderNames, ",")+" (CONTENDERS)")
	flags.StringVar(&o.PgBouncer, "pgbouncer", env("PGBOUNCER"), "`path` of another PgBouncer (PGBOUNCER)")
	flags.StringVar(&o.TenantPool, "tenantpool", env("TENANTPOOL"), "`path` of a tenantpool already built (TENANTPOOL)")
	flags.StringVar(&o.Postgres, "postgres", env("POSTGRES"), "major `version` of the server, the newest found if empty (POSTGRES)")
	flags.BoolVar(&o.Profile, "profile", on(env("PROFILE")), "write CPU profiles of tenantpool to bench/profiles (PROFILE=1)")
	flags.StringVar(&o.Results, "results", env("RESULTS"), "`file` for the tables; if empty "+resultsFile+", but only of all scenarios and without profiles (RESULTS)")
	if err := checkedParse(flags, args); err != nil {
		return options{}, err
	}
	o.Contenders = strings.Split(contenders, ",")
	if o.Results == "" && o.Scenario == "" && !o.Profile {
		o.Results = resultsFile
	}
	return o, o.check()
}

// checkedParse parses args, and shows the help only to those who ask for it.
func checkedParse(flags *flag.FlagSet, args []string) error {
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	if err == flag.ErrHelp {
		flags.SetOutput(os.Stderr)
		flags.Usage()
	}
	if err == nil && flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return err
}

func (o options) check() error {
	if o.Rounds < 1 || o.Rounds > 1000 {
		return fmt.Errorf("rounds must be a number from 1 to 1000")
	}
	if o.Seconds < 1 || o.Seconds > 3600 {
		return fmt.Errorf("seconds must be a number from 1 to 3600")
	}
	if _, err := os.Stat(filepath.Dir(o.Results)); err != nil {
		return fmt.Errorf("no place for the results: %w", err)
	}
	for i, name := range o.Contenders {
		if !slices.Contains(contenderNames, name) {
			return fmt.Errorf("no contender %q: choose from %s", name, strings.Join(contenderNames, ", "))
		}
		if slices.Contains(o.Contenders[:i], name) {
			return fmt.Errorf("contender %q is named twice", name)
		}
	}
	return nil
}

// number adds a flag whose default is text, or fallback if that is empty. Text
// that is no number becomes 0, which check refuses.
func number(flags *flag.FlagSet, to *int, name, text string, fallback int, usage string) {
	if text != "" {
		fallback, _ = strconv.Atoi(text)
	}
	flags.IntVar(to, name, fallback, usage)
}

func or(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}

func on(text string) bool { return text != "" && text != "0" && text != "false" }
