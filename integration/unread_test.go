package integration

import (
	"bytes"
	"testing"
)

// What is answered without a server is answered for everybody in turn, however much of it one client
// asks for at once, and held back from a client that does not read.
func TestAFloodOfWhatNeedsNoServerHoldsUpNobody(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 2})
		other := login(t, p.endpoint, "globex")
		var flooders []*rawClient
		for _, what := range [][]byte{syncNow, query("LISTEN x"), query("DEALLOCATE ALL")} {
			for range 20 {
				c := login(t, p.endpoint, "acme")
				flood := bytes.Repeat(what, 4<<20/len(what))
				go func() { _, _ = c.conn.Write(flood) }() // it ends with the connection: nobody reads the answers
				flooders = append(flooders, c)
			}
		}
		for range 200 {
			other.expect("SELECT name FROM whoami", "globex")
		}
		if most := rss(t, p.process.PID()); most > 200<<20 {
			t.Errorf("the pooler holds %d MB for %d clients that do not read", most>>20, len(flooders))
		}
		for _, c := range flooders {
			c.vanish(true)
		}
		other.expect("SELECT name FROM whoami", "globex")
	})
}

// A client that has sent all its requests, and its farewell, before it reads gets every answer.
func TestAClientThatReadsLateGetsEveryAnswer(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		const n = 50_000
		c := login(t, p.endpoint, "acme")
		sent := make(chan error, 1)
		go func() {
			_, err := c.conn.Write(join(bytes.Repeat(join(syncNow, query("DEALLOCATE ALL")), n), query("SELECT name FROM whoami"), terminate))
			sent <- err
		}()
		answers := c.rest()
		must(t, <-sent)
		got := map[byte]int{}
		for _, m := range answers {
			got[m.kind]++
		}
		if got['Z'] != 2*n+1 || got['C'] != n+1 || got['D'] != 1 {
			t.Errorf("got %d answers of ReadyForQuery, %d of CommandComplete, %d rows", got['Z'], got['C'], got['D'])
		}
	})
}
