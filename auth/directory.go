package auth

import (
	"context"
	"crypto/rand"
	"iter"
	"maps"
	"sync"
	"time"
	"unicode/utf8"

	"tenantpool/wire"
)

// Ask looks a user up. ok is false for one that does not exist or may not log in;
// until is when the secret expires, zero if never. What it returns is kept for
// keepFound.
type Ask func(ctx context.Context, user string) (secret Secret, until time.Time, ok bool, err error)

// keepFound is how long the result of a look-up is good for, counted from when it
// was asked for: whoever loses the right to log in loses it here by then.
const keepFound = 30 * time.Second

// maxKept bounds what is kept of look-ups, and of keys made from passwords beside
// those of listed users.
const maxKept = 10000

// maxName is how long a name can be in Postgres, in bytes.
const maxName = 63

// Directory knows users and their secrets: those listed, and behind them those
// that a look-up finds. Nobody learns from it whether a user exists: for one that
// does not it goes through the same motions, and no password fits.
type Directory struct {
	listed map[string]Secret // nil: there is no list
	models []model           // whom unknown users imitate
	ask    Ask               // nil: whoever is not listed is unknown
	key    []byte            // the process's own secret
	slots  chan struct{}     // one for each password check at a time

	mu      sync.Mutex
	found   map[string]finding
	flights map[string]*flight
	derived map[[32]byte]wire.Verifier
	sighted *model // the first secret that a look-up has found
	plain   bool   // look-ups find passwords in plain text
}

// finding is the result of a look-up.
type finding struct {
	asked  time.Time
	secret Secret
	until  time.Time
	ok     bool
}

// flight is a look-up under way, for everybody who waits for it.
type flight struct {
	done chan struct{} // closed when what follows is set
	finding
	err error
}

// NewDirectory makes a directory. listed is nil if there is no list of users, ask
// if there is nobody to ask. At most workers password checks run at once: others
// wait, so that a storm of logins leaves processors for queries.
func NewDirectory(listed iter.Seq2[string, Secret], ask Ask, workers int) *Directory {
	d := &Directory{
		ask: ask, key: make([]byte, 32), slots: make(chan struct{}, max(1, workers)),
		found: make(map[string]finding), flights: make(map[string]*flight), derived: make(map[[32]byte]wire.Verifier),
	}
	_, _ = rand.Read(d.key)
	if listed == nil {
		return d
	}
	d.listed = make(map[string]Secret)
	for user, secret := range listed {
		d.listed[user] = secret
		if a := account(user, secret, time.Time{}, time.Time{}); a.usable() {
			d.models = append(d.models, modelOf(a))
		}
	}
	return d
}

// After makes the directory the successor of another: whoever is unknown to both
// looks to a client as before, and keys that were made already need not be made
// again. It is called before the directory is used.
func (d *Directory) After(old *Directory) *Directory {
	old.mu.Lock()
	defer old.mu.Unlock()
	d.key, d.sighted, d.plain = old.key, old.sighted, old.plain
	if len(old.derived) <= len(old.listed)+maxKept {
		d.derived = maps.Clone(old.derived)
	}
	return d
}

// Prepare derives the keys of every listed password in plain text, so that the
// first login of a user takes no longer than that of one who does not exist.
func (d *Directory) Prepare(ctx context.Context) {
	for user, secret := range d.listed {
		if a := account(user, secret, time.Time{}, time.Time{}); a.usable() && secret.Kind() == Plain {
			if _, err := d.derive(ctx, user, secret); err != nil {
				return
			}
		}
	}
}

// Find gives the account of a user. The error says that nobody could be asked, or
// is ctx's.
func (d *Directory) Find(ctx context.Context, user string) (Account, error) {
	if secret, ok := d.listed[user]; ok {
		return account(user, secret, time.Time{}, time.Time{}), nil
	}
	if d.ask == nil || !nameable(user) {
		return unknown(user), nil
	}
	f, err := d.lookUp(ctx, user)
	switch {
	case err != nil:
		return Account{}, err
	case !f.ok:
		return unknown(user), nil
	}
	return account(user, f.secret, f.until, time.Now()), nil
}

// Admits says whether a user that was proven without a password may log in: one
// that is known, or everybody where nobody is.
func (d *Directory) Admits(ctx context.Context, user string) (bool, error) {
	if d.listed == nil && d.ask == nil {
		return true, nil
	}
	a, err := d.Find(ctx, user)
	return a.Known, err
}

// nameable says that Postgres could have a user of that name.
func nameable(user string) bool { return len(user) <= maxName && utf8.ValidString(user) }

// lookUp asks for a user, unless it has asked lately or is asking already. A
// caller that goes leaves the question to the others.
func (d *Directory) lookUp(ctx context.Context, user string) (finding, error) {
	d.mu.Lock()
	if f, ok := d.found[user]; ok && time.Since(f.asked) < keepFound {
		d.mu.Unlock()
		return f, nil
	}
	f := d.flights[user]
	if f == nil {
		f = &flight{done: make(chan struct{})}
		d.flights[user] = f
		go d.fly(user, f)
	}
	d.mu.Unlock()
	select {
	case <-f.done:
		return f.finding, f.err
	case <-ctx.Done():
		return finding{}, ctx.Err()
	}
}

// fly asks, and makes the keys that a login will need. For a user that does not
// exist it makes some too, if others need them: the time tells nothing.
func (d *Directory) fly(user string, f *flight) {
	ctx := context.Background()
	f.asked = time.Now()
	f.secret, f.until, f.ok, f.err = d.ask(ctx, user)
	if f.err == nil {
		if d.sight(user, f.finding) {
			_, _ = d.derive(ctx, user, f.secret)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.flights, user)
	if f.err == nil {
		put(d.found, user, f.finding, maxKept)
	}
	close(f.done)
}

// sight notes what kind of secrets there are, and says whether keys are to be made.
func (d *Directory) sight(user string, f finding) (derive bool) {
	a := unknown(user)
	if f.ok {
		a = account(user, f.secret, time.Time{}, time.Time{})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !a.usable() {
		return d.plain
	}
	if d.sighted == nil {
		m := modelOf(a)
		d.sighted = &m
	}
	isPlain := a.secret.Kind() == Plain
	d.plain = d.plain || isPlain
	return isPlain
}

// put adds to a map that is emptied when it is full: what is lost is asked for, or
// made, once more.
func put[K comparable, V any](m map[K]V, key K, value V, limit int) {
	if len(m) >= limit {
		clear(m)
	}
	m[key] = value
}
