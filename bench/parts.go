package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// A part is a scenario with tables of its own: a section of the results that it
// replaces alone.
type part struct {
	name    string // as SCENARIO finds it
	title   string // "## ..."
	legend  string
	measure func(context.Context, options) (string, error)
}

var parts = []part{
	{switching, "## What a checkout costs", switchingLegend, measureSwitching},
	{idling, "## What an idle client weighs", idlingLegend, measureIdling},
	{noisy, "## What a noisy tenant does to a quiet one", noisyLegend, measureNoise},
}

// run measures the part, prints it and puts it into the results, in the place of
// an older one.
func (p part) run(ctx context.Context, o options) error {
	text, err := p.measure(ctx, o)
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	text = p.title + "\n" + p.legend + text
	fmt.Println(text)
	return p.publish(or(o.Results, resultsFile), text)
}

func (p part) publish(path, text string) error {
	old, err := readIfThere(path)
	if err != nil {
		return err
	}
	sections := slices.DeleteFunc(split(old), func(s string) bool { return strings.HasPrefix(s, p.title+"\n") })
	return writeSections(path, append(sections, text))
}

// readIfThere is the text of a file, "" if there is none.
func readIfThere(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return string(text), err
}

// split cuts a text before each title; the first piece has none.
func split(text string) (sections []string) {
	for {
		i := strings.Index(text, "\n## ")
		if i < 0 {
			return append(sections, text)
		}
		sections = append(sections, text[:i+1])
		text = text[i+1:]
	}
}

func writeSections(path string, sections []string) error {
	var kept []string
	for _, s := range sections {
		if s = strings.TrimSpace(s); s != "" {
			kept = append(kept, s)
		}
	}
	if err := os.WriteFile(path, []byte(strings.Join(kept, "\n\n")+"\n"), 0o644); err != nil {
		return err
	}
	fmt.Println("written to", path)
	return nil
}

// ofParts are those sections of a text that belong to parts.
func ofParts(text string) []string {
	return slices.DeleteFunc(split(text), func(s string) bool {
		return !slices.ContainsFunc(parts, func(p part) bool { return strings.HasPrefix(s, p.title+"\n") })
	})
}
