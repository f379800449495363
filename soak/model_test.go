package soak

import "testing"

func TestTheModelFollowsTransactions(t *testing.T) {
	m := newModel(map[string]string{"a": "start", "b": "start"})
	expect := func(what, a, b string) {
		t.Helper()
		if m.value("a") != a || m.value("b") != b {
			t.Errorf("%s: a is %q and b %q, want %q and %q", what, m.value("a"), m.value("b"), a, b)
		}
	}
	m.set("a", "1")
	m.save()
	m.set("a", "2")
	m.setLocal("b", "2")
	expect("in a transaction", "2", "2")
	m.save()
	m.set("b", "3")
	m.setLocal("a", "3")
	expect("behind a savepoint", "3", "3")
	m.back()
	m.release()
	expect("back at the savepoint", "2", "2")
	m.commit()
	expect("committed", "2", "start")
	m.save()
	m.reset("a")
	m.setLocal("b", "4")
	expect("in the next", "start", "4")
	m.rollback()
	expect("rolled back", "2", "start")
	m.resetAll()
	expect("reset", "start", "start")
	m.set("a", "5")
	m.prepared["p"], m.objects["o"] = 1, true
	m.discardAll()
	expect("discarded", "start", "start")
	if len(m.prepared)+len(m.objects) > 0 {
		t.Error("DISCARD ALL has left something")
	}
}
