//go:build !linux

package proxy

import "syscall"

func socketUID(int) (uint32, error) { return 0, syscall.ENOSYS }
