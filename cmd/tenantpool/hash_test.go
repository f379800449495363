package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"tenantpool/wire"
)

// hashed runs "tenantpool hash" in a process of its own, with something on its
// standard input.
func hashed(t *testing.T, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append([]string{"hash"}, args...)...)
	var out, errs strings.Builder
	cmd.Env = append(os.Environ(), "TENANTPOOL_TEST_MAIN=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	_ = cmd.Run()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestAVerifierFitsThePasswordItIsMadeOf(t *testing.T) {
	stdout, stderr, status := hashed(t, "s3cret\nmore\n", "--stdin")
	v, err := wire.ParseVerifier(strings.TrimSpace(stdout))
	if err != nil || status != 0 || stderr != "" || !v.Fits("s3cret") || v.Fits("s3cret\nmore") || v.Iterations() != 4096 {
		t.Errorf("%d %q %q: %v", status, stdout, stderr, err)
	}
}

func TestALineForAUsersFileIsQuoted(t *testing.T) {
	stdout, _, _ := hashed(t, "x", "--stdin", "--user", `a"b`, "--iterations", "5000")
	if !strings.HasPrefix(stdout, `"a""b" "SCRAM-SHA-256$5000:`) || !strings.HasSuffix(stdout, "\"\n") {
		t.Errorf("%q", stdout)
	}
}

func TestAPasswordIsNoArgument(t *testing.T) {
	for _, args := range [][]string{{"s3cret"}, {"--iterations", "1"}} {
		if stdout, stderr, status := hashed(t, "", args...); status != 2 || stdout != "" || stderr == "" {
			t.Errorf("%q: %d %q %q", args, status, stdout, stderr)
		}
	}
	if stdout, _, status := hashed(t, "\n", "--stdin"); status != 1 || stdout != "" {
		t.Errorf("an empty password: %d %q", status, stdout)
	}
}
