package proxy

import (
	"bytes"
	"testing"
)

func TestAnUnbrokenRunOfInputIsSentOnWithoutACopy(t *testing.T) {
	var a assembly
	src := []byte("one two three")
	a.start(src)
	a.take(0, 4)
	a.take(4, 8)
	got := a.done()
	if string(got) != "one two " || &got[0] != &src[0] {
		t.Fatalf("got %q, copied: %v", got, &got[0] != &src[0])
	}
}

func TestRunsAndInsertionsKeepTheirOrder(t *testing.T) {
	var a assembly
	src := []byte("one two three four")
	a.start(src)
	a.take(0, 4)
	a.added(append(a.add(), "[in]"...))
	a.take(8, 14) // "two " is left out
	a.added(append(a.add(), "[more]"...))
	a.take(14, 18)
	if got := a.done(); string(got) != "one [in]three [more]four" {
		t.Fatalf("got %q", got)
	}
	a.start(src)
	if got := a.done(); len(got) != 0 {
		t.Fatalf("a pass that took nothing gives %q", got)
	}
}

func TestAPassAllocatesNothingOnceItsScratchHasGrown(t *testing.T) {
	var a assembly
	src := bytes.Repeat([]byte("x"), 1000)
	pass := func() {
		a.start(src)
		a.take(0, 400)
		a.added(append(a.add(), "inserted"...))
		a.take(500, 1000)
		if len(a.done()) != 908 {
			t.Fatal("wrong length")
		}
	}
	pass()
	if n := testing.AllocsPerRun(100, pass); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestChunksAreUsedAgainAndHaveTheRoomAskedFor(t *testing.T) {
	var c chunks
	for _, n := range []int{1, 512, 513, 5000, 20000, readSize, readSize + 1<<20} {
		b := c.get(n)
		if len(b) != 0 || cap(b) < n {
			t.Fatalf("get(%d) has room for %d", n, cap(b))
		}
		c.put(append(b, 'x'))
	}
	first := append(c.get(10), "abc"...)
	grown := c.grow(first, 600)
	if string(grown) != "abc" || cap(grown)-len(grown) < 600 {
		t.Fatalf("grown to %q with room for %d", grown, cap(grown)-len(grown))
	}
	if again := c.get(10); &again[:1][0] != &first[0] {
		t.Error("the outgrown chunk is not used again")
	}
}
