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
