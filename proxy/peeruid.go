package proxy

import (
	"errors"
	"net"
)

// peerUID is the number of the operating system's user that connected a Unix
// socket.
func peerUID(conn net.Conn) (uint32, error) {
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, errors.New("it is not on a Unix socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	var uid uint32
	var asked error
	if err := raw.Control(func(fd uintptr) { uid, asked = socketUID(int(fd)) }); err != nil {
		return 0, err
	}
	return uid, asked
}
