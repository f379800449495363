package pool

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestALoweredSizeClosesIdleConnectionsAtOnceAndLentOnesWhenTheyComeBack(t *testing.T) {
	imagine(t, Options{Size: 4}, func(t *testing.T, k *kernel) {
		var all []*session
		for range 4 {
			s := k.session("a")
			s.take()
			all = append(all, s)
		}
		k.Release(all[3].conn)
		o := *k.opts()
		o.Size = 2
		k.Apply(o)
		synctest.Wait()
		if s := k.Stats(); s.Size != 3 || s.Lent != 3 {
			t.Errorf("the idle one is to go at once: %+v", s)
		}
		k.Release(all[2].conn)
		k.Release(all[1].conn)
		k.Release(all[0].conn)
		synctest.Wait()
		if s := k.Stats(); s.Size != 2 || s.Idle != 2 {
			t.Errorf("two are to stay: %+v", s)
		}
	})
}

func TestARaisedSizeServesThoseWhoWait(t *testing.T) {
	imagine(t, Options{Size: 1}, func(t *testing.T, k *kernel) {
		holder, waiter := k.session("a"), k.session("b")
		holder.take()
		if waiter.ask() != nil {
			t.Fatal("there should be one connection")
		}
		o := *k.opts()
		o.Size = 2
		k.Apply(o)
		synctest.Wait()
		if waiter.conn == nil {
			t.Fatalf("it still waits: %+v", k.Stats())
		}
		k.Release(waiter.conn)
		k.Release(holder.conn)
	})
}

func TestConnectionsBornBeforeANameThatProfilesSetServeNobodyAfterwards(t *testing.T) {
	imagine(t, Options{Size: 3, Blank: []string{"app.a"}}, func(t *testing.T, k *kernel) {
		lent, idle := k.session("a"), k.session("b")
		lent.take()
		k.Release(idle.take())
		joining := make(chan struct{})
		k.gates = joining
		late := k.session("c")
		k.Release(late.take()) // takes the idle one, and the pool grows behind it
		o := *k.opts()
		o.Blank = []string{"app.a", "app.b"}
		k.Apply(o)
		close(joining)
		synctest.Wait()
		if s := k.Stats(); s.Size != 1 || s.Lent != 1 {
			t.Errorf("idle ones and those that were logging in are to go: %+v", s)
		}
		old := lent.conn
		k.Release(old)
		synctest.Wait()
		fresh := k.session("a")
		if c := fresh.take(); c == old || c.PID <= 2 {
			t.Errorf("server %d was born before the name", c.PID)
		}
		k.Release(fresh.conn)
		o.Blank = []string{"app.b"}
		k.Apply(o)
		again := k.session("a")
		if c := again.take(); c != fresh.conn {
			t.Error("a name that is gone is no reason to replace a connection")
		}
		k.Release(again.conn)
	})
}

func TestANewLifetimeHoldsForConnectionsThatThereAre(t *testing.T) {
	imagine(t, Options{Size: 1}, func(t *testing.T, k *kernel) {
		s := k.session("a")
		k.Release(s.take())
		time.Sleep(time.Hour)
		o := *k.opts()
		o.Lifetime = 30 * time.Minute
		k.Apply(o)
		synctest.Wait()
		if s := k.Stats(); s.Size != 0 {
			t.Errorf("it is an hour old: %+v", s)
		}
	})
}

func TestANewPasswordIsTriedAtOnceAndOthersOfAnotherLoginAreAnotherPool(t *testing.T) {
	imagine(t, Options{Size: 1, User: "u", Password: "old"}, func(t *testing.T, k *kernel) {
		k.setFail(&loginRefused{"no"})
		s := k.session("a")
		s.ask()
		synctest.Wait()
		if s.refused == nil {
			t.Fatal("it should be refused")
		}
		k.setFail(nil)
		o := *k.opts()
		o.Password = "new"
		if !k.Fits(o) {
			t.Error("a password does not make another pool")
		}
		k.Apply(o)
		k.Release(s.take())
		o.User = "v"
		if k.Fits(o) {
			t.Error("another login does")
		}
	})
}
