package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestSchedstatGivesNanosecondsOnACPU(t *testing.T) {
	if got, err := parseSchedstat([]byte("644087 943780 1\n")); err != nil || got != 644087 {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "1", "1 2", "x 2 3", "1 2 3 4"} {
		if got, err := parseSchedstat([]byte(text)); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestStatusGivesResidentAndOwnMemory(t *testing.T) {
	text := "Name:\tpgbouncer\nVmPeak:\t  20000 kB\nVmRSS:\t    9332 kB\nRssAnon:\t    1660 kB\nRssFile:\t 7672 kB\nThreads:\t1\n"
	got, err := parseStatus([]byte(text))
	if want := (memory{RSS: 9332 << 10, Anon: 1660 << 10}); err != nil || got != want {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "Name:\tx\n", "VmRSS:\t many kB\n", "VmRSS:\t 12 MB\n"} {
		if got, err := parseStatus([]byte(text)); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestBusyTimeLeavesOutIdleAndWaiting(t *testing.T) {
	text := "cpu  100 20 30 65068 917 4 5 41 7 8\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
	if got, err := parseBusy([]byte(text)); err != nil || got != 2*time.Second {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3 4 5 6 7 x"} {
		if got, err := parseBusy([]byte(text)); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestAMeterKeepsWhatItHasSeen(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	m := newMeter()
	if got, err := m.read(ended.Process.Pid); err != nil || got != 0 {
		t.Errorf("a process that has ended: %v, %v", got, err)
	}
	first, err := m.read(os.Getpid())
	if err != nil || first <= 0 {
		t.Errorf("this process: %v, %v", first, err)
	}
	if got, err := m.read(ended.Process.Pid); err != nil || got != first {
		t.Errorf("without this process: %v, %v, before %v", got, err, first)
	}
	if got, err := m.read(os.Getpid()); err != nil || got < first {
		t.Errorf("this process again: %v, %v, before %v", got, err, first)
	}
}

func TestAProcessKnowsItsChildren(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	shell := exec.Command("sh", "-c", "exec 3<&0; cat <&3 & echo $!; wait")
	input, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := shell.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	var cat int
	if _, err := fmt.Fscan(output, &cat); err != nil {
		t.Error(err)
	}
	if got, err := children(shell.Process.Pid); err != nil || !slices.Equal(got, []int{cat}) {
		t.Errorf("%v, %v, want %d", got, err, cat)
	}
	input.Close()
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
	if got, err := children(shell.Process.Pid); err == nil || !gone(err) {
		t.Errorf("of an ended process: %v, %v", got, err)
	}
}
