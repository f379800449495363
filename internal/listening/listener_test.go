package listening

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// accept takes clients until the socket closes, and counts them.
func accept(l net.Listener, n *int, done chan<- struct{}) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			close(done)
			return
		}
		if err == nil {
			*n++
			c.Close()
		}
	}
}

func TestASuccessorGetsWhoComesAndNobodyIsRefused(t *testing.T) {
	open := func(address string) *Listener {
		all, err := Open([]Address{{"tcp", address}}, Options{Shared: true})
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	old := open("127.0.0.1:0")
	address := old.Addr().String()
	next := open(address)
	var byOld, byNext int
	oldDone, nextDone := make(chan struct{}), make(chan struct{})
	go accept(old, &byOld, oldDone)
	go accept(next, &byNext, nextDone)
	left := make(chan struct{})
	go func() {
		old.Leave()
		close(left)
	}()
	came := 0
	for gone := false; !gone || came < 200; came++ {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatalf("client %d: %v", came, err)
		}
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		c.Close()
		select {
		case <-left:
			gone = true
		default:
		}
	}
	next.Leave()
	<-oldDone
	<-nextDone
	if byOld+byNext != came || byNext == 0 {
		t.Errorf("%d came; the old took %d, the new %d", came, byOld, byNext)
	}
}

func TestWhoWaitsToBeAcceptedIsCounted(t *testing.T) {
	all, err := Open([]Address{{"tcp", "127.0.0.1:0"}}, Options{Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	l := all[0]
	defer l.Close()
	wait := func(want int) { // the last step of a handshake is the kernel's, in its own time
		n := -1
		for began := time.Now(); n != want && time.Since(began) < 10*time.Second; n = queued(l.Listener) {
			runtime.Gosched()
		}
		if n != want {
			t.Errorf("%d wait, %d are counted", want, n)
		}
	}
	for i := range 3 {
		wait(i)
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	if c, err := l.Accept(); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	wait(2)
}

func TestASharedUnixSocketChangesHandsInOneStep(t *testing.T) {
	dir, err := os.MkdirTemp("", "l") // short, for the name of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	at, o := []Address{{"unix", path}}, Options{Shared: true, Mode: 0o700}
	old, err := Open(at, o)
	if err != nil {
		t.Fatal(err)
	}
	next, err := Open(at, o)
	if err != nil {
		t.Fatal(err)
	}
	old[0].Close()
	if c, err := net.Dial("unix", path); err != nil {
		t.Errorf("the successor's socket is gone: %v", err)
	} else {
		c.Close()
	}
	next[0].Close()
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
