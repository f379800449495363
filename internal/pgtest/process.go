package pgtest

import (
	"os"
	"os/exec"
	"runtime"
	"time"
)

// Process is a child program that ends with this one: by Stop, or by the kernel's hand when this
// process dies first (Linux). It runs in a session of its own, so that a Ctrl-C at the
// terminal reaches only the parent, which then stops its children in order.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid once done is closed
}

// StartProcess starts cmd as the account. The caller stops it.
func StartProcess(cmd *exec.Cmd, as *Account) (*Process, error) {
	cmd.SysProcAttr = childAttributes(as)
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run starts the child and waits for it on one thread that nothing else uses: the kernel's "kill the
// child when its parent dies" means the parent thread, not the process.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.err = p.cmd.Wait()
	close(p.done)
}

// PID is the child's process number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the child's end and says how it ended: nil means exit status 0.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Signal sends sig to the child; it is an error only if the child has ended.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Stop sends sig, waits up to grace for the child to end, then kills it. It says whether the child
// ended by itself within the grace.
func (p *Process) Stop(sig os.Signal, grace time.Duration) bool {
	p.cmd.Process.Signal(sig) // fails only for a child that has ended, which the wait notices
	select {
	case <-p.done:
		return true
	case <-time.After(grace):
	}
	p.cmd.Process.Kill()
	<-p.done
	return false
}
