package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgproto3/v2"
)

// conversation is a script of what a client says to its server, from its login to its Terminate.
type conversation struct {
	name  string
	turns []turn

	// deserts says that the client ends inside an exchange. What it is sent then, when it has said that
	// it goes, may differ.
	deserts bool
}

// turn is what is sent at once, and the types of messages to read in answer: reading goes on until
// each has come, in this order, with any others before, between. "" reads nothing.
type turn struct {
	send  []byte
	until string
}

func say(until string, parts ...[]byte) turn { return turn{join(parts...), until} }

func talk(name string, turns ...turn) conversation { return conversation{name: name, turns: turns} }

func desert(name string, turns ...turn) conversation {
	return conversation{name: name, turns: turns, deserts: true}
}

// manner is how a conversation is held.
type manner struct {
	bytewise bool       // each byte is written on its own
	disturb  *rawClient // another tenant's client, who has a query of its own whenever this one rests
}

// hold holds a conversation with the server at e and returns every message that came after login.
func (c conversation) hold(t *testing.T, e endpoint, m manner) []reply {
	t.Helper()
	client := login(t, e, "acme")
	var all []reply
	rests := true
	for _, turn := range c.turns {
		m.interfere(rests)
		client.write(turn.send, m.bytewise)
		answers := client.listen(turn.until)
		rests = turn.rests(answers)
		all = append(all, answers...)
	}
	client.write(terminate, m.bytewise)
	if last := client.rest(); !c.deserts {
		all = append(all, last...)
	}
	m.interfere(true)
	return all
}

// interfere lets the other tenant's client use a server, which must not show it what went before.
func (m manner) interfere(rests bool) {
	if m.disturb != nil && rests {
		m.disturb.expect("SELECT name FROM whoami", "globex")
	}
}

// rests says that the client has all answers of an exchange that left no transaction and no batch
// open, so that its server is free for others.
func (t turn) rests(answers []reply) bool {
	return strings.HasSuffix(t.until, "Z") && status(answers[max(0, len(answers)-1):]) == 'I'
}

// write sends b. An error is left for the reading side: a server may close on what it has read.
func (c *rawClient) write(b []byte, bytewise bool) {
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	if !bytewise {
		c.conn.Write(b)
		return
	}
	for i := range b {
		if _, err := c.conn.Write(b[i : i+1]); err != nil {
			return
		}
	}
}

// listen reads until the types of until have come, or the connection ends.
func (c *rawClient) listen(until string) []reply {
	c.t.Helper()
	var all []reply
	for until != "" {
		m, err := c.read()
		if err == io.EOF {
			return all
		}
		if err != nil {
			c.t.Fatalf("waiting for %q: %v; so far:\n%s", until, err, transcript(all))
		}
		all = append(all, m)
		if m.kind == until[0] {
			until = until[1:]
		}
	}
	return all
}

// transcript writes messages as text, one line each, without what may differ: source file, line and
// routine of an error.
func transcript(all []reply) string {
	var text strings.Builder
	for _, m := range all {
		fmt.Fprintf(&text, "%c %s\n", m.kind, m.contents())
	}
	return text.String()
}

func (m reply) contents() string {
	if m.kind != 'E' && m.kind != 'N' {
		return fmt.Sprintf("%q", m.body)
	}
	var text strings.Builder
	for _, f := range parseError(m.body).fields {
		if !strings.ContainsRune("FLR", rune(f.kind)) {
			fmt.Fprintf(&text, "%c=%q ", f.kind, f.text)
		}
	}
	return text.String()
}

// wellFormed checks messages with the independent codec: it must understand each, and encode what it
// understood to the same bytes. (It puts an error's fields into an order of its own.)
func wellFormed(t *testing.T, all []reply) {
	t.Helper()
	var stream bytes.Buffer
	for _, m := range all {
		stream.Write(m.bytes())
	}
	frontend := pgproto3.NewFrontend(pgproto3.NewChunkReader(bufio.NewReader(&stream)), nil)
	for _, m := range all {
		message, err := frontend.Receive()
		if err != nil {
			t.Fatalf("the independent codec does not understand %c %q: %v", m.kind, m.body, err)
		}
		again, err := message.Encode(nil)
		if m.kind != 'E' && m.kind != 'N' && (err != nil || !bytes.Equal(again, m.bytes())) {
			t.Errorf("the independent codec reads %c %q as %#v (%v)", m.kind, m.body, message, err)
		}
	}
}

// difference shows the first line in which two transcripts differ, "" if none.
func difference(want, got string) string {
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(wants), len(gots)) {
		w, g := lineAt(wants, i), lineAt(gots, i)
		if w != g {
			return fmt.Sprintf("message %d:\n  direct: %.300s\n  pooler: %.300s\nall of direct:\n%s\nall of pooler:\n%s",
				i+1, w, g, shorten(wants), shorten(gots))
		}
	}
	return ""
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}

func shorten(lines []string) string {
	var text strings.Builder
	for i, line := range lines[:min(len(lines), 40)] {
		fmt.Fprintf(&text, "%3d %.200s\n", i+1, line)
	}
	return text.String()
}
