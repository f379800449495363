package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// A Series is what one contender did in all rounds of one scenario.
type Series struct {
	Contender string
	Protocol  string        // what it was driven with
	Rounds    []Measurement // one for each round; zero where that one failed
	Faults    []string      // what went wrong
}

// A Result is all Series of one scenario, in the contenders' order.
type Result struct {
	Scenario Scenario
	Series   []*Series
}

// measureAll measures everything, scenario after scenario. With an error it
// returns the results that it has.
func measureAll(ctx context.Context, lab *Lab, contenders []Contender, scenarios []Scenario) ([]Result, error) {
	p := newProgress(len(contenders)*len(scenarios)*lab.options.Rounds,
		warmup+time.Duration(lab.options.Seconds)*time.Second+500*time.Millisecond)
	var results []Result
	for _, s := range scenarios {
		r, err := measureScenario(ctx, lab, contenders, s, p)
		if err != nil {
			return results, err
		}
		results = append(results, r)
	}
	return results, nil
}

// measureScenario starts all contenders afresh, lets them take turns, and
// stops them. Only the end of the context is an error; what a contender does
// wrong is noted in its Series.
func measureScenario(ctx context.Context, lab *Lab, contenders []Contender, s Scenario, p *progress) (Result, error) {
	if s.Tenants > 0 {
		if err := lab.loadTenants(ctx); err != nil {
			return Result{}, err
		}
	}
	result := Result{Scenario: s}
	running := make([]*Running, len(contenders))
	for i, c := range contenders {
		series := &Series{Contender: c.Name(), Protocol: c.Protocol(s.Protocol), Rounds: make([]Measurement, lab.options.Rounds)}
		result.Series = append(result.Series, series)
		if s.without(c.Name()) {
			continue
		}
		var err error
		if running[i], err = c.Start(ctx, s); err != nil {
			series.fault(err)
		}
	}
	for round := range lab.options.Rounds {
		for i, series := range result.Series {
			if running[i] != nil {
				series.measure(ctx, lab, s, running[i], round)
			}
			if ctx.Err() == nil {
				p.step(s, series, round)
			}
		}
	}
	for i, r := range running {
		if r != nil {
			result.Series[i].fault(r.Stop())
		}
	}
	return result, ctx.Err()
}

func (s *Series) measure(ctx context.Context, lab *Lab, scenario Scenario, r *Running, round int) {
	m, err := measureOnce(ctx, lab, scenario, s.Protocol, r)
	s.fault(err)
	s.Rounds[round] = m
}

// fault notes an error, if there is one and it is not just our own end.
func (s *Series) fault(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	s.Faults = append(s.Faults, err.Error())
	fmt.Fprintf(os.Stderr, "bench: %s: %v\n", s.Contender, err)
}
