package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// A meter adds up the CPU time of all threads of some processes. It remembers
// what threads had used that have ended since.
type meter struct {
	used map[int]time.Duration // by thread id
}

func newMeter() *meter { return &meter{used: make(map[int]time.Duration)} }

// read is the CPU time used so far, user and system, by every thread that the
// processes have or had at an earlier read.
func (m *meter) read(pids ...int) (time.Duration, error) {
	for _, pid := range pids {
		if err := m.readProcess(pid); err != nil && !gone(err) {
			return 0, err
		}
	}
	var sum time.Duration
	for _, used := range m.used {
		sum += used
	}
	return sum, nil
}

func (m *meter) readProcess(pid int) error {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "task")
	threads, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, thread.Name(), "schedstat"))
		if err != nil {
			if gone(err) {
				continue
			}
			return err
		}
		used, err := parseSchedstat(text)
		if err != nil {
			return err
		}
		m.used[id] = max(m.used[id], used)
	}
	return nil
}

// gone tells whether err only says that a process or thread has ended.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}
