package integration

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// foreign is in every row that a hostile server makes up.
const foreign = "row of nobody"

var fullAnswer = join(saidColumns("name"), saidRow(foreign), said('C', "SELECT 1\x00"), saidReady)

// flood is a message many times over.
func flood(kind byte, body string) []byte { return bytes.Repeat(said(kind, body), 20_000) }

// lies are what a hostile server may say in the place of any answer.
var lies = map[string][]byte{
	"nothing":                      {},
	"garbage":                      []byte(strings.Repeat("\xde\xad\xbe\xef", 64)),
	"HTTP":                         []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
	"an unknown type":              said('y', ""),
	"zeros":                        make([]byte, 100),
	"a length of nothing":          []byte("D\x00\x00\x00\x00"),
	"a length below its own":       []byte("D\x00\x00\x00\x03"),
	"a negative length":            []byte("D\xff\xff\xff\xff"),
	"a gigabyte announced":         []byte("D\x3f\xff\xff\xfe\x00\x01"),
	"half a header":                []byte("Z\x00\x00"),
	"half an error":                saidError("ERROR", "XX000", "x")[:12],
	"two errors":                   join(saidError("ERROR", "XX000", "x"), saidError("ERROR", "XX000", "y"), saidReady),
	"an error without fields":      join(said('E', ""), saidReady),
	"an error of one zero":         join(said('E', "\x00"), saidReady),
	"an error without a SQLSTATE":  join(said('E', "SERROR\x00Mx\x00\x00"), saidReady),
	"an error without its end":     join(said('E', "SERROR\x00Mx"), saidReady),
	"a FATAL that goes on":         join(saidError("FATAL", "57P01", "x"), fullAnswer),
	"ready with no status":         said('Z', ""),
	"ready with a long status":     said('Z', "II"),
	"ready with an unknown status": said('Z', "?"),
	"ready three times":            join(saidReady, saidReady, saidReady),
	"ready in a transaction":       join(said('C', "SELECT 1\x00"), said('Z', "T")),
	"a full answer, twice":         join(fullAnswer, fullAnswer),
	"rows behind the end":          join(fullAnswer, saidRow(foreign)),
	"rows that nobody described":   join(saidRow(foreign), said('C', "SELECT 1\x00"), saidReady),
	"another command's tag":        join(said('C', "DROP DATABASE\x00"), saidReady),
	"a tag without its end":        join(said('C', "SELECT"), saidReady),
	"authentication again":         join(said('R', "\x00\x00\x00\x00"), saidReady),
	"a key again":                  join(said('K', "\x00\x00\x00\x01\x00\x00\x00\x02"), saidReady),
	"another protocol":             join(said('v', "\x00\x03\x00\x02\x00\x00\x00\x00"), saidReady),
	"a copy in":                    said('G', "\x00\x00\x00"),
	"a copy out":                   join(said('H', "\x00\x00\x00"), said('d', foreign), said('c', ""), saidReady),
	"a copy both":                  join(said('W', "\x00\x00\x00"), said('d', foreign)),
	"the answers of a batch":       join(said('1', ""), said('2', ""), said('n', ""), said('s', ""), said('3', "")),
	"a function's result":          join(said('V', "\x00\x00\x00\x01x"), saidReady),
	"a parameter without a value":  join(said('S', "search_path"), saidReady),
	"a flood of parameters":        join(manyParameters(), saidReady),
	"a parameter of a megabyte":    join(said('S', "TimeZone\x00"+strings.Repeat("x", 1<<20)+"\x00"), saidReady),
	"a flood of notices":           join(flood('N', "SNOTICE\x00C00000\x00Mhear\x00\x00"), saidReady),
	"a flood of notifications":     join(flood('A', "\x00\x00\x00\x01channel\x00payload\x00"), saidReady),
}

// manyParameters reports twenty thousand different ones.
func manyParameters() []byte {
	var b []byte
	for i := range 20_000 {
		b = append(b, said('S', "p"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+string(rune(0x4e00+i))+"\x00v\x00")...)
	}
	return b
}

// The cues by which a hostile server knows what it is asked.
const (
	cueSwitch = "SET search_path TO"
	cueQuery  = "FROM whoami"
)

// Whatever a server says in the place of an answer, or behind one, stays with the session that
// asked, or goes nowhere. Nobody else gets a byte of it, and the next ones get their own.
func TestWhatAHostileServerSaysReachesNobodyElse(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		m := openImpostor(t, w)
		p := startPooler(t, w, setup{size: 1, host: m.address(), trust: true})
		before, cases := rss(t, p.process.PID()), 0
		for name, says := range lies {
			for _, x := range []trick{{cue: cueQuery}, {cue: cueQuery, tail: true}, {cue: cueSwitch}, {cue: cueSwitch, tail: true}} {
				x.says = says
				m.deceive(t, p, name, x)
				cases++
			}
		}
		t.Logf("%d lies; memory %d kB, before %d kB", cases, rss(t, p.process.PID())>>10, before>>10)
	})
}

// A server that falls silent in the midst of an answer keeps its session, until that goes; then it is
// discarded, however it likes to be asked.
func TestASilentServerIsHeldByNobodyElse(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		for _, name := range []string{"nothing", "half a header", "half an error", "a gigabyte announced", "a copy in"} {
			for _, cue := range []string{cueQuery, cueSwitch} {
				t.Run(name+" at "+cue, func(t *testing.T) {
					t.Parallel()
					m := openImpostor(t, w)
					p := startPooler(t, w, setup{size: 1, host: m.address(), trust: true, global: `client_gone_grace = "50ms"` + "\n" + `query_wait_timeout = "1m"`})
					m.deceive(t, p, name, trick{cue: cue, says: lies[name], hangs: true})
				})
			}
		}
	})
}

// deceive plays a trick on a client of acme, and then checks that clients of both tenants get their
// own rows and nothing else.
func (m *impostor) deceive(t *testing.T, p *pooler, name string, x trick) {
	t.Helper()
	a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
	defer a.vanish(true)
	defer b.vanish(true)
	b.only(t, "the trick before "+name, trick{}, "globex") // so that acme's session begins with a switch
	played := m.play(x)
	a.send(query("SELECT name FROM whoami"))
	a.conn.SetReadDeadline(time.Now().Add(patience))
	select {
	case <-played:
	case <-time.After(patience):
		t.Fatalf("%s at %q was not played", name, x.cue)
	}
	if x.hangs {
		a.vanish(true)
	}
	b.only(t, name, x, "globex")
	again := login(t, p.endpoint, "acme")
	defer again.vanish(true)
	again.only(t, name, x, "acme")
	a.vanish(true)
}

// only runs a query and expects the tenant's row, and not a byte more than its answer. An error of
// the pooler's own, for the server was lost under way, may come first.
func (c *rawClient) only(t *testing.T, name string, x trick, tenant string) {
	t.Helper()
	c.send(query("SELECT name FROM whoami"))
	answer := c.until('Z')
	if err := firstError(answer); err != nil && err.routine == "tenantpool" && kinds(answer) == "EZ" {
		c.send(query("SELECT name FROM whoami"))
		answer = c.until('Z')
	}
	if rows, err := result(answer); err != nil || kinds(answer) != "TDCZ" || rows[0][0] != tenant {
		t.Errorf("behind %s at %q (tail %v, hangs %v), %s got %q %v %v", name, x.cue, x.tail, x.hangs, tenant, kinds(answer), rows, err)
	}
}

// What a server says unasked on an idle connection costs it the connection, or is forgotten.
func TestWhatAServerSaysUnaskedReachesNobody(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		m := openImpostor(t, w)
		p := startPooler(t, w, setup{size: 1, host: m.address(), trust: true})
		for name, says := range lies {
			a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
			a.only(t, "the one before "+name, trick{}, "acme")
			m.say(says)
			b.only(t, name, trick{}, "globex")
			a.only(t, name, trick{}, "acme")
			a.vanish(true)
			b.vanish(true)
		}
		t.Logf("%d lies", len(lies))
	})
}

// loginLies are what a hostile server may say to a startup packet.
var loginLies = map[string][]byte{
	"SASL without a mechanism":      said('R', "\x00\x00\x00\x0a\x00"),
	"SASL without its end":          said('R', "\x00\x00\x00\x0aSCRAM-SHA-256"),
	"SASL with an unknown one":      said('R', "\x00\x00\x00\x0aROT13\x00\x00"),
	"a SASL final at once":          said('R', "\x00\x00\x00\x0cv=AAAA"),
	"a SASL challenge at once":      said('R', "\x00\x00\x00\x0br=x,s=AAAA,i=4096"),
	"GSS":                           said('R', "\x00\x00\x00\x07"),
	"SSPI":                          said('R', "\x00\x00\x00\x09"),
	"Kerberos 4":                    said('R', "\x00\x00\x00\x01"),
	"an unknown method":             said('R', "\x00\x00\x00\x63"),
	"a method without a number":     said('R', "\x00"),
	"md5 with half a salt":          said('R', "\x00\x00\x00\x05\x00\x00"),
	"a key of nothing":              join(said('R', "\x00\x00\x00\x00"), said('K', ""), saidReady),
	"a key of a megabyte":           join(said('R', "\x00\x00\x00\x00"), said('K', "\x00\x00\x00\x01"+strings.Repeat("k", 1<<20)), saidReady),
	"ready without authentication":  saidReady,
	"an error in plain text":        []byte("Eout of memory\n\x00"),
	"an encryption answer":          []byte("S"),
	"parameters without end":        join(said('R', "\x00\x00\x00\x00"), manyParameters()),
	"a ready login, and rows":       join(said('R', "\x00\x00\x00\x00"), said('K', "\x00\x00\x00\x01\x00\x00\x00\x02"), saidReady, fullAnswer),
	"a login that checks as it may": join(said('R', "\x00\x00\x00\x00"), said('K', "\x00\x00\x00\x01\x00\x00\x00\x02"), saidReady, said('C', "SELECT 1\x00"), saidReady),
}

// A server that misbehaves while the pooler logs in costs that connection. Another is opened, and
// serves; the client that waited for it hears nothing of it.
func TestAHostileServerAtLoginIsNotUsed(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		t.Logf("%d lies", len(lies)+len(loginLies))
		for _, all := range []map[string][]byte{lies, loginLies} {
			for name, says := range all {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					m := openImpostor(t, w)
					p := startPooler(t, w, setup{size: 1, host: m.address(), trust: true, global: `server_connect_timeout = "1s"`})
					played := m.play(trick{says: says})
					c := login(t, p.endpoint, "acme")
					c.send(query("SELECT name FROM whoami"))
					<-played
					answer := c.until('Z')
					if rows, err := result(answer); err == nil && (kinds(answer) != "TDCZ" || rows[0][0] != "acme") {
						t.Errorf("it got %q %v", kinds(answer), rows)
					}
					eventually(t, "the tenant is served", func() bool { _, err := c.try("SELECT 1"); return err == nil })
					c.only(t, name, trick{}, "acme")
					p.stop(t)
				})
			}
		}
	})
}

// A SCRAM server that asks for an endless computation, or gives its nonce, salt and proof wrong.
func TestAHostileScramServerIsNotUsed(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		for name, challenge := range map[string]string{
			"two billion iterations":  "r=%s,s=c2FsdHNhbHRzYWx0,i=2147483647",
			"no iterations":           "r=%s,s=c2FsdHNhbHRzYWx0,i=0",
			"negative iterations":     "r=%s,s=c2FsdHNhbHRzYWx0,i=-1",
			"another nonce":           "r=else,s=c2FsdHNhbHRzYWx0,i=4096",
			"a nonce of a megabyte":   "r=%s" + strings.Repeat("n", 1<<20) + ",s=c2FsdHNhbHRzYWx0,i=4096",
			"no salt":                 "r=%s,i=4096",
			"a salt that is no salt":  "r=%s,s=!!!,i=4096",
			"the parts in a bad turn": "i=4096,s=c2FsdHNhbHRzYWx0,r=%s",
			"nothing":                 "",
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := scramServer(t, challenge)
				p := startPooler(t, w, setup{size: 1, host: s.address(), trust: true,
					global: `query_wait_timeout = "500ms"` + "\n" + `server_connect_timeout = "500ms"`, cluster: `password = "x"`})
				c := dialRaw(t, p.endpoint)
				c.send(acmeStartup)
				if e := firstError(c.rest()); e == nil || e.severity != "FATAL" {
					t.Errorf("got %v", e)
				}
				p.stop(t)
			})
		}
	})
}

// listenerOf is a server that is nothing but a socket.
type listenerOf struct{ net.Listener }

func (l listenerOf) address() string { return l.Addr().String() }

// scramServer asks everybody for SCRAM and sends this challenge; %s is the client's nonce.
func scramServer(t *testing.T, challenge string) listenerOf {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buf := make([]byte, 8<<10)
				if _, err := conn.Read(buf); err != nil {
					return
				}
				conn.Write(said('R', "\x00\x00\x00\x0aSCRAM-SHA-256\x00\x00"))
				n, err := conn.Read(buf)
				if err != nil {
					return
				}
				_, nonce, _ := bytes.Cut(buf[:n], []byte("r="))
				conn.Write(said('R', "\x00\x00\x00\x0b"+strings.ReplaceAll(challenge, "%s", string(nonce))))
				io.Copy(io.Discard, conn)
			}()
		}
	}()
	return listenerOf{l}
}
