package pgtest

import (
	"bufio"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestAChildThatIgnoresItsSignalIsKilled(t *testing.T) {
	cmd := exec.Command("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p, err := StartProcess(cmd, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if p.Stop(syscall.SIGTERM, time.Millisecond) {
		t.Error("said to have ended by itself")
	}
	if p.Err() == nil {
		t.Error("a killed child has no error")
	}
}

func TestAProgramThatDoesNotExistIsAnErrorAtStart(t *testing.T) {
	if _, err := StartProcess(exec.Command("/no/such/program"), nil); err == nil {
		t.Error("no error")
	}
}
