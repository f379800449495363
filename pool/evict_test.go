package pool

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// accountOf is the account of a tenant whose login and path are its name.
func accountOf(t testing.TB, in *States, tenant string) *Account {
	t.Helper()
	a, err := in.Account(Login{tenant, "secret of " + tenant}, ProfileSpec{Tenant: tenant, Path: []string{tenant}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// dedicated is a session of a tenant that has an account.
func (k *kernel) dedicated(tenant string) *session {
	k.t.Helper()
	s := k.session(tenant)
	want, err := accountOf(k.t, k.states, tenant).state()
	if err != nil {
		k.t.Fatal(err)
	}
	s.Want = want
	return s
}

// once is one transaction of a tenant's.
func (k *kernel) once(tenant string) *Conn {
	k.t.Helper()
	s := k.dedicated(tenant)
	c := s.take()
	s.give()
	return c
}

func (k *kernel) evictions() int { return int(k.Stats().Discarded(ReasonEvicted)) }

func TestAConnectionOfAnAccountIsBornWithItsProfile(t *testing.T) {
	imagine(t, Options{Size: 3}, func(t *testing.T, k *kernel) {
		a, other := k.dedicated("a"), k.dedicated("a")
		a.ask()
		synctest.Wait()
		if a.conn == nil || a.conn.Carried() != a.Want {
			t.Fatal("it does not carry the profile")
		}
		for _, policy := range []SameTenant{Watch, SwitchAlways, Trust} {
			if plan := a.conn.Plan(a.Holder, a.Want, policy); plan != PlanNothing {
				t.Errorf("its first session has plan %d", plan)
			}
			a.conn.user = 0
		}
		a.work()
		if plan := a.conn.Plan(other.Holder, other.Want, SwitchAlways); plan != PlanSettings {
			t.Errorf("another session has plan %d", plan)
		}
		a.conn.Plan(a.Holder, a.Want, Watch)
		a.give()
	})
}

func TestAConnectionOfAnAccountIsLentToNobodyElse(t *testing.T) {
	imagine(t, Options{Size: 3}, func(t *testing.T, k *kernel) {
		own, shared := k.once("a"), k.session("a")
		if c := shared.take(); c == own {
			t.Error("the same tenant got it by way of the cluster's login")
		}
		shared.give()
		if c := k.once("b"); c == own {
			t.Error("another tenant got it")
		}
		if c := k.once("a"); c != own {
			t.Error("its own tenant did not get it")
		}
	})
}

func TestTheConnectionIdleLongestMakesRoom(t *testing.T) {
	imagine(t, Options{Size: 3}, func(t *testing.T, k *kernel) {
		for _, tenant := range []string{"a", "b", "c", "a"} {
			k.once(tenant)
			time.Sleep(time.Second)
		}
		k.once("d")
		if k.evictions() != 1 {
			t.Errorf("%d evictions", k.evictions())
		}
		for _, tenant := range []string{"a", "c", "d"} {
			k.once(tenant)
		}
		if s := k.Stats(); k.evictions() != 1 || s.Size != 3 || s.Logins != 4 {
			t.Errorf("it was not b's: %+v", s)
		}
	})
}

func TestAConnectionThatNobodyHasUsedMakesRoomLast(t *testing.T) {
	imagine(t, Options{Size: 2}, func(t *testing.T, k *kernel) {
		if _, err := k.Welcome(t.Context(), k.dedicated("a").Want.Profile()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		k.once("b")
		k.once("c")
		k.once("a")
		if s := k.Stats(); s.Logins != 3 || k.evictions() != 1 {
			t.Errorf("a's was evicted before it was used: %+v", s)
		}
		if _, err := k.Welcome(t.Context(), k.dedicated("d").Want.Profile()); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Welcome(t.Context(), k.dedicated("e").Want.Profile()); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Welcome(t.Context(), k.dedicated("f").Want.Profile()); err != nil {
			t.Fatal("an unused one did not make room when nothing else was left")
		}
	})
}

func TestWhoHasNoConnectionGetsAPlaceWhenATurnIsOver(t *testing.T) {
	imagine(t, Options{Size: 1}, func(t *testing.T, k *kernel) {
		k.takes = 10 * time.Millisecond
		first := k.dedicated("a")
		first.ask()
		time.Sleep(k.takes)
		synctest.Wait()
		first.work()
		began := time.Now()
		quiet := k.dedicated("b")
		quiet.ask()
		noisy := make([]*session, 200)
		for i := range noisy {
			noisy[i] = k.dedicated("a")
			noisy[i].ask()
		}
		served := 0
		holder := first
		for quiet.conn == nil && served < len(noisy) {
			time.Sleep(5 * time.Millisecond)
			holder.give()
			synctest.Wait()
			if k.evictions() > 0 {
				break
			}
			for _, s := range noisy {
				if s.conn != nil {
					holder = s
					holder.work()
					served++
				}
			}
		}
		if waited := time.Since(began); waited < turnPerLogin*k.takes || waited > turnPerLogin*k.takes+10*time.Millisecond {
			t.Errorf("a turn took %v", waited)
		}
		time.Sleep(k.takes)
		synctest.Wait()
		if quiet.conn == nil {
			t.Fatal("not served")
		}
		quiet.work()
		quiet.give()
		time.Sleep(time.Second)
		synctest.Wait()
		for _, s := range noisy {
			k.Abandon(&s.Waiter)
			if s.conn != nil {
				s.work()
				s.give()
			}
		}
	})
}

func TestAPlaceIsMadeForEachWaiterOnce(t *testing.T) {
	imagine(t, Options{Size: 3}, func(t *testing.T, k *kernel) {
		k.linger = true
		for _, tenant := range []string{"a", "b", "c"} {
			k.once(tenant)
		}
		s := k.dedicated("d")
		s.ask()
		synctest.Wait()
		k.once("c")
		k.once("b")
		if k.evictions() != 1 {
			t.Errorf("%d evictions for one waiter", k.evictions())
		}
		k.linger = false
		k.closing[0]()
		synctest.Wait()
		if s.conn == nil {
			t.Fatal("not served")
		}
		s.work()
		s.give()
	})
}

func TestALoginThatFailsIsItsOwnTenantsAffair(t *testing.T) {
	imagine(t, Options{Size: 2}, func(t *testing.T, k *kernel) {
		k.failing = "bad"
		k.setFail(&pgconn.PgError{Severity: "FATAL", Code: "28P01", Message: "password authentication failed"})
		bad := k.dedicated("bad")
		bad.ask()
		synctest.Wait()
		if bad.refused == nil || bad.refused.Code != "28P01" {
			t.Fatalf("it was told %v", bad.refused)
		}
		if e := k.LastError(bad.Want.Profile()); e == nil || e.Code != "28P01" {
			t.Errorf("the last error is %v", e)
		}
		for range 20 {
			bad.ask()
			if bad.refused == nil {
				t.Error("it was not refused at once")
			}
			k.once("good")
			k.once("better")
		}
		if s := k.session("shared"); s.take() != nil {
			s.give()
		}
		if e := k.LastError(k.dedicated("good").Want.Profile()); e != nil {
			t.Errorf("another's last error is %v", e)
		}
		if s := k.Stats(); s.FailedLogins != 1 {
			t.Errorf("%d logins failed", s.FailedLogins)
		}
	})
}

// A full role (53300) is a thing of the moment: its waiters wait, and nobody else does.
func TestAnAccountThatCannotLogInNowDelaysNobodyElse(t *testing.T) {
	imagine(t, Options{Size: 2}, func(t *testing.T, k *kernel) {
		k.failing = "full"
		k.setFail(&pgconn.PgError{Severity: "FATAL", Code: "53300", Message: "too many connections for role"})
		var waiters []*session
		for range 100 {
			s := k.dedicated("full")
			s.ask()
			waiters = append(waiters, s)
		}
		began := time.Now()
		for range 50 {
			k.once("a")
			k.once("b")
			s := k.session("c")
			s.take()
			s.give()
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("others waited for %v", d)
		}
		time.Sleep(time.Minute)
		if n := k.Stats().FailedLogins; n > 12 {
			t.Errorf("%d logins failed in a minute", n)
		}
		k.setFail(nil)
		time.Sleep(maxDelay * 2)
		synctest.Wait()
		for _, s := range waiters {
			if s.conn != nil {
				s.work()
				s.give()
			}
		}
		for _, s := range waiters {
			if s.conn != nil {
				s.work()
				s.give()
			}
			k.Abandon(&s.Waiter)
		}
		if s := k.Stats(); s.Waiting > 0 || s.Lent > 0 {
			t.Errorf("in the end: %+v", s)
		}
	})
}

func TestWelcomeTellsWhyAnAccountCannotLogIn(t *testing.T) {
	imagine(t, Options{Size: 1}, func(t *testing.T, k *kernel) {
		k.setFail(&pgconn.PgError{Severity: "FATAL", Code: "28P01", Message: "no"})
		prof := k.dedicated("a").Want.Profile()
		if _, err := k.Welcome(t.Context(), prof); err == nil || err.Error() == "" {
			t.Errorf("got %v", err)
		}
		k.setFail(nil)
		time.Sleep(time.Minute)
		if w, err := k.Welcome(t.Context(), prof); err != nil || w == nil {
			t.Errorf("got %v, %v", w, err)
		}
	})
}

func TestTenantsThatHaveGoneQuietFreeTheirPlaces(t *testing.T) {
	imagine(t, Options{Size: 4, MinSize: 1, IdleTimeout: time.Minute}, func(t *testing.T, k *kernel) {
		k.once("a")
		k.once("b")
		time.Sleep(3 * time.Minute)
		if s := k.Stats(); s.Size != 1 || k.own.size != 1 {
			t.Errorf("after a while: %+v", s)
		}
	})
}

// At random, sessions of more accounts than there are places, some noisy, and of
// the shared login, come and go. There are never more connections than places,
// none is lent to another account, and everybody is served in the end.
func TestMoreAccountsThanPlaces(t *testing.T) {
	for seed := range uint64(20) {
		const size = 3
		imagine(t, Options{Size: size, MaxTenantsPerServer: 50}, func(t *testing.T, k *kernel) {
			k.takes = time.Duration(seed%5) * time.Millisecond
			var all sync.WaitGroup
			for tenant := range 9 {
				for client := range 1 + 10*(tenant%2) {
					id := 100*tenant + client + 1
					w := &worker{answer: make(chan any, 2)}
					w.Waiter = Waiter{Customer: w, Holder: HolderID(id), MaxServers: int32(tenant % 3)}
					name := "t" + strconv.Itoa(tenant)
					if tenant < 7 {
						w.Want, _ = accountOf(t, k.states, name).state()
					} else {
						w.Want = stateOf(t, k.states, name)
					}
					all.Go(func() { k.labour(w, rand.New(rand.NewPCG(uint64(id), seed))) })
				}
			}
			all.Wait()
			time.Sleep(time.Second) // logins begun for those who gave up end too
			synctest.Wait()
			if s := k.Stats(); s.Waiting != 0 || s.Lent != 0 || len(k.hungry) != 0 || len(k.lines) != 0 || k.due != 0 || k.rush != 0 {
				t.Errorf("in the end: %+v", s)
			}
		})
	}
}

// labour is 20 transactions of w's, of random length.
func (k *kernel) labour(w *worker, random *rand.Rand) {
	for range 20 {
		c := obtain(k.t, k, w, random)
		if c == nil {
			continue
		}
		if c.account != k.accountPlace(w.Want.profile.spec.Account) {
			k.t.Error("a connection of another account was lent")
		}
		if c.owner != nil && c.account != k.own && c.owner != w.Want.profile.tenant {
			k.t.Error("a connection of an account had another tenant")
		}
		if err := makeReady(c, w.Holder, w.Want); err != nil {
			k.t.Error(err)
		}
		c.Ran(w.Holder, 0)
		time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
		if s := k.Stats(); s.Size > k.opts().Size {
			k.t.Errorf("%d connections", s.Size)
		}
		if random.IntN(20) == 0 {
			k.Discard(c, ReasonClientGone)
		} else {
			k.Release(c)
		}
		time.Sleep(time.Duration(random.IntN(5)) * time.Millisecond)
	}
}

// One tenant keeps every connection busy. Quiet ones get theirs within a turn
// and a login, and the noisy one goes on.
func TestANoisyTenantStarvesNobodyAndIsNotStarved(t *testing.T) {
	imagine(t, Options{Size: 3}, func(t *testing.T, k *kernel) {
		k.takes = 5 * time.Millisecond
		const length = 2 * time.Millisecond
		work := func(w *worker) {
			c, err := k.Checkout(&w.Waiter)
			if c == nil && err == nil {
				c, _ = (<-w.answer).(*Conn)
			}
			if err := makeReady(c, w.Holder, w.Want); err != nil {
				t.Error(err)
			}
			c.Ran(w.Holder, 0)
			time.Sleep(length)
			k.Release(c)
		}
		var all sync.WaitGroup
		stop := time.Now().Add(10 * time.Second)
		client := func(tenant string, id int, pause time.Duration, count *int, longest *time.Duration) {
			w := &worker{answer: make(chan any, 2)}
			w.Waiter = Waiter{Customer: w, Holder: HolderID(id)}
			w.Want, _ = accountOf(t, k.states, tenant).state()
			all.Go(func() {
				for time.Now().Before(stop) {
					began := time.Now()
					work(w)
					*longest = max(*longest, time.Since(began))
					*count++
					time.Sleep(pause)
				}
			})
		}
		counts, longest := make([]int, 25), make([]time.Duration, 25)
		for i := range 20 {
			client("noisy", i+1, 0, &counts[i], &longest[i])
		}
		for i := 20; i < 25; i++ {
			client("quiet"+strconv.Itoa(i), i+1, 20*time.Millisecond, &counts[i], &longest[i])
		}
		all.Wait()
		noisy := 0
		for i := range 20 {
			noisy += counts[i]
		}
		// Three places, six tenants: a turn of 50 ms and a login of 5 ms each, so
		// nobody waits for longer than all the others' turns.
		for i := 20; i < 25; i++ {
			if longest[i] > 6*(turnPerLogin*k.takes+k.takes+length) {
				t.Errorf("a quiet tenant waited for %v", longest[i])
			}
			if counts[i] < 50 {
				t.Errorf("a quiet tenant had %d transactions", counts[i])
			}
		}
		if noisy < 2000 {
			t.Errorf("the noisy tenant had %d transactions", noisy)
		}
		t.Logf("noisy %d, quiet %v, longest %v, logins %d", noisy, counts[20:], longest[20:], k.Stats().Logins)
	})
}

func TestAConnectionAboutToBeLentDoesNotMakeRoom(t *testing.T) {
	imagine(t, Options{Size: 2}, func(t *testing.T, k *kernel) {
		k.failing = "full"
		k.setFail(&pgconn.PgError{Severity: "FATAL", Code: "53300", Message: "too many connections for role"})
		full := k.dedicated("full")
		full.ask()
		synctest.Wait()
		shared, own := k.session("shared"), k.dedicated("own")
		c := shared.take()
		own.take()
		shared.give()
		k.Pool.mu.Lock()
		k.accountPlace(full.Want.profile.spec.Account).gate.next = time.Now()
		k.Pool.mu.Unlock()
		other := k.session("other")
		if got := other.ask(); got != c || got.place != lent {
			t.Errorf("got %v", got)
		}
		other.work()
		other.give()
		own.give()
		k.Abandon(&full.Waiter)
	})
}

// One tenant comes by way of the cluster's login and by its own, and may have
// one connection at a time.
func TestWhoWaitsForItsTenantsOtherAccountIsServedByAnIdleConnection(t *testing.T) {
	imagine(t, Options{Size: 4}, func(t *testing.T, k *kernel) {
		k.linger = true
		k.once("x")
		own := k.once("a")
		shared, dedicated, other, next := k.session("a"), k.dedicated("a"), k.session("b"), k.session("c")
		shared.MaxServers, dedicated.MaxServers = 1, 1
		shared.take()
		other.take()
		dedicated.ask()
		next.ask() // x's makes room, and takes its time
		shared.give()
		if next.conn == nil || dedicated.conn != own {
			t.Errorf("next has %v, dedicated has %v", next.conn, dedicated.conn)
		}
		for _, s := range []*session{next, dedicated} {
			s.work()
			s.give()
		}
		other.give()
		synctest.Wait()
		k.mu.Lock()
		k.linger = false
		k.mu.Unlock()
		k.closing[0]()
	})
}
