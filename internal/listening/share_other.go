//go:build !linux

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

// yield cannot choose here which socket gets new clients.
func yield(net.Listener) {}

func queued(net.Listener) int { return 0 }
