package integration

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"
)

func TestEncryptionRequestsAreAnsweredNo(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{trust: true})
		for _, codes := range [][]uint32{{codeSSL}, {codeGSSENC}, {codeSSL, codeGSSENC}, {codeGSSENC, codeSSL}} {
			c := dialRaw(t, p.endpoint)
			for _, code := range codes {
				c.send(packet(code, nil))
				if got := c.oneByte(t); got != "N" {
					t.Fatalf("request %d was answered with %q", code, got)
				}
			}
			database, options := p.names("acme")
			c.send(startup(version30, "user", "app", "database", database, "options", options))
			if refusal := c.authenticate("app", ""); refusal != nil {
				t.Fatal(refusal)
			}
			c.expect("SELECT name FROM whoami", "acme")
		}
	})
}

// oneByte reads an answer that is no message; "" if the connection ends instead.
func (c *rawClient) oneByte(t *testing.T) string {
	t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(patience))
	b, err := c.in.ReadByte()
	if err == io.EOF {
		return ""
	}
	must(t, err)
	return string(b)
}

func TestBytesStuffedBehindAnEncryptionRequestAreRefused(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{trust: true})
		for _, code := range []uint32{codeSSL, codeGSSENC} {
			c := dialRaw(t, p.endpoint)
			c.send(packet(code, nil), startup(version30, "user", "app", "database", "acme"), query("SELECT 1"))
			if e := onlyErrorAfter(t, c, "N"); e.code != "08P01" || e.severity != "FATAL" {
				t.Errorf("got %v", e)
			}
		}
		for _, code := range []uint32{codeSSL, codeGSSENC} { // and no more than one of each
			c := dialRaw(t, p.endpoint)
			c.send(packet(code, nil))
			c.oneByte(t)
			c.send(packet(code, nil))
			if e := onlyError(t, c); e.severity != "FATAL" {
				t.Errorf("a second request: %v", e)
			}
		}
	})
}

// onlyErrorAfter is onlyError for a connection that may answer an encryption request before.
func onlyErrorAfter(t *testing.T, c *rawClient, maybe string) *serverError {
	t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(patience))
	if b, err := c.in.Peek(1); err == nil && string(b) == maybe {
		c.in.Discard(1)
	}
	return onlyError(t, c)
}

func TestProtocolVersionsAreNegotiatedAsByPostgres18(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{trust: true})
		for _, v := range []struct {
			version uint32
			option  string
			key     int  // length of the cancel key
			answer  bool // with NegotiateProtocolVersion
		}{
			{version30, "", 4, false}, {version32, "", 32, false}, {3<<16 | 9999, "", 32, true},
			{version30, "_pq_.wish", 4, true}, {version32, "_pq_.wish", 32, true},
		} {
			if direct() && w.server.Binaries.Version != "18" {
				continue
			}
			expectNegotiation(t, p, v.version, v.option, v.key, v.answer)
		}
	})
}

func expectNegotiation(t *testing.T, p *pooler, version uint32, option string, key int, negotiates bool) {
	t.Helper()
	database, options := p.names("acme")
	params := []string{"user", "app", "database", database, "options", options}
	if option != "" {
		params = append(params, option, "x")
	}
	c := dialRaw(t, p.endpoint)
	c.send(startup(version, params...))
	answers := c.until('Z')
	if got := answers[0].kind == 'v'; got != negotiates {
		t.Fatalf("version %x %s: answered with %q", version, option, kinds(answers))
	}
	if negotiates {
		want := binary.BigEndian.AppendUint32(nil, min(version, version32))
		if option == "" {
			want = append(want, 0, 0, 0, 0)
		} else {
			want = append(append(want, 0, 0, 0, 1), option+"\x00"...)
		}
		if !bytes.Equal(answers[0].body, want) {
			t.Errorf("version %x %s: negotiated %q, want %q", version, option, answers[0].body, want)
		}
	}
	for _, m := range answers {
		if m.kind == 'K' && len(m.body) != 4+key {
			t.Errorf("version %x: a cancel key of %d bytes, want %d", version, len(m.body)-4, key)
		}
	}
}

// What is no startup packet of protocol 3 gets one clear error, and never more than that.
func TestWhatIsNotTheProtocolIsToldSo(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{trust: true})
		for _, garbage := range []struct {
			what, code, says string
			bytes            []byte
		}{
			{"protocol 2", "0A000", "unsupported frontend protocol 2.0", packet(2<<16, make([]byte, 288))},
			{"protocol 4", "0A000", "unsupported frontend protocol 4.0", startup(4<<16, "user", "app")},
			{"HTTP", "08P01", "HTTP", []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")},
			{"TLS", "08P01", "TLS", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("r", 500))},
			{"a length of nothing", "08P01", "length", []byte{0, 0, 0, 0, 0, 3, 0, 0}},
			{"a length of a gigabyte", "08P01", "length", []byte{0x40, 0, 0, 0, 0, 3, 0, 0}},
			{"a negative length", "08P01", "length", []byte{0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0}},
			{"no terminator", "08P01", "terminator", packet(version30, []byte("user\x00app\x00"))},
			{"two terminators", "08P01", "terminator", packet(version30, []byte("user\x00app\x00\x00\x00"))},
			{"a name without a value", "08P01", "terminator", packet(version30, []byte("user\x00app\x00database\x00"))},
			{"no user", "28000", "user", startup(version30, "database", "acme")},
			{"a query before login", "08P01", "", query("SELECT 1")},
		} {
			c := dialRaw(t, p.endpoint)
			c.send(garbage.bytes)
			e := onlyError(t, c)
			if e.severity != "FATAL" || e.code != garbage.code || !strings.Contains(e.message+e.hint, garbage.says) {
				t.Errorf("%s: got %v", garbage.what, e)
			}
		}
		expectAsNew(t, p, "acme")
	})
}

// After a login, what breaks the protocol ends the session, and only that one.
func TestABrokenMessageEndsItsSessionOnly(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		for what, broken := range map[string]string{
			"an unknown type":           "y\x00\x00\x00\x04",
			"a server's type":           "Z\x00\x00\x00\x05I",
			"a length below its own":    "Q\x00\x00\x00\x03",
			"a negative length":         "Q\xff\xff\xff\xff",
			"a password out of turn":    "p\x00\x00\x00\x08abc\x00",
			"an extended one, then":     "S\x00\x00\x00\x04y\x00\x00\x00\x04",
			"a startup packet":          string(startup(version30, "user", "app", "database", "globex")),
			"a length of two gigabytes": "Q\x7f\xff\xff\xff",
		} {
			c := login(t, p.endpoint, "acme")
			c.send([]byte(broken))
			if e := onlyError(t, c); e.severity != "FATAL" || e.code != "08P01" && e.code != "54000" {
				t.Errorf("%s: got %v", what, e)
			}
			expectAsNew(t, p, "globex")
		}
	})
}

// A login tells the client what a login to the server itself would, with one exception: who gives no
// application_name is called tenantpool, so that its sessions are told apart in pg_stat_activity.
func TestALoginReportsWhatTheServerDoes(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{})
		server := endpoint{host: w.server.Host, port: w.server.Port, database: w.database}
		for _, own := range [][]string{
			nil,
			{"application_name", "tests", "client_encoding", "latin1"},
			{"DateStyle", "German", "TimeZone", "asia/tokyo", "extra_float_digits", "2"},
			{"client_encoding", "'utf-8'", "IntervalStyle", "sql_standard", "standard_conforming_strings", "off"},
		} {
			want, got := login(t, server, "acme", own...), login(t, p.endpoint, "acme", own...)
			for name, value := range want.params {
				if got.params[name] != value {
					t.Errorf("%v: %s is %q, the server itself says %q", own, name, got.params[name], value)
				}
			}
			if len(got.params) != len(want.params) {
				t.Errorf("%v: %d parameters reported, by the server itself %d", own, len(got.params), len(want.params))
			}
			for _, name := range []string{"DateStyle", "TimeZone", "client_encoding", "application_name", "extra_float_digits", "search_path"} {
				sql := "SELECT current_setting('" + name + "')"
				got.expect(sql, want.value(sql))
			}
		}
	})
}

func TestAStartupSettingThatTheServerRefusesIsRefusedInItsWords(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{trust: true})
		server := endpoint{host: w.server.Host, port: w.server.Port, database: w.database}
		for _, own := range [][]string{{"TimeZone", "Foo/Bar"}, {"nosuchthing", "1"}, {"statement_timeout", "soon"}} {
			var answers [2]*serverError
			for i, e := range []endpoint{server, p.endpoint} {
				database, _ := e.names("acme")
				c := dialRaw(t, e)
				c.send(startup(version30, append([]string{"user", "app", "database", database}, own...)...))
				answers[i] = c.authenticate("app", "")
			}
			if answers[1] == nil || answers[0].Error() != answers[1].Error() {
				t.Errorf("%v: got %v, the server itself says %v", own, answers[1], answers[0])
			}
		}
	})
}

func TestTheDriversStartupParametersAreAccepted(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{})
		for name, params := range map[string][]string{
			"psql":    {"application_name", "psql", "client_encoding", "UTF8"},
			"JDBC":    {"DateStyle", "ISO", "TimeZone", "Europe/Berlin", "extra_float_digits", "2", "client_encoding", "UTF8"},
			"lib/pq":  {"extra_float_digits", "2", "datestyle", "ISO, MDY", "client_encoding", "UTF8"},
			"ODBC":    {"geqo", "on", "extra_float_digits", "3"},
			"Npgsql":  {"client_encoding", "UTF8", "statement_timeout", "30s", "application_name", "n"},
			"asyncpg": {"client_encoding", "'utf-8'", "jit", "off", "search_path", "acme"},
		} {
			c := login(t, p.endpoint, "acme", params...)
			if got := c.value("SELECT name FROM whoami"); got != "acme" {
				t.Errorf("%s: got %q", name, got)
			}
		}
	})
}
