package systemd

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// firstDescriptor is where a service manager puts what it hands over.
const firstDescriptor = 3

// Listener is a listening socket by the name that it was handed over with.
type Listener struct {
	net.Listener
	Name string
}

// Listeners takes over the listening sockets that were handed to this process and
// takes what told of them out of the environment. Each is the caller's to close,
// which leaves the service manager's own descriptor open. An error means that one
// of the descriptors is no listening socket.
func Listeners() ([]Listener, error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name)
	}
	n, err := strconv.Atoi(count)
	if err != nil || pid != strconv.Itoa(os.Getpid()) {
		return nil, nil // meant for another process, or for nobody
	}
	var all []Listener
	for i := range n {
		name := "unknown"
		if i < len(names) && names[i] != "" {
			name = names[i]
		}
		ln, err := listener(firstDescriptor+i, name)
		if err != nil {
			for _, open := range all {
				open.Close()
			}
			return nil, err
		}
		all = append(all, Listener{ln, name})
	}
	return all, nil
}

func listener(fd int, name string) (net.Listener, error) {
	syscall.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), name)
	defer f.Close() // the listener has a copy
	ln, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("the service manager handed over descriptor %d (%s), which is no listening socket: %w", fd, name, err)
	}
	return ln, nil
}
