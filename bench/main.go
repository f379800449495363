package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx, os.Args[1:])
	interrupted := ctx.Err() != nil
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if interrupted {
		err = errors.New("interrupted")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// start is run, or the driver's work when this process is the driver.
func start(ctx context.Context, args []string) error {
	if len(args) == 2 && args[0] == driveFlag {
		return drive(args[1])
	}
	return run(ctx, args)
}

func run(ctx context.Context, args []string) error {
	opts, err := parseOptions(args, os.Getenv)
	if err != nil {
		return err
	}
	scenarios, err := selectScenarios(opts.Scenario)
	if err != nil {
		return err
	}
	if len(scenarios) > 0 {
		err = runScenarios(ctx, opts, scenarios)
	}
	for _, p := range parts {
		if ctx.Err() == nil && strings.Contains(p.name, opts.Scenario) {
			err = errors.Join(err, p.run(ctx, opts))
		}
	}
	return err
}

func runScenarios(ctx context.Context, opts options, scenarios []Scenario) error {
	load := loadAverage()
	lab, err := openLab(ctx, opts)
	if err != nil {
		return err
	}
	defer lab.Close()
	contenders, err := chooseContenders(ctx, lab)
	if err != nil {
		return err
	}
	about := describe(ctx, lab, contenders, load)
	fmt.Println(about)
	results, err := measureAll(ctx, lab, contenders, scenarios)
	if len(results) > 0 {
		err = errors.Join(err, publish(opts.Results, about, results))
	}
	return errors.Join(err, failures(results))
}

// failures is an error if any measurement failed.
func failures(results []Result) error {
	var failed int
	for _, r := range results {
		for _, s := range r.Series {
			failed += len(s.Faults)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d measurements failed", failed)
	}
	return nil
}
