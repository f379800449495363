package systemd

import "golang.org/x/sys/unix"

// monotonic is the machine's clock that is never set, in nanoseconds.
func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}
