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
	err := run(ctx, os.Args[1:])
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
	if strings.Contains(switching, opts.Scenario) {
		err = errors.Join(err, runSwitching(ctx, opts))
	}
	return err
}

// runSwitching replaces its own part of the results only, so that it may always
// do so.
func runSwitching(ctx context.Context, opts options) error {
	text, err := measureSwitching(ctx, opts)
	if err != nil {
		return err
	}
	return publishSwitching(or(opts.Results, resultsFile), text)
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
