package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

func header(t byte, n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{t}, n) }

func TestHeadersOfClientsAreCappedBeforeAnythingIsRead(t *testing.T) {
	for _, c := range []struct {
		b    []byte
		size int // 0: refused
	}{
		{header('Q', 4), 5},
		{header('Q', 5), 6},
		{header('Q', MaxMessage-1), MaxMessage},
		{header('Q', MaxMessage), 0},
		{header('Q', 1<<31), 0},
		{header('Q', 1<<32-1), 0},
		{header('Q', 3), 0},
		{header('Q', 0), 0},
		{header('E', 10000), 10001},
		{header('E', 10001), 0},
		{header('D', 10001), 0},
		{header('S', 4), 5},
		{header('S', 5), 0},
		{header('H', 5), 0},
		{header('c', 5), 0},
		{header('p', 10), 0},
		{header('Z', 5), 0},
		{header(0, 5), 0},
		{header(0xff, 5), 0},
	} {
		m, size, err := ClientHeader(c.b)
		if c.size == 0 {
			if err == nil || err.Code != "08P01" || err.Severity != "FATAL" {
				t.Errorf("% x: %v %d %v", c.b, m, size, err)
			}
		} else if err != nil || size != c.size || byte(m) != c.b[0] {
			t.Errorf("% x: %v %d %v", c.b, m, size, err)
		}
	}
}

func TestHeadersOfServersOutsideTheProtocolAreRefused(t *testing.T) {
	for _, b := range [][]byte{header('R', 8), header('K', 12), header('v', 12), header('Q', 5), header('D', 3), header('D', 1<<31), header('Z', MaxMessage)} {
		if m, size, err := ServerHeader(b); err == nil {
			t.Errorf("% x gives %v %d", b, m, size)
		}
	}
	if _, size, err := ServerHeader(header('D', 1<<20)); err != nil || size != 1<<20+1 {
		t.Error(size, err)
	}
}

// The builders are checked by an independent decoder.
func TestBuiltMessagesAreReadBackByAnotherCodec(t *testing.T) {
	back := pgproto3.NewBackend(bytes.NewReader(join(
		AppendQuery(nil, "select 1"),
		AppendParse(nil, "s", "select $1\x00\x00\x01\x00\x00\x00\x17"),
		AppendTarget(nil, ClientDescribe, 'S', "s"),
		AppendTarget(nil, ClientClose, 'P', ""),
		AppendSync(nil),
	)), nil)
	expect(t, back.Receive, &pgproto3.Query{String: "select 1"})
	expect(t, back.Receive, &pgproto3.Parse{Name: "s", Query: "select $1", ParameterOIDs: []uint32{23}})
	expect(t, back.Receive, &pgproto3.Describe{ObjectType: 'S', Name: "s"})
	expect(t, back.Receive, &pgproto3.Close{ObjectType: 'P'})
	expect(t, back.Receive, &pgproto3.Sync{})

	front := pgproto3.NewFrontend(bytes.NewReader(join(
		AppendEmpty(nil, ServerParseComplete),
		AppendCommandComplete(nil, "DISCARD ALL"),
		AppendParameterStatus(nil, "TimeZone", "UTC"),
		AppendBackendKeyData(nil, 7, []byte("abcd")),
		AppendReady(nil, TxOpen),
	)), nil)
	expect(t, front.Receive, &pgproto3.ParseComplete{})
	expect(t, front.Receive, &pgproto3.CommandComplete{CommandTag: []byte("DISCARD ALL")})
	expect(t, front.Receive, &pgproto3.ParameterStatus{Name: "TimeZone", Value: "UTC"})
	expect(t, front.Receive, &pgproto3.BackendKeyData{ProcessID: 7, SecretKey: []byte("abcd")})
	expect(t, front.Receive, &pgproto3.ReadyForQuery{TxStatus: 'T'})
}

type encoder interface {
	Encode([]byte) ([]byte, error)
}

func expect[M encoder](t *testing.T, receive func() (M, error), want encoder) {
	t.Helper()
	got, err := receive()
	if err != nil {
		t.Fatal(err)
	}
	a, _ := got.Encode(nil)
	b, _ := want.Encode(nil)
	if !bytes.Equal(a, b) {
		t.Fatalf("got %q, want %q", a, b)
	}
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestEveryStrictPrefixOfASplitBodyIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		body []byte
		ok   func([]byte) bool
	}{
		"Bind front": {[]byte("portal\x00stmt\x00"), func(b []byte) bool { _, _, _, ok := SplitBind(b); return ok }},
		"Describe":   {[]byte("Sname\x00"), func(b []byte) bool { _, _, ok := SplitTarget(b); return ok }},
		"Query":      {[]byte("select 1\x00"), func(b []byte) bool { _, ok := QueryText(b); return ok }},
		"Parse rest": {[]byte("select\x00\x00\x01\x00\x00\x00\x17"), ValidParse},
		"parameter":  {[]byte("a\x00b\x00"), func(b []byte) bool { _, _, ok := SplitParameterStatus(b); return ok }},
		"tag":        {[]byte("SET\x00"), func(b []byte) bool { _, ok := CommandTag(b); return ok }},
	} {
		if !c.ok(c.body) {
			t.Errorf("%s: the whole is refused", name)
		}
		for n := range c.body {
			if c.ok(c.body[:n]) {
				t.Errorf("%s: its first %d bytes are accepted", name, n)
			}
		}
		if name != "Bind front" && c.ok(append(bytes.Clone(c.body), 'x')) {
			t.Errorf("%s: a trailing byte is accepted", name)
		}
	}
}

func FuzzSplittersNeverReadBeyondTheBody(f *testing.F) {
	f.Add([]byte("Sname\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		SplitParse(b)
		SplitBind(b)
		SplitTarget(b)
		ValidParse(b)
		ParseText(b)
		SplitParameterStatus(b)
		CommandTag(b)
		if sql, ok := QueryText(b); ok && len(sql) >= len(b) {
			t.Fatal("a text longer than its message")
		}
		if len(b) >= HeaderSize {
			if _, n, err := ClientHeader(b); err == nil && n < HeaderSize {
				t.Fatal("a message shorter than its header")
			}
			if _, n, err := ServerHeader(b); err == nil && n < HeaderSize {
				t.Fatal("a message shorter than its header")
			}
		}
	})
}

func FuzzReadMessageHoldsNoMoreThanItMay(f *testing.F) {
	f.Add([]byte("p\x00\x00\x00\x08abc\x00"))
	f.Add([]byte("p\xff\xff\xff\xffabc"))
	f.Add([]byte("p\x00\x00\x00\x03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 64
		_, body, err := ReadMessage(bufio.NewReader(bytes.NewReader(b)), most)
		if err == nil && (len(body) > most || !bytes.Equal(body, b[HeaderSize:HeaderSize+len(body)])) {
			t.Fatalf("% x gives % x", b, body)
		}
	})
}
