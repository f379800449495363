package main

import "testing"

func TestPgBouncerPreparesSince121(t *testing.T) {
	for _, test := range []struct {
		text, version string
		protocol      string
	}{
		{"PgBouncer 1.18.0\nlibevent 2.1.12-stable\n", "PgBouncer 1.18.0", extended},
		{"PgBouncer 1.20.1\n", "PgBouncer 1.20.1", extended},
		{"PgBouncer 1.21.0\n", "PgBouncer 1.21.0", prepared},
		{"PgBouncer 1.25.2\n", "PgBouncer 1.25.2", prepared},
		{"PgBouncer 1.26.0dev\n", "PgBouncer 1.26.0dev", prepared},
		{"PgBouncer 2.0\n", "PgBouncer 2.0", prepared},
	} {
		var p pgBouncer
		var err error
		p.version, p.major, p.minor, err = parsePgBouncerVersion(test.text)
		if err != nil || p.version != test.version {
			t.Errorf("%q: %q, %v", test.text, p.version, err)
		}
		if got := p.Protocol(prepared); got != test.protocol {
			t.Errorf("%s is driven with %s, want %s", p.version, got, test.protocol)
		}
		if got := p.Protocol(simple); got != simple {
			t.Errorf("%s: simple became %s", p.version, got)
		}
	}
	if version, _, _, err := parsePgBouncerVersion("psql (PostgreSQL) 15.20"); err == nil {
		t.Errorf("psql is %q", version)
	}
}

func TestFailedTransactionsFailAMeasurement(t *testing.T) {
	for text, fails := range map[string]bool{
		"number of failed transactions: 0 (0.000%)\ntps = 1": false,
		"number of failed transactions: 3 (0.010%)\ntps = 1": true,
		"tps = 1": false,
	} {
		if err := checkSummary(text); (err != nil) != fails {
			t.Errorf("%q: %v", text, err)
		}
	}
}
