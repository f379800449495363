package demo

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// newTestStage is a stage set up for two tenants, and the way to reach them directly in Postgres by
// a login of their own: an endpoint that keeps tenants apart without any pooler.
func newTestStage(t *testing.T) (*stage, endpoint, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	s := &stage{out: &out, options: options{tenants: 2, seconds: 1, clients: 2, poolSize: 4, compare: true}}
	t.Cleanup(s.close)
	if err := s.setUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, endpoint{name: "direct", host: s.server.Host, port: s.server.Port, byLogin: true}, &out
}

func TestTheDemoOfAnEndpointThatKeepsTenantsApartIsClean(t *testing.T) {
	s, direct, out := newTestStage(t)
	w, err := s.watchConnections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.perform(t.Context(), direct, w); err != nil {
		t.Fatal(err)
	}
	comparison, err := s.compareWithPgBouncer(t.Context(), direct, w)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.proveAll(t.Context(), direct); err != nil {
		t.Fatal(err)
	}
	if !s.report(w) {
		t.Errorf("not clean:\n%s", out)
	}
	if !strings.Contains(comparison, "PgBouncer, with a login per tenant") {
		t.Errorf("no comparison: %q", comparison)
	}
	for _, r := range s.results {
		if r.counted == 0 || r.rows <= accounts || len(r.tps) != len(protocols) {
			t.Errorf("%s: %d transactions, %d rows, tps %v", r.tenant, r.counted, r.rows, r.tps)
		}
	}
}

func TestTheDemoOfAnEndpointThatMixesTenantsUpIsNot(t *testing.T) {
	s, direct, out := newTestStage(t)
	if err := s.initialiseAll(t.Context(), direct); err != nil {
		t.Fatal(err)
	}
	s.server.MustExec(t, database, "GRANT acme TO globex; ALTER ROLE globex SET search_path = acme")
	all, err := s.benchAll(t.Context(), direct, load{"simple", 1, 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range s.results {
		r.addRun(all.runs[i])
	}
	// It is chance whether globex wrote before its check script ended it. One write is certain.
	s.server.MustExec(t, database, "SET SESSION AUTHORIZATION globex; UPDATE acme.pgbench_accounts SET abalance = abalance + 1 WHERE aid = 1")
	if err := s.proveAll(t.Context(), direct); err != nil {
		t.Fatal(err)
	}
	if s.report(&watch{}) {
		t.Fatalf("said to be clean:\n%s", out)
	}
	acme, globex := s.results[0], s.results[1]
	if globex.foreign == 0 {
		t.Errorf("globex read from acme's tables, and no foreign row was counted:\n%s", out)
	}
	if acme.clean() {
		t.Errorf("globex wrote into acme's tables, and acme's proof does not show it:\n%s", out)
	}
	if !slices.ContainsFunc(globex.errors, func(e string) bool { return strings.Contains(e, "foreign rows: 100") }) {
		t.Errorf("the check script found nothing: %q", globex.errors)
	}
}
