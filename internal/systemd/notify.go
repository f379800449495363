package systemd

import (
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What a service says of itself, see sd_notify(3).
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
	Watchdog = "WATCHDOG=1"
)

// Notifier tells the service manager how the service stands. A nil one tells nobody.
type Notifier struct {
	address  *net.UnixAddr
	interval time.Duration
}

// NewNotifier finds the service manager by the environment, and takes what told of
// it out of there. It is nil if there is none.
func NewNotifier() *Notifier {
	path := os.Getenv("NOTIFY_SOCKET")
	interval, pid := os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID")
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		_ = os.Unsetenv(name)
	}
	if path == "" {
		return nil
	}
	n := &Notifier{address: &net.UnixAddr{Name: path, Net: "unixgram"}}
	if us, err := strconv.ParseInt(interval, 10, 64); err == nil && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.interval = time.Duration(us) * time.Microsecond
	}
	return n
}

// Interval is how often the watchdog has to be fed at least; 0 is never.
func (n *Notifier) Interval() time.Duration {
	if n == nil {
		return 0
	}
	return n.interval
}

// Tell sends lines such as Ready. What cannot be told is lost: a service does not
// fail because nobody listens.
func (n *Notifier) Tell(lines ...string) { n.send(strings.Join(lines, "\n"), nil) }

// Status says in words how the service stands.
func (n *Notifier) Status(text string) { n.Tell("STATUS=" + strings.ReplaceAll(text, "\n", " ")) }

// Reloading says that the configuration is being read; Ready ends it.
func (n *Notifier) Reloading() {
	n.Tell("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(monotonic()/1000, 10))
}

// Keep has the service manager hold a listening socket, so that the next process
// of the service gets it from Listeners, with the clients that came in between.
func (n *Notifier) Keep(ln net.Listener, name string) {
	socket, ok := ln.(syscall.Conn)
	if n == nil || !ok {
		return
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { n.send("FDSTORE=1\nFDNAME="+name, syscall.UnixRights(int(fd))) })
}

// Forget ends Keep.
func (n *Notifier) Forget(name string) { n.Tell("FDSTOREREMOVE=1", "FDNAME="+name) }

func (n *Notifier) send(text string, rights []byte) {
	if n == nil {
		return
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram"}) // a name that the kernel chooses
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second)) // one who does not listen holds nobody up
	_, _, _ = conn.WriteMsgUnix([]byte(text), rights, n.address)
}
