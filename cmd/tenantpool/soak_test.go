package main

import (
	"io"
	"strings"
	"testing"
	"time"
)

func TestSoakTakesItsFlags(t *testing.T) {
	o, err := parseSoakOptions([]string{"-c", "x.toml", "--duration", "2m", "--clients", "7", "--tenants", "3", "--seed", "9", "--at", "h:1",
		"--admin", "postgres://a", "--user", "u", "--password-env", "P", "--json"}, io.Discard)
	want := soakOptions{file: "x.toml", at: "h:1", admin: "postgres://a", user: "u", passwordEnv: "P", clients: 7, tenants: 3, seed: 9,
		duration: 2 * time.Minute, json: true}
	if err != nil || o != want {
		t.Errorf("got %+v, %v", o, err)
	}
	o, err = parseSoakOptions(nil, io.Discard)
	if err != nil || o.seed == 0 || o.clients != 200 || o.tenants != 50 || o.duration != time.Minute || o.file != "config.toml" {
		t.Errorf("the defaults are %+v, %v", o, err)
	}
}

func TestSoakRefusesFlagsThatMakeNoSense(t *testing.T) {
	for _, args := range [][]string{{"x.toml"}, {"--duration", "0"}, {"--duration", "soon"}, {"--clients", "0"}, {"--clients", "10000"},
		{"--tenants", "1"}, {"--seed", "-1"}, {"--password-env", "P"}, {"--nonsense"}} {
		var out, errs strings.Builder
		if status := runSoak(args, &out, &errs); status != 2 || out.Len() > 0 || errs.Len() == 0 {
			t.Errorf("%q: status %d, stdout %q, stderr %q", args, status, out.String(), errs.String())
		}
	}
}

func TestSoakSaysWhatIsWrongWithItsConfiguration(t *testing.T) {
	var out, errs strings.Builder
	if status := runSoak([]string{"-c", "no/such/file"}, &out, &errs); status != 1 || !strings.Contains(errs.String(), "no/such/file: cannot read") {
		t.Errorf("status %d, stderr %q", status, errs.String())
	}
}

func TestSoakShowsItsFlags(t *testing.T) {
	var out, errs strings.Builder
	if status := runSoak([]string{"-h"}, &out, &errs); status != 0 || !strings.Contains(errs.String(), "-duration") {
		t.Errorf("status %d, stderr %q", status, errs.String())
	}
}
