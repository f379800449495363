package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"tenantpool/internal/pgtest"
)

// A child is a program of ours whose output goes to a file.
type child struct {
	*pgtest.Process
	name string
	log  string // path of its output
}

// startChild starts a program as the account with its output in the file log.
// The caller ends it.
func startChild(name string, cmd *exec.Cmd, as *pgtest.Account, log string) (*child, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	process, err := pgtest.StartProcess(cmd, as)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return &child{process, name, log}, nil
}

// end interrupts the program, kills it if it takes longer than grace, and
// returns when it has ended. It is an error if it did not wait to be told.
func (c *child) end(grace time.Duration) error {
	select {
	case <-c.Done():
		return c.ended()
	default:
	}
	if !c.Stop(os.Interrupt, grace) {
		return fmt.Errorf("%s did not stop within %s", c.name, grace)
	}
	return nil
}

// ended says how the program ended, with the last lines it wrote.
func (c *child) ended() error {
	return fmt.Errorf("%s ended by itself (%v):\n%s", c.name, c.Err(), tail(c.log, 8))
}

// tail is the last lines of a file, or what stood in the way.
func tail(path string, lines int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}

// environment is ours without what would steer Postgres' client programs,
// and with some more.
func environment(more ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "LANG") {
			env = append(env, v)
		}
	}
	return append(env, more...)
}
