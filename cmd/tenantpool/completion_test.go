package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestWordsAreCompletedByWhatMayFollow(t *testing.T) {
	for _, c := range []struct{ words, want string }{
		{"ch", "check"},
		{"com", "completion"},
		{"check --j", "--json"},
		{"check -c ", ""},
		{"check -c x --con", "--connect"},
		{"completion z", "zsh"},
		{"man s", "settings"},
		{"help wh", "why"},
		{"nonsense ", ""},
		{"ten", "tenant"},
		{"tenant cr", "create"},
		{"tenant create --dry", "--dry-run"},
		{"tenant suspend acme --re", "--reason"},
		{"tenant suspend --reason ", ""},
		{"tenant each -- ", ""},
		{"help tenant dr", "drain drop"},
		{"status --j", "--json"},
		{"reload --w", "--wait"},
	} {
		_, stdout, _ := called(t, append([]string{"complete"}, strings.Split(c.words, " ")...)...)
		if got := strings.Join(strings.Fields(stdout), " "); got != c.want {
			t.Errorf("%q: %q, want %q", c.words, got, c.want)
		}
	}
}

// The script is run by bash itself, with a program of ours for it to ask.
func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "tenantpool")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nTENANTPOOL_TEST_MAIN=1 exec " + self + " \"$@\"\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bash, "--norc", "-c", shells["bash"]+`
COMP_WORDS=(tenantpool check --js); COMP_CWORD=2; _tenantpool; echo "${COMPREPLY[@]}"`)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "--json" {
		t.Errorf("%v: %q", err, out)
	}
}

// TestMain makes the test binary the program itself when it is asked to.
func TestMain(m *testing.M) {
	if os.Getenv("TENANTPOOL_TEST_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}
