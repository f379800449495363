package proxy

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Readiness bits of an event.
const (
	readable = unix.EPOLLIN
	writable = unix.EPOLLOUT
	hungUp   = unix.EPOLLHUP | unix.EPOLLERR

	halfClosed = unix.EPOLLRDHUP // the peer will send no more; bytes may still be unread
)

// poller is one epoll instance and the eventfd that wakes it.
type poller struct {
	epfd, wakefd int
	events       [128]unix.EpollEvent
}

func newPoller() (*poller, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	wakefd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epfd)
		return nil, err
	}
	p := &poller{epfd: epfd, wakefd: wakefd}
	return p, p.control(unix.EPOLL_CTL_ADD, wakefd, 0, readable)
}

func (p *poller) control(op, fd int, generation uint32, interest uint32) error {
	ev := unix.EpollEvent{Events: interest, Fd: int32(fd), Pad: int32(generation)}
	return unix.EpollCtl(p.epfd, op, fd, &ev)
}

// add registers fd; events carry generation back.
func (p *poller) add(fd int, generation, interest uint32) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, generation, interest)
}

func (p *poller) modify(fd int, generation, interest uint32) error {
	return p.control(unix.EPOLL_CTL_MOD, fd, generation, interest)
}

// remove forgets fd. It may be called from any goroutine; events already taken
// from the kernel are for the caller to ignore.
func (p *poller) remove(fd int) { _ = p.control(unix.EPOLL_CTL_DEL, fd, 0, 0) }

// poll takes what is ready, waiting up to ms milliseconds, a few at most. It is
// a raw call, of which the scheduler does not hear: a busy loop that told it of
// every short wait would keep the runtime's monitor awake, which costs as much
// as the relaying (measured). The collector's signal interrupts it.
func (p *poller) poll(ms int) int {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.epfd),
		uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(ms), 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// wait blocks up to ms milliseconds (-1: for ever). It goes through the
// scheduler, so that the collector can stop the world meanwhile.
func (p *poller) wait(ms int) int {
	n, _, errno := syscall.Syscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.epfd),
		uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(ms), 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

func (p *poller) event(i int) (fd int, generation uint32, ready uint32) {
	e := &p.events[i]
	return int(e.Fd), uint32(e.Pad), e.Events
}

// wake ends a wait. Safe from any goroutine.
func (p *poller) wake() {
	one := [8]byte{1}
	_, _ = unix.Write(p.wakefd, one[:])
}

// woken takes the wake-up back.
func (p *poller) woken() {
	var b [8]byte
	_, _ = unix.Read(p.wakefd, b[:])
}

func (p *poller) close() {
	unix.Close(p.wakefd)
	unix.Close(p.epfd)
}

// sysRead and sysWrite work on non-blocking descriptors only: they return at
// once, so they too are raw calls.
func sysRead(fd int, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
			unix.MSG_DONTWAIT, 0, 0)
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

func sysWrite(fd int, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
			unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, 0, 0)
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

// sysPeek says whether a read would return at once: bytes, the end of the
// stream or an error are waiting.
func sysPeek(fd int) bool {
	var b [1]byte
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), 1,
		unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	return errno != syscall.EAGAIN && errno != syscall.EINTR
}

func (p *poller) isWake(fd int) bool { return fd == p.wakefd }
