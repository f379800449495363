package wire

import (
	"fmt"
	"strings"
	"testing"
)

// play runs a conversation written as words: a client's message is written
// ">P", one of ours hidden from the client ">!P", an answer of ours ">=x", a
// server's message "<1", a ReadyForQuery "<ZI". Refs are the words themselves.
// It returns what was struck out and what of ours came due, in order.
func play(t *testing.T, x *Exchange, words string) (struck, own []string) {
	t.Helper()
	for _, w := range strings.Fields(words) {
		if w[0] == '>' {
			send(t, x, w)
		} else {
			r, err := x.Receive(ServerMsg(w[1]), w[len(w)-1])
			if err != nil {
				t.Fatalf("%s in %q: %v", w, words, err)
			}
			for _, ref := range r.Struck {
				struck = append(struck, ref.(string))
			}
		}
		for ref, ok := x.OwnDue(); ok; ref, ok = x.OwnDue() {
			own = append(own, ref.(string))
		}
	}
	return struck, own
}

var kinds = map[byte]Kind{'P': OweParse, 'B': OweBind, 'E': OweExecute, 'C': OweClose, 'S': OweSync,
	'Q': OweQuery, 'F': OweCall, 'H': OweNothing, 'p': OweDescribePortal, 's': OweDescribeStatement}

func send(t *testing.T, x *Exchange, w string) {
	t.Helper()
	hidden := strings.Contains(w, "!")
	switch c := w[len(w)-1]; {
	case strings.Contains(w, "="):
		x.Own(w)
	case c == 'd' || c == 'c' || c == 'f':
		x.ForwardCopy(ClientMsg(c))
	case kinds[c] == 0:
		t.Fatalf("no such message: %s", w)
	default:
		x.Forward(kinds[c], hidden, w)
	}
}

func TestAServerIsQuietExactlyWhenNothingIsOwedAndNoBatchIsOpen(t *testing.T) {
	for _, c := range []struct {
		name, talk string
		quiet      bool
	}{
		{"a simple query answered", ">Q <T <D <C <ZI", true},
		{"a simple query not yet ready", ">Q <T <D <C", false},
		{"a simple query that opened a transaction", ">Q <C <ZT", false},
		{"a failed transaction", ">Q <E <ZE", false},
		{"several statements in one query", ">Q <T <D <C <I <C <ZI", true},
		{"an error in a query strikes nothing", ">Q >Q <E <ZI <C <ZI", true},
		{"a whole batch", ">P >B >p >E >S <1 <2 <T <D <C <ZI", true},
		{"a described statement without rows", ">P >s >S <1 <t <n <ZI", true},
		{"a suspended portal", ">P >B >E >S <1 <2 <D <s <ZI", true},
		{"an empty query by Execute", ">P >B >E >S <1 <2 <I <ZI", true},
		{"a batch with Flush but no Sync owes nothing and is open", ">P >B >E >H <1 <2 <C", false},
		{"Flush alone opens a batch", ">Q <C <ZI >H", false},
		{"a query ends a batch", ">P >B >E >Q <1 <2 <C <C <ZI", true},
		{"an error skips to the Sync already sent", ">P >B >E >S <E <ZI", true},
		{"an error skips to a Sync still to come", ">P >B >E <E", false},
		{"and that Sync ends it", ">P >B >E <E >S <ZI", true},
		{"a query and a call in a failed batch get no answer", ">P >B >E >Q >F <1 <E >S <ZI", true},
		{"an error and two Syncs", ">P >B >E >S >S <E <ZI <ZI", true},
		{"two batches, the first fails", ">P >B >E >S >P >B >E >S <E <ZI <1 <2 <C <ZI", true},
		{"an error at the Sync itself", ">P >B >E >S <1 <2 <C <E <ZI", true},
		{"a function call", ">F <V <ZI", true},
		{"a function call that fails", ">F <E <ZI", true},
		{"asynchronous messages change nothing", ">Q <N <S <A <C <ZI <S <A", true},
		{"COPY out", ">Q <H <d <d <c <C <ZI", true},
		{"COPY out still running", ">Q <H <d", false},
		{"COPY in by a query", ">Q <G >d >c <C <ZI", true},
		{"COPY in still open", ">Q <G >d", false},
		{"Flush into COPY data is eaten", ">Q <G >d >H >c <C <ZI", true},
		{"COPY in that fails", ">Q <G >d <E <ZI >d >c", true},
		{"COPY in ended by the client", ">Q <G >f <E <ZI", true},
		{"a Sync before the COPY began is eaten", ">P >B >E >S <1 <2 <G >d >c <C >S <ZI", true},
		{"and gives no answer when the data is bad", ">P >B >E >S <1 <2 <G >d <E >S <ZI", true},
		{"a COPY that fails before it begins leaves the Sync", ">P >B >E >S <1 <2 <E <ZI", true},
		{"all of a COPY sent ahead", ">P >B >E >S >d >c >S <1 <2 <G <C <ZI", true},
		{"all of a COPY sent ahead, failing before it begins", ">P >B >E >S >d >c >S <1 <2 <E <ZI <ZI", true},
		{"a Sync before any COPY data is eaten for certain", ">P >B >E <1 <2 <G >S >d <E >S <ZI", true},
		{"a Sync into COPY data is eaten by a COPY that works", ">P >B >E <1 <2 <G >d >S >d >c <C >S <ZI", true},
		{"a Sync into COPY data that fails leaves doubt for ever", ">P >B >E <1 <2 <G >d >S >d <E >S <ZI <ZI", false},
		{"two COPYs in one query", ">Q <G >d >c <C <G >c <C <ZI", true},
	} {
		var x Exchange
		play(t, &x, c.talk)
		if x.Quiet() != c.quiet {
			t.Errorf("%s: quiet is %v after %q", c.name, x.Quiet(), c.talk)
		}
	}
}

func TestAnswersOfOursTakeTheirPlaceAndDieWithTheirBatch(t *testing.T) {
	for _, c := range []struct{ name, talk, struck, own string }{
		{"alone it is due at once", ">=p", "[]", "[>=p]"},
		{"behind a Bind it waits", ">B >=p >E <2", "[]", "[>=p]"},
		{"behind an unanswered Bind it is not due", ">B >=p >E", "[]", "[]"},
		{"an error in its batch strikes it", ">B >=p >E >S <E <ZI", "[>B >=p >E]", "[]"},
		{"an error in the batch before does not", ">B >S >=p >S <E <ZI <ZI", "[>B]", "[>=p]"},
		{"while skipping it is never queued", ">B <E >=p >S <ZI", "[>B]", "[]"},
	} {
		var x Exchange
		struck, own := play(t, &x, c.talk)
		if fmt.Sprint(struck) != c.struck || fmt.Sprint(own) != c.own {
			t.Errorf("%s: struck %v, own %v", c.name, struck, own)
		}
	}
}

func TestACopyNeedsItsClientAlthoughABoundaryWasSent(t *testing.T) {
	for _, c := range []struct {
		talk   string
		awaits bool
	}{
		{">Q", true},
		{">P >B >E", false},
		{">P >B >E >S", true},
		{">Q <G", false},
		{">Q <G >d", false},
		{">Q <G >d >c", true},
		{">P >B >E >S <1 <2 <G", false},
		{">P >B >E >S <1 <2 <G >d >c", false},
		{">P >B >E >S <1 <2 <G >d >c <C", false},
		{">P >B >E >S <1 <2 <G >d >c <C >S", true},
		{">P >B >E >S <1 <2 <G >d >c <C >S <ZI", false},
	} {
		var x Exchange
		play(t, &x, c.talk)
		if x.AwaitsReady() != c.awaits {
			t.Errorf("%q: awaits its ReadyForQuery: %v", c.talk, x.AwaitsReady())
		}
	}
}

func TestHiddenMessagesAreToldApart(t *testing.T) {
	var x Exchange
	play(t, &x, ">!P >B >S")
	for _, want := range []struct {
		m      ServerMsg
		hidden bool
	}{{ServerParseComplete, true}, {ServerBindComplete, false}, {ServerReadyForQuery, false}} {
		r, err := x.Receive(want.m, 'I')
		if err != nil || r.Hidden != want.hidden || !r.Complete {
			t.Fatalf("%q: %+v, %v", byte(want.m), r, err)
		}
	}
}

func TestAnAnswerThatIsNotOwedIsAnError(t *testing.T) {
	for _, talk := range []string{
		"<1", "<C", "<ZI", ">P <2", ">B <1", ">p <t", ">s <T", ">Q <1", ">E <ZI", ">S <C", ">Q <W", ">Q <d",
		">Q <C <ZI <ZI", ">F <C", ">P >S <ZI",
	} {
		var x Exchange
		words := strings.Fields(talk)
		play(t, &x, strings.Join(words[:len(words)-1], " "))
		last := words[len(words)-1]
		if _, err := x.Receive(ServerMsg(last[1]), 'I'); err == nil {
			t.Errorf("%q is accepted", talk)
		}
	}
}

func TestCopyMessagesThatTheServerWouldDropNeedNotBeSent(t *testing.T) {
	var x Exchange
	if x.ForwardCopy(ClientCopyData) {
		t.Error("with nothing owed")
	}
	play(t, &x, ">P <E")
	if x.ForwardCopy(ClientCopyDone) {
		t.Error("while skipping")
	}
	play(t, &x, ">S <ZI >Q")
	if !x.ForwardCopy(ClientCopyData) {
		t.Error("with a query running they may be wanted")
	}
}

func TestALongPipelineDoesNotKeepItsMemory(t *testing.T) {
	var x Exchange
	for range 5000 {
		x.Forward(OweBind, false, nil)
	}
	x.Forward(OweSync, false, nil)
	for range 5000 {
		if _, err := x.Receive(ServerBindComplete, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.Receive(ServerReadyForQuery, 'I'); err != nil || !x.Quiet() {
		t.Fatal("not quiet", err)
	}
	if cap(x.queue) > 1<<10 {
		t.Errorf("keeps room for %d", cap(x.queue))
	}
}

func TestAnExchangeAllocatesNothing(t *testing.T) {
	var x Exchange
	once := func() {
		x.Forward(OweParse, false, nil)
		x.Forward(OweBind, false, nil)
		x.Forward(OweExecute, false, nil)
		x.Forward(OweSync, false, nil)
		for _, m := range []ServerMsg{ServerParseComplete, ServerBindComplete, ServerCommandComplete, ServerReadyForQuery} {
			if _, err := x.Receive(m, 'I'); err != nil {
				t.Fatal(err)
			}
		}
	}
	once()
	if n := testing.AllocsPerRun(100, once); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzAnExchangeIsNeverQuietWhileSomethingIsOwed feeds any order of messages: it
// must not panic, and quiet must mean what it says.
func FuzzAnExchangeIsNeverQuietWhileSomethingIsOwed(f *testing.F) {
	f.Add([]byte(">P>B>E>S<1<2<C<Z"))
	f.Add([]byte(">Q<G>d>S>c<C<Z"))
	f.Fuzz(func(t *testing.T, talk []byte) {
		var x Exchange
		for i := 0; i+1 < len(talk); i += 2 {
			c := talk[i+1]
			if talk[i] == '<' {
				if _, err := x.Receive(ServerMsg(c), "ITE"[i%3]); err != nil {
					return
				}
			} else if k := kinds[c]; k != 0 {
				x.Forward(k, talk[i] == '!', nil)
			} else if c == 'd' || c == 'c' || c == 'f' {
				x.ForwardCopy(ClientMsg(c))
			} else {
				x.Own(c)
			}
			if x.Quiet() && (x.Owing() > 0 || x.BatchOpen() || x.CopyingIn() || x.Skipping() || x.Status() != 'I') {
				t.Fatalf("quiet too early in %q", talk[:i+2])
			}
			x.OwnDue()
		}
	})
}
