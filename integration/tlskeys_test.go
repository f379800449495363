package integration

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// OpenSSL's client program changes its keys when told to, with k, and by K asks its peer to do so
// too: handshake messages in the midst of what the loop relays, one of which wants an answer.
func TestKeysMayChangeWhileAClientIsConnected(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p, v := startTLSPooler(t, w, setup{trust: true, size: 1})
		cmd := exec.Command("openssl", "s_client", "-connect", p.address(), "-starttls", "postgres", "-tls1_3",
			"-CAfile", v.File, "-verify_return_error")
		in, err := cmd.StdinPipe()
		must(t, err)
		out := newLogBuffer()
		cmd.Stdout, cmd.Stderr = out, out
		must(t, cmd.Start())
		defer cmd.Wait()
		defer in.Close()
		say := func(b []byte, answer string) {
			before := strings.Count(out.String(), answer)
			_, err := in.Write(b)
			must(t, err)
			eventually(t, fmt.Sprintf("%q is answered with %q", b, answer), func() bool { return strings.Count(out.String(), answer) > before })
		}
		say(startup(version30, "user", "app", "database", "acme"), "Z\x00\x00\x00\x05I")
		for i := range 6 {
			// A Query begins with a Q, at which the program would quit.
			say(once(fmt.Sprintf("SELECT name || ' %d' FROM whoami", i)), fmt.Sprintf("acme %d", i))
			say([]byte([]string{"k\n", "K\n"}[i%2]), "KEYUPDATE")
		}
		say(once("SELECT 'the ' || 'end'"), "the end")
	})
}
