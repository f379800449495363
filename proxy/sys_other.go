//go:build !linux

package proxy

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// Readiness bits of an event.
const (
	readable uint32 = 1 << iota
	writable
	hungUp
	halfClosed
)

// poller exists on Linux only; elsewhere the package compiles and its pure
// parts can be tested.
type poller struct{ events [1]struct{} }

func newPoller() (*poller, error) {
	return nil, errors.New("the event loop needs Linux (epoll)")
}

func (*poller) add(int, uint32, uint32) error    { return syscall.ENOSYS }
func (*poller) modify(int, uint32, uint32) error { return syscall.ENOSYS }
func (*poller) remove(int)                       {}
func (*poller) poll(int) int                     { return 0 }
func (*poller) wait(int) int                     { return 0 }
func (*poller) event(int) (int, uint32, uint32)  { return 0, 0, 0 }
func (*poller) wake()                            {}
func (*poller) woken()                           {}
func (*poller) close()                           {}
func (*poller) isWake(int) bool                  { return false }

func sysRead(fd int, b []byte) (int, syscall.Errno) {
	n, err := unix.Read(fd, b)
	return n, asErrno(err)
}

func sysWrite(fd int, b []byte) (int, syscall.Errno) {
	n, err := unix.Write(fd, b)
	return n, asErrno(err)
}

func sysPeek(fd int) bool {
	var b [1]byte
	_, _, err := unix.Recvfrom(fd, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return err != unix.EAGAIN && err != unix.EINTR
}

func asErrno(err error) syscall.Errno {
	var errno syscall.Errno
	errors.As(err, &errno)
	return errno
}
