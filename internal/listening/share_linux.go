package listening

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// share lets other sockets listen at the same address.
func share(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	if err == nil {
		err = failed
	}
	return err
}

// yield has the kernel give new clients to the second of the sockets that share the
// address, which is the successor's. The kernel closes the clients of a socket that
// have not been accepted when it is closed; without this it would go on giving it
// half of those that come.
//
// The program is one instruction: the number of the socket. If there is no second
// one the kernel chooses as if there were no program.
func yield(ln net.Listener) {
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	code := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 1}}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
			&unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
	})
}

// queued is how many clients wait in the socket's queue to be accepted.
func queued(ln net.Listener) (n int) {
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return 0
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			n = int(info.Unacked) // of a listening socket: the length of its queue
		}
	})
	return n
}
