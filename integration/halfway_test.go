package integration

import (
	"strings"
	"testing"
)

// The server answers, and is idle, while a message of its client's is half-way: whatever another
// session sent there now would be the rest of that message.
func TestAServerIsNotGivenAwayInTheMidstOfAMessage(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2})
		a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		for _, begin := range [][]byte{query("SELECT pg_sleep(0.1)"), query("COPY notes FROM STDIN (FORMAT csv)")} {
			smuggled := join(query("SELECT 'smuggled'"), query("RESET ALL"))
			whole := copyData(string(smuggled))
			if begin[5] == 'C' {
				a.send(begin)
				a.until('G')
				a.send(copyData("not a number,x\n"))
			} else {
				a.send(begin)
			}
			a.send(whole[:8]) // its header, and a little
			a.until('Z')
			for range 20 {
				b.expect("SELECT name FROM whoami", "globex")
			}
			a.send(whole[8:], query("SELECT name FROM whoami"))
			if rows, err := result(a.until('Z')); err != nil || len(rows) != 1 || rows[0][0] != "acme" {
				t.Errorf("behind its own half message a client got %v, %v", rows, err)
			}
			b.expect("SELECT name FROM whoami", "globex")
		}
	})
}

// A session that has given way to those who wait must still finish the message it has begun, and
// feed the COPY it has begun.
func TestAMessageAndACopyAreFinishedWhileOthersWait(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		for range 10 {
			a.run("BEGIN")
			b.send(query("SELECT name FROM whoami"))
			if got := a.value("SELECT length('" + strings.Repeat("x", 200_000) + "')"); got != "200000" {
				t.Errorf("a long query gave %q", got)
			}
			a.send(query("COPY notes FROM STDIN"))
			a.until('G')
			a.send(copyData("1\tone\n"), copyDone)
			if _, err := result(a.until('Z')); err != nil {
				t.Errorf("COPY: %v", err)
			}
			a.run("ROLLBACK")
			if rows, err := result(b.until('Z')); err != nil || rows[0][0] != "globex" {
				t.Errorf("the one that waited got %v, %v", rows, err)
			}
		}
	})
}

// A message too long for a session without a server is gathered while it has one: it is understood
// to its end all the same, and a server to which nothing was sent is as good as before.
func TestALongMessageIsGatheredWhileItsServerWaits(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		pid := b.value("SELECT pg_backend_pid()")
		long := func(end string) []byte { return query("SELECT '" + strings.Repeat("x", 50_000) + "'" + end) }
		for _, part := range []int{16 << 10, 20_000, 40_000} {
			m := long("; SET search_path TO globex")
			a.send(m[:part])
			a.cancel()
			b.send(query("SELECT name FROM whoami"))
			a.send(m[part:])
			if e := firstError(a.until('Z')); e == nil || e.code != "42501" && e.code != "57014" {
				t.Errorf("a path behind %d bytes: got %v, want 42501", part, e)
			}
			if rows, err := result(b.until('Z')); err != nil || rows[0][0] != "globex" {
				t.Errorf("the one that waited got %v, %v", rows, err)
			}
			a.expect("SELECT name FROM whoami", "acme")
			gone := login(t, p.endpoint, "acme")
			gone.send(long("")[:part])
			gone.vanish(false)
			b.expect("SELECT pg_backend_pid()", pid)
		}
	})
}
