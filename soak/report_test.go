package soak

import (
	"strings"
	"testing"
)

func TestAReportIsGoodOnlyIfNothingWasFound(t *testing.T) {
	if !(&Report{Transactions: 1}).OK() {
		t.Error("a clean report is not good")
	}
	for _, r := range []Report{{Foreign: 1}, {Leftovers: 1}, {Unexpected: 1}} {
		if r.OK() {
			t.Errorf("%+v is good", r)
		}
	}
}

func TestAReportShowsCountsAndEvidence(t *testing.T) {
	r := Report{Server: "18.4", Isolation: "shared", Route: 2, Tenants: 3, Clients: 4, Seed: 5, Seconds: 6, Transactions: 1234567,
		Tricks: map[string]int{"cancel": 12, "never done": 0}, Refusals: map[string]int{"42501": 7}, Foreign: 1,
		Pooler:   &Pooler{Switches: 99, Discards: map[string]uint64{"client gone": 8}},
		Findings: []Finding{{Kind: Foreign, Tenant: "a", Client: 9, Server: "4711", Text: "the row (b)", Actions: []string{"login", "item"}}}}
	var b strings.Builder
	r.Write(&b)
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, part := range []string{"seed 5", "transactions checked 1,234,567", "switches of server connections 99", "client gone 8", "cancel 12",
		"42501 7", "foreign rows seen 1", "leftovers seen 0", `FOREIGN ROW: client 9 of tenant "a", server process 4711: the row (b)`, "login item"} {
		if !strings.Contains(text, part) {
			t.Errorf("the report does not show %q:\n%s", part, b.String())
		}
	}
	if strings.Contains(text, "never done") {
		t.Error("the report shows what never happened")
	}
}
