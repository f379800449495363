package pool

import (
	"strings"
	"testing"
)

type statementTest struct {
	table *StatementTable
	x     *Statements
	state *State
	other *State
}

func newStatementTest(t *testing.T, maxCount, maxBytes int) *statementTest {
	in := NewStates()
	return &statementTest{NewStatementTable(), newStatements(maxCount, maxBytes), stateOf(t, in, "a"), stateOf(t, in, "b")}
}

func (f *statementTest) text(sql string) *Statement {
	return f.table.Intern([]byte(sql + "\x00\x00\x00"))
}

// parse adds a statement whose ParseComplete has been seen.
func (f *statementTest) parse(sql string, batch uint64) *ServerStatement {
	it := f.x.Add(f.state, f.text(sql), batch)
	f.x.Parsed(it)
	return it
}

func TestAStatementIsPresentForLaterBatchesOnceParsed(t *testing.T) {
	f := newStatementTest(t, 10, 1<<20)
	s := f.text("select 1")
	if f.x.Find(f.state, s, 1) != nil {
		t.Fatal("found what was never parsed")
	}
	it := f.x.Add(f.state, s, 1)
	if f.x.Find(f.state, s, 1) != it {
		t.Error("not found in its own batch")
	}
	if f.x.Find(f.state, s, 2) != nil {
		t.Error("found by a later batch before its ParseComplete")
	}
	f.x.Parsed(it)
	if f.x.Find(f.state, s, 3) != it {
		t.Error("not found after its ParseComplete")
	}
	if f.x.Find(f.other, s, 3) != nil {
		t.Error("found under another state")
	}
	f.x.Failed(it)
	if f.x.Find(f.state, s, 4) != nil || f.x.Len() != 0 {
		t.Error("found after it failed")
	}
}

func TestServerSideNamesAreUnguessableAndNeverReused(t *testing.T) {
	f, g := newStatementTest(t, 10, 1<<20), newStatementTest(t, 10, 1<<20)
	a := f.parse("select 1", 1)
	f.x.Reset()
	b := f.parse("select 1", 2)
	if a.Name == b.Name {
		t.Error("a name was used twice")
	}
	if g.parse("select 1", 1).Name == a.Name {
		t.Error("two connections give the same name")
	}
	if !strings.HasPrefix(a.Name, "tp_") || len(a.Name) != len("tp_0123456789abcdef_1") || f.x.UnknownName() == a.Name {
		t.Errorf("the names are %s and %s", a.Name, f.x.UnknownName())
	}
}

func TestTheLeastRecentlyUsedAreEvicted(t *testing.T) {
	f := newStatementTest(t, 2, 1<<20)
	a, b := f.parse("a", 1), f.parse("b", 2)
	f.x.Find(f.state, f.text("a"), 3)
	f.parse("c", 4)
	if out := f.x.Evict(nil); len(out) != 1 || out[0] != b {
		t.Fatalf("evicted %v, want b", out)
	}
	if f.x.Find(f.state, f.text("b"), 5) != nil {
		t.Error("found while it is being closed")
	}
	f.x.NotClosed(b)
	if f.x.Find(f.state, f.text("b"), 6) != b {
		t.Error("not found though its Close was struck out")
	}
	if out := f.x.Evict(nil); len(out) != 1 || out[0] != a {
		t.Fatalf("evicted %v, want a", out)
	}
	f.x.Closed(a)
	if f.x.Find(f.state, f.text("a"), 7) != nil || f.x.Len() != 2 {
		t.Error("a closed statement is still there")
	}
}

func TestStatementsPendingOrInUseAreSpared(t *testing.T) {
	f := newStatementTest(t, 0, 0)
	f.parse("a", 1)
	f.x.Add(f.state, f.text("b"), 1)
	if out := f.x.Evict(nil); len(out) != 0 {
		t.Errorf("evicted %d of the present batch", len(out))
	}
	f.x.Find(f.state, f.text("none"), 2)
	if out := f.x.Evict(nil); len(out) != 1 || out[0].key.text != f.text("a") {
		t.Errorf("evicted %d, want the one parsed", len(out))
	}
}

func TestTheBytesOfTextsAreBounded(t *testing.T) {
	f := newStatementTest(t, 1000, 10<<10)
	for i := range 20 {
		f.parse(strings.Repeat("x", 1000+i), uint64(i))
		for _, it := range f.x.Evict(nil) {
			f.x.Closed(it)
		}
		if f.x.bytes > 10<<10 {
			t.Fatalf("%d bytes after %d statements", f.x.bytes, i)
		}
	}
}

func TestAnInvalidatedStatementIsParsedAgainEverywhere(t *testing.T) {
	f := newStatementTest(t, 2, 1<<20)
	stale := f.parse("a", 1)
	f.parse("b", 2)
	f.text("a").Invalidate()
	if f.x.Find(f.state, f.text("a"), 3) != nil {
		t.Fatal("a stale statement was found")
	}
	fresh := f.parse("a", 3)
	if f.x.Find(f.state, f.text("a"), 4) != fresh {
		t.Error("the fresh one was not found")
	}
	if out := f.x.Evict(nil); len(out) != 1 || out[0] != stale {
		t.Error("the stale one was not the first to be evicted")
	}
	f.x.NotClosed(stale)
	if f.x.Find(f.state, f.text("a"), 5) != fresh {
		t.Error("the stale one came back in the fresh one's place")
	}
}

func TestAResetKeepsWhatIsStillToBeParsed(t *testing.T) {
	f := newStatementTest(t, 10, 1<<20)
	old := f.parse("a", 1)
	later := f.x.Add(f.state, f.text("b"), 2)
	f.x.Reset()
	f.x.Parsed(later)
	if f.x.Find(f.state, f.text("a"), 3) != nil || f.x.Find(f.state, f.text("b"), 3) != later {
		t.Error("a reset forgot the wrong statement")
	}
	f.x.Closed(old)
	if f.x.Len() != 1 {
		t.Errorf("%d statements are counted", f.x.Len())
	}
}

func TestFindingAStatementDoesNotAllocate(t *testing.T) {
	f := newStatementTest(t, 10, 1<<20)
	f.parse("a", 1)
	f.parse("b", 1)
	s, batch := f.text("a"), uint64(2)
	n := testing.AllocsPerRun(100, func() {
		if f.x.Find(f.state, s, batch) == nil {
			t.Fatal("not found")
		}
		batch++
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A model of the server's own set, driven at random, must never disagree with
// what Find promises.
func FuzzStatementsAgreeWithTheServer(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 1, 1, 5, 5, 3, 3})
	f.Fuzz(func(t *testing.T, ops []byte) {
		test := newStatementTest(t, 2, 1<<20)
		server := map[string]bool{}
		var parsing, dying []*ServerStatement
		batch := uint64(1)
		for _, op := range ops {
			s := test.text(string('a' + rune(op>>4&3)))
			switch op & 7 {
			case 0, 1:
				it := test.x.Find(test.state, s, batch)
				if it == nil {
					parsing = append(parsing, test.x.Add(test.state, s, batch))
				} else if it.phase != pending && !server[it.Name] {
					t.Fatalf("found %s, which the server does not have", it.Name)
				}
			case 2:
				for _, it := range parsing {
					server[it.Name] = true
					test.x.Parsed(it)
				}
				parsing = nil
			case 3:
				for _, it := range parsing {
					test.x.Failed(it)
				}
				parsing = nil
			case 4:
				dying = test.x.Evict(dying)
			case 5:
				for _, it := range dying {
					delete(server, it.Name)
					test.x.Closed(it)
				}
				dying = nil
			case 6:
				for _, it := range dying {
					test.x.NotClosed(it)
				}
				dying = nil
				s.Invalidate()
			case 7:
				batch++
				if len(dying) == 0 {
					clear(server)
					test.x.Reset()
				}
			}
			if have := len(server) + len(parsing) - len(dying); test.x.Len() != have {
				t.Fatalf("%d statements are counted, %d are there", test.x.Len(), have)
			}
		}
	})
}
