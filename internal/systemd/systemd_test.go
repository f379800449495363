package systemd

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// manager is a socket on which a service manager would listen.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd") // short, for the name of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", conn.LocalAddr().String())
	return conn
}

func TestTheServiceManagerHearsHowTheServiceStands(t *testing.T) {
	conn := manager(t)
	t.Setenv("WATCHDOG_USEC", "30000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	n := NewNotifier()
	if n.Interval() != 30*time.Second {
		t.Errorf("the interval is %s", n.Interval())
	}
	if os.Getenv("NOTIFY_SOCKET") != "" {
		t.Error("children would speak for the service")
	}
	n.Tell(Ready, "STATUS=up")
	buf := make([]byte, 100)
	k, err := conn.Read(buf)
	if got := string(buf[:k]); err != nil || got != "READY=1\nSTATUS=up" {
		t.Errorf("it heard %q, %v", got, err)
	}
}

func TestAKeptSocketStaysOpenAndStaysNonBlocking(t *testing.T) {
	conn := manager(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	NewNotifier().Keep(ln, "name")
	buf, oob := make([]byte, 100), make([]byte, 100)
	k, o, _, _, err := conn.ReadMsgUnix(buf, oob)
	if got := string(buf[:k]); err != nil || got != "FDSTORE=1\nFDNAME=name" {
		t.Fatalf("it heard %q, %v", got, err)
	}
	messages, err := syscall.ParseSocketControlMessage(oob[:o])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		t.Fatalf("%d descriptors, %v", len(fds), err)
	}
	kept := os.NewFile(uintptr(fds[0]), "kept")
	defer kept.Close()
	address := ln.Addr().String()
	ln.Close() // would hang if it blocked
	client, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("the kept socket is closed: %v", err)
	}
	client.Close()
}

func TestWithoutAServiceManagerNobodyIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	n := NewNotifier()
	n.Tell(Ready)
	n.Keep(nil, "x")
	if n.Interval() != 0 {
		t.Error("there is an interval")
	}
}

func TestSocketsForAnotherProcessAreLeftAlone(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	if all, err := Listeners(); err != nil || len(all) != 0 {
		t.Errorf("got %d, %v", len(all), err)
	}
}
