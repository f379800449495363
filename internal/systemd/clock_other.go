//go:build !linux

package systemd

// monotonic has nobody to be told to: there is no systemd.
func monotonic() int64 { return 0 }
