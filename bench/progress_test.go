package main

import (
	"strings"
	"testing"
	"time"
)

func TestTheTimeLeftFollowsTheStepsMade(t *testing.T) {
	var out strings.Builder
	now := epoch
	p := &progress{out: &out, now: func() time.Time { return now }, begun: epoch, total: 10, guess: 6 * time.Second}
	if got := p.left(); got != time.Minute {
		t.Errorf("at the start: %v", got)
	}
	now = now.Add(16 * time.Second)
	p.step(scenarios[0], rounds("direct", simple, 1000), 0)
	p.step(scenarios[0], rounds("direct", simple, 0), 0)
	if got := p.left(); got != 64*time.Second {
		t.Errorf("after two steps of 8 s: %v", got)
	}
	if got := out.String(); !strings.Contains(got, "[ 1/10] simple-32") || !strings.Contains(got, "no figures  about 1m4s left") {
		t.Error(got)
	}
}

func TestTheMachineIsReadFromItsFiles(t *testing.T) {
	text := "processor\t: 0\nmodel\t\t: 1\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: Other\n"
	if got := valueOf(text, "model name", ":"); got != "Some CPU @ 2 GHz" {
		t.Error(got)
	}
	if got := valueOf(text, "name", ":"); got != "" {
		t.Errorf("a part of a name matched: %q", got)
	}
	if got := valueOf("PRETTY_NAME=\"Debian 12\"", "PRETTY_NAME", "="); got != `"Debian 12"` {
		t.Error(got)
	}
}
