package pool

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// waitAll makes n sessions wait.
func (k *kernel) waitAll(n int) []*session {
	all := make([]*session, n)
	for i := range all {
		all[i] = k.session("a")
		all[i].ask()
	}
	return all
}

func (k *kernel) leaveAll(all []*session) {
	for _, s := range all {
		k.Abandon(&s.Waiter)
	}
}

func TestAnUnreachableServerIsTriedByOneAtATimeEverMoreRarely(t *testing.T) {
	imagine(t, Options{Size: 20}, func(t *testing.T, k *kernel) {
		k.setFail(errDown)
		all := k.waitAll(200)
		time.Sleep(5 * time.Minute)
		attempts := k.tried()
		if n := len(attempts); n < 300/18 || n > 4+5+300/12 {
			t.Errorf("%d logins were tried in 5 min", n)
		}
		for i := maxDials + 1; i < len(attempts); i++ {
			if pause := attempts[i].Sub(attempts[i-1]); pause < 800*time.Millisecond {
				t.Errorf("login %d was tried %v after the one before", i, pause)
			}
		}
		e := k.LastError(nil)
		if e == nil || e.Code != "08006" || e.Message != "server is unreachable: login failed, for 5m0s" {
			t.Errorf("the last error is %v", e)
		}
		k.setFail(nil)
		time.Sleep(20 * time.Second)
		if s := k.Stats(); s.Lent != 20 || k.LastError(nil) != nil {
			t.Errorf("after it came back: %+v, %v", s, k.LastError(nil))
		}
		for _, s := range all {
			if s.refused != nil {
				t.Fatalf("a waiter was refused: %v", s.refused)
			}
		}
		k.leaveAll(all)
		for _, s := range all {
			if s.conn != nil {
				s.work()
				s.give()
			}
		}
	})
}

func TestAtMostFourLoginsRunAtOnce(t *testing.T) {
	imagine(t, Options{Size: 20}, func(t *testing.T, k *kernel) {
		k.gates = make(chan struct{})
		all := k.waitAll(50)
		synctest.Wait()
		if s := k.Stats(); s.Dialing != maxDials {
			t.Errorf("%d logins run", s.Dialing)
		}
		close(k.gates)
		synctest.Wait()
		if s := k.Stats(); s.Size != 20 || s.Lent != 20 {
			t.Errorf("the pool did not grow to what is needed: %+v", s)
		}
		k.leaveAll(all)
		for _, s := range all {
			if s.conn != nil {
				s.work()
				s.give()
			}
		}
	})
}

func TestALoginRefusedForGoodIsToldToWhoWaitsAndWhoComes(t *testing.T) {
	imagine(t, Options{Size: 2}, func(t *testing.T, k *kernel) {
		k.setFail(&pgconn.PgError{Severity: "FATAL", Code: "28P01", Message: "password authentication failed"})
		a, b := k.session("a"), k.session("b")
		a.ask()
		synctest.Wait()
		if a.refused == nil || a.refused.Code != "28P01" || a.answers != 1 {
			t.Fatalf("the waiter got %v", a.refused)
		}
		if b.ask(); b.refused == nil || b.refused.Code != "28P01" {
			t.Errorf("one who came got %v", b.refused)
		}
		k.setFail(nil)
		time.Sleep(2 * time.Second)
		b.take()
		b.give()
	})
}

func TestWhileSomeConnectionsWorkNobodyIsRefused(t *testing.T) {
	imagine(t, Options{Size: 2}, func(t *testing.T, k *kernel) {
		a, b := k.session("a"), k.session("a")
		a.take()
		k.setFail(&pgconn.PgError{Code: "28P01"})
		b.ask()
		synctest.Wait()
		if b.refused != nil {
			t.Fatal("refused though a connection could come back")
		}
		a.give()
		if b.conn == nil {
			t.Fatal("not served")
		}
		b.work()
		b.give()
	})
}

func TestAFullServerKeepsWaitersWaiting(t *testing.T) {
	imagine(t, Options{Size: 10}, func(t *testing.T, k *kernel) {
		a := k.session("a")
		a.take()
		k.setFail(&pgconn.PgError{Code: "53300", Message: "sorry, too many clients already"})
		all := k.waitAll(5)
		time.Sleep(time.Minute)
		if n := len(k.tried()); n > 1+maxDials+5+5 {
			t.Errorf("%d logins were tried", n)
		}
		if e := k.LastError(nil); e == nil || e.Code != "53300" {
			t.Errorf("the last error is %v", e)
		}
		a.give()
		if all[0].conn == nil {
			t.Fatal("the first waiter was not served by what there is")
		}
		k.leaveAll(all)
		all[0].work()
		all[0].give()
	})
}

func TestWhatALoginFailsWithIsSorted(t *testing.T) {
	for _, c := range []struct {
		err   error
		code  string
		lasts bool
	}{
		{&pgconn.PgError{Code: "28000"}, "28000", true},
		{&pgconn.PgError{Code: "3D000"}, "3D000", true},
		{&pgconn.PgError{Code: "42501"}, "42501", true},
		{&pgconn.PgError{Code: "57P03"}, "57P03", false},
		{&pgconn.PgError{Code: "53300"}, "53300", false},
		{&pgconn.PgError{Code: "57P01"}, "57P01", false},
		{&pgconn.PgError{Code: ""}, "08006", false},
		{&loginRefused{"x"}, "08001", true},
		{errors.New("secret"), "08006", false},
	} {
		if e, lasts := explain(c.err); e.Code != c.code || lasts != c.lasts {
			t.Errorf("%v is %v, lasts: %v", c.err, e, lasts)
		}
	}
}
