package proxy

import "testing"

func TestAGateIsWhatHoldsATenantBackWhereverThatWasSaid(t *testing.T) {
	var b standings
	if b.gate("acme") != nil {
		t.Fatal("a gate though nothing was said")
	}
	b.say(Scope{Tenant: "acme"}, Standing{Suspended: true, Reason: "unpaid"})
	b.say(Scope{Cluster: "main"}, Standing{Paused: true})
	b.given = map[string]Standing{"globex": {Disabled: true}}
	for _, c := range []struct {
		cluster, tenant string
		want            Standing
	}{
		{"main", "acme", Standing{Suspended: true, Reason: "unpaid", Paused: true}},
		{"other", "acme", Standing{Suspended: true, Reason: "unpaid"}},
		{"main", "globex", Standing{Paused: true, Disabled: true}},
		{"main", "initech", Standing{Paused: true}},
		{"other", "initech", Standing{}},
	} {
		if got := b.gate(c.tenant).on(c.cluster); got != c.want {
			t.Errorf("%s on %s: %+v, want %+v", c.tenant, c.cluster, got, c.want)
		}
	}
	b.say(Scope{Tenant: "acme"}, Standing{})
	b.say(Scope{Cluster: "main"}, Standing{})
	if b.gate("acme") != nil || b.gate("globex") == nil {
		t.Error("what is taken back still holds, or what the configuration says does not")
	}
}

// A checkout of a tenant that nothing holds back costs one load.
func BenchmarkAnOpenGate(b *testing.B) {
	var c tally
	held := 0
	for b.Loop() {
		if c.gate.Load() != nil {
			held++
		}
	}
	if held > 0 {
		b.Fatal("held back")
	}
}
