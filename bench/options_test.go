package main

import (
	"reflect"
	"testing"
)

func environ(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func inRoot(t *testing.T) {
	t.Helper()
	t.Chdir("..") // the results go to bench/, seen from the root of the tree
}

func TestWithoutOptionsEverythingIsMeasured(t *testing.T) {
	inRoot(t)
	got, err := parseOptions(nil, environ(nil))
	want := options{Rounds: 5, Seconds: 5, Contenders: []string{"tenantpool", "pgbouncer", "haproxy", "direct"}, Results: resultsFile}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAFlagWinsOverTheEnvironment(t *testing.T) {
	inRoot(t)
	vars := map[string]string{"SCENARIO": "1MB", "ROUNDS": "2", "SECONDS": "3", "PROFILE": "1", "CONTENDERS": "direct", "PGBOUNCER": "a"}
	got, err := parseOptions([]string{"-rounds", "7", "-pgbouncer", "b"}, environ(vars))
	want := options{Scenario: "1MB", Rounds: 7, Seconds: 3, Contenders: []string{"direct"}, PgBouncer: "b", Profile: true}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAPartOfTheScenariosDoesNotOverwriteTheResults(t *testing.T) {
	inRoot(t)
	part := environ(map[string]string{"SCENARIO": "simple"})
	if got, err := parseOptions(nil, part); err != nil || got.Results != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := parseOptions([]string{"-profile"}, environ(nil)); err != nil || got.Results != "" {
		t.Errorf("with profiles: %+v, %v", got, err)
	}
	if got, err := parseOptions([]string{"-results", "part.md"}, part); err != nil || got.Results != "part.md" {
		t.Errorf("asked for: %+v, %v", got, err)
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	inRoot(t)
	for _, args := range [][]string{
		{"-rounds", "0"}, {"-seconds", "-1"}, {"-seconds", "99999"}, {"-contenders", "odyssey"},
		{"-contenders", "direct,direct"}, {"-contenders", ""}, {"-results", "nowhere/results.md"}, {"-wrong"}, {"word"},
	} {
		if got, err := parseOptions(args, environ(nil)); err == nil {
			t.Errorf("%q gave %+v", args, got)
		}
	}
	if got, err := parseOptions(nil, environ(map[string]string{"ROUNDS": "many"})); err == nil {
		t.Errorf("ROUNDS=many gave %+v", got)
	}
}

func TestAScenarioIsFoundByAPartOfItsName(t *testing.T) {
	for text, want := range map[string]int{"": len(scenarios), "-200": 3, "prepared": 3, "1MB": 2} {
		if got, err := selectScenarios(text); err != nil || len(got) != want {
			t.Errorf("%q: %d scenarios, %v", text, len(got), err)
		}
	}
	if got, err := selectScenarios("no such"); err == nil {
		t.Errorf("found %v", got)
	}
}
