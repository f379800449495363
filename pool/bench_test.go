package pool

import "testing"

// BenchmarkCheckout is one transaction's share: Checkout, Plan, Ran and Release
// by two tenants in turn.
func BenchmarkCheckout(b *testing.B) {
	states := NewStates()
	p := newPool(Options{Size: 20}, nil)
	sessions := make([]*Waiter, 2)
	for i, tenant := range []string{"a", "b"} {
		w := &Waiter{Holder: HolderID(i + 1), Want: stateOf(b, states, tenant)}
		c := testConn()
		c.pool = p
		p.size++
		p.lent++
		c.account, c.place, c.tenant = p.own, lent, p.place(w.Want).tenant
		c.tenant.lent++
		c.Plan(w.Holder, w.Want, Watch)
		c.Switching()
		c.Confirmed(w.Holder, w.Want)
		p.Release(c)
		sessions[i] = w
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w := sessions[i&1]
		c, _ := p.Checkout(w)
		if c.Plan(w.Holder, w.Want, Watch) != PlanNothing {
			b.Fatal("work to do")
		}
		c.Ran(w.Holder, 0)
		p.Release(c)
	}
}
