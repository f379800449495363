package auth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tenantpool/wire"
)

// stored makes the verifier that Postgres would keep of a password.
func stored(t testing.TB, password string, iterations int) string {
	t.Helper()
	v, err := wire.NewVerifier(password, []byte("0123456789abcdef"), iterations)
	if err != nil {
		t.Fatal(err)
	}
	return v.Encode()
}

// listing makes a directory of listed users.
func listing(secrets map[string]string) *Directory {
	wrapped := make(map[string]Secret)
	for user, secret := range secrets {
		wrapped[user] = NewSecret(secret)
	}
	return NewDirectory(maps.All(wrapped), nil, 2)
}

// everyForm lists one user for each form of a secret, each with the password "right".
func everyForm(t testing.TB) *Directory {
	return listing(map[string]string{"plain": "right", "md5": HashMD5("md5", "right"), "scram": stored(t, "right", 4096), "none": ""})
}

func find(t testing.TB, d *Directory, user string) Account {
	t.Helper()
	a, err := d.Find(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAPasswordInPlainTextFitsEveryFormOfASecret(t *testing.T) {
	d := everyForm(t)
	for _, user := range []string{"plain", "md5", "scram", "none", "nobody"} {
		for _, password := range []string{"right", "wrong", "", "right ", "md5", HashMD5("md5", "right")} {
			fits, err := d.Fits(t.Context(), find(t, d, user), password)
			want := password == "right" && user != "none" && user != "nobody"
			if fits != want || err != nil {
				t.Errorf("%s with %q: %v, %v", user, password, fits, err)
			}
		}
	}
}

func TestAnMD5AnswerFitsPasswordsAndHashesOnly(t *testing.T) {
	d, salt := everyForm(t), [4]byte{1, 2, 0, 4}
	for _, user := range []string{"plain", "md5", "scram", "none", "nobody"} {
		for _, password := range []string{"right", "wrong", ""} {
			want := password == "right" && (user == "plain" || user == "md5")
			if fits := d.FitsMD5(find(t, d, user), salt, AnswerMD5(HashMD5(user, password), salt)); fits != want {
				t.Errorf("%s with %q: %v", user, password, fits)
			}
		}
		for _, answer := range []string{"", "md5", "right", AnswerMD5(HashMD5(user, "right"), [4]byte{9})} {
			if d.FitsMD5(find(t, d, user), salt, answer) {
				t.Errorf("%s with the answer %q", user, answer)
			}
		}
	}
}

func TestTheHashesAreThoseOfPostgres(t *testing.T) {
	// Of PostgreSQL 15: password_encryption = md5, CREATE ROLE app PASSWORD 'secret'.
	if got := HashMD5("app", "secret"); got != "md56a422f785c9e20873908ce25d1736ae2" {
		t.Errorf("got %s", got)
	}
}

// proof has the library's client prove a password to what the directory would
// hold it against.
func proves(t *testing.T, d *Directory, user, password string) bool {
	t.Helper()
	v, err := d.Verifier(t.Context(), find(t, d, user))
	if err != nil {
		t.Fatal(err)
	}
	return v.Fits(password)
}

func TestSCRAMFitsPasswordsAndVerifiersOnly(t *testing.T) {
	d := everyForm(t)
	for _, user := range []string{"plain", "md5", "scram", "none", "nobody"} {
		want := user == "plain" || user == "scram"
		if proves(t, d, user, "right") != want || proves(t, d, user, "wrong") || proves(t, d, user, "") {
			t.Errorf("%s", user)
		}
	}
	if !d.UsesSCRAM(find(t, d, "scram")) || d.UsesSCRAM(find(t, d, "plain")) || d.UsesSCRAM(find(t, d, "md5")) {
		t.Error("a verifier, and nothing else, makes the method md5 use SCRAM")
	}
}

func TestKeysOfAPasswordAreMadeOnce(t *testing.T) {
	d := everyForm(t)
	d.Prepare(t.Context())
	first, _ := d.Verifier(t.Context(), find(t, d, "plain"))
	second, _ := d.Verifier(t.Context(), find(t, d, "plain"))
	if first.Encode() != second.Encode() || len(d.derived) != 1 {
		t.Errorf("%d verifiers", len(d.derived))
	}
}

// Unknown users look like those listed: in salt, cost and form, and in the same
// proportions.
func TestAnUnknownUserLooksLikeSomebody(t *testing.T) {
	d := listing(map[string]string{"a": stored(t, "x", 9000), "b": stored(t, "x", 5000), "c": HashMD5("c", "x"), "empty": ""})
	seen := map[int]int{}
	scram := 0
	for i := range 600 {
		user := fmt.Sprint("nobody", i)
		v, err := d.Verifier(t.Context(), find(t, d, user))
		again, _ := d.Verifier(t.Context(), find(t, d, user))
		if err != nil || v.Encode() != again.Encode() {
			t.Fatal("the same user does not look the same twice")
		}
		seen[v.Iterations()]++
		if d.UsesSCRAM(find(t, d, user)) {
			scram++
		}
	}
	if len(seen) != 3 || seen[9000] < 100 || seen[5000] < 100 || seen[4096] < 100 || scram < 300 || scram > 500 {
		t.Errorf("iterations %v, by SCRAM %d", seen, scram)
	}
	plain := listing(map[string]string{"a": "secret"})
	if plain.UsesSCRAM(find(t, plain, "nobody")) {
		t.Error("where all are asked for MD5, somebody unknown is not")
	}
	known, _ := plain.Verifier(t.Context(), find(t, plain, "a"))
	mock, _ := plain.Verifier(t.Context(), find(t, plain, "nobody"))
	if known.Iterations() != mock.Iterations() {
		t.Error("another cost")
	}
}

// asking makes a directory that looks users up, and counts how often.
func asking(listed map[string]Secret, answer Ask) (*Directory, *atomic.Int64) {
	asked := new(atomic.Int64)
	return NewDirectory(maps.All(listed), func(ctx context.Context, user string) (Secret, time.Time, bool, error) {
		asked.Add(1)
		return answer(ctx, user)
	}, 1), asked
}

func TestALookUpIsGoodForHalfAMinuteWhateverItFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := errors.New("unreachable")
		down := false
		d, asked := asking(map[string]Secret{"listed": NewSecret("x")}, func(_ context.Context, user string) (Secret, time.Time, bool, error) {
			if down {
				return Secret{}, time.Time{}, false, fail
			}
			time.Sleep(time.Second) // of the bubble: the server is slow
			return NewSecret("right"), time.Time{}, user == "anna", nil
		})
		for range 3 {
			if a := find(t, d, "anna"); !a.Known || a.Why != "" {
				t.Errorf("anna: %+v", a)
			}
			if a := find(t, d, "nobody"); a.Known || a.Why == "" {
				t.Errorf("nobody: %+v", a)
			}
			find(t, d, "listed")
		}
		if asked.Load() != 2 {
			t.Errorf("asked %d times for two users", asked.Load())
		}
		down = true
		time.Sleep(keepFound - 2500*time.Millisecond) // anna was asked for 29.5 s ago
		if a := find(t, d, "anna"); !a.Known {
			t.Error("what is known is not used while the server is away")
		}
		time.Sleep(time.Second)
		if _, err := d.Find(t.Context(), "anna"); !errors.Is(err, fail) {
			t.Errorf("an answer is good for longer than %v: %v", keepFound, err)
		}
		if a := find(t, d, "listed"); !a.Known {
			t.Error("a listed user needs the server")
		}
	})
}

func TestAPasswordThatExpiresFitsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		until := time.Now().Add(10 * time.Second)
		d, _ := asking(nil, func(context.Context, string) (Secret, time.Time, bool, error) {
			return NewSecret("right"), until, true, nil
		})
		if fits, _ := d.Fits(t.Context(), find(t, d, "anna"), "right"); !fits {
			t.Error("it has expired too early")
		}
		time.Sleep(10 * time.Second)
		a := find(t, d, "anna")
		if fits, _ := d.Fits(t.Context(), a, "right"); fits || !a.Known || a.Why == "" {
			t.Errorf("it has not expired: %+v", a)
		}
	})
}

func TestManyWhoWaitForOneUserAskOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d, asked := asking(nil, func(context.Context, string) (Secret, time.Time, bool, error) {
			<-release
			return NewSecret("right"), time.Time{}, true, nil
		})
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() {
				if a, err := d.Find(t.Context(), "anna"); err != nil || !a.Known {
					t.Errorf("%+v, %v", a, err)
				}
			})
		}
		impatient, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := d.Find(impatient, "anna"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("whoever cannot wait gets %v", err)
		}
		close(release)
		wait.Wait()
		if asked.Load() != 1 {
			t.Errorf("asked %d times", asked.Load())
		}
	})
}

func TestANameThatNobodyCanHaveIsNotAskedFor(t *testing.T) {
	d, asked := asking(nil, func(context.Context, string) (Secret, time.Time, bool, error) {
		return NewSecret("x"), time.Time{}, true, nil
	})
	for _, user := range []string{strings.Repeat("x", 64), "\xff"} {
		if a := find(t, d, user); a.Known {
			t.Errorf("%q is known", user)
		}
	}
	if asked.Load() != 0 {
		t.Error("somebody was asked for such names")
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	d, _ := asking(nil, func(context.Context, string) (Secret, time.Time, bool, error) {
		return Secret{}, time.Time{}, false, nil
	})
	for i := range maxKept + 10 {
		find(t, d, fmt.Sprint(i))
	}
	if n := len(d.found); n > maxKept || n == 0 {
		t.Errorf("%d are kept", n)
	}
}

func TestWithoutAListEverybodyWhoIsProvenIsAdmitted(t *testing.T) {
	open := NewDirectory(nil, nil, 1)
	closed := listing(map[string]string{"anna": ""})
	for _, c := range []struct {
		d    *Directory
		user string
		want bool
	}{{open, "anyone", true}, {closed, "anna", true}, {closed, "anyone", false}} {
		if got, err := c.d.Admits(t.Context(), c.user); got != c.want || err != nil {
			t.Errorf("%s: %v, %v", c.user, got, err)
		}
	}
}

// A check that costs too much is not made: the verifier is somebody's who wants to
// keep us busy.
func TestAVerifierThatCostsTooMuchFitsNoPasswordInPlainText(t *testing.T) {
	dear := strings.Replace(stored(t, "right", 4096), "$4096:", "$2000000000:", 1)
	d := listing(map[string]string{"dear": dear, "cheap": stored(t, "right", 1)})
	d.models = d.models[:0]
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if fits, err := d.Fits(ctx, find(t, d, "dear"), "right"); fits || err != nil {
		t.Errorf("%v, %v", fits, err)
	}
	if ctx.Err() != nil {
		t.Error("it was computed all the same")
	}
}

func TestChecksWaitForASlotNoLongerThanTheirLogin(t *testing.T) {
	d := listing(map[string]string{"anna": "right"})
	for range cap(d.slots) {
		d.slots <- struct{}{}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if fits, err := d.Fits(ctx, find(t, d, "anna"), "right"); fits || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", fits, err)
	}
	if _, err := d.Verifier(ctx, find(t, d, "anna")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestNothingPrintsASecretOfTheDirectory(t *testing.T) {
	const canary = "canary-4711"
	d := listing(map[string]string{"anna": canary})
	a := find(t, d, "anna")
	for _, v := range []any{d, a, &a, finding{secret: NewSecret(canary)}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, canary) {
				t.Errorf("%T with %s: %s", v, verb, text)
			}
		}
	}
}
