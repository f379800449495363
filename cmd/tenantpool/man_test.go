package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"tenantpool/config"
	"tenantpool/manual"
)

// called runs a command line and gives what it printed.
func called(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	status = dispatch(args, &out, &errs)
	return status, out.String(), errs.String()
}

func TestTheSettingsPageIsThatOfTheTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != manual.Settings(config.Settings()) {
		t.Error("docs/settings.md is not what the table of settings says: run make docs")
	}
}

func TestEverySettingHasItsPlaceInTheManualPage(t *testing.T) {
	_, page, _ := called(t, "man", "5")
	bold := regexp.MustCompile(`(?m)^\\fB(\S+)`)
	seen := make(map[string]int)
	for _, m := range bold.FindAllStringSubmatch(page, -1) {
		seen[strings.TrimSuffix(m[1], `\fR`)]++
	}
	want := make(map[string]int)
	for _, s := range config.Settings() {
		want[s.Key]++
	}
	for key, n := range want {
		if seen[key] != n {
			t.Errorf("%s: %d times, want %d", key, seen[key], n)
		}
	}
}

func TestEveryCommandIsDescribedAndListsItsFlags(t *testing.T) {
	described := make(map[string]bool)
	for _, v := range verbs {
		described[v.Name] = true
		if commands[v.Name] == nil {
			t.Errorf("there is no command %s", v.Name)
		}
		status, short, _ := called(t, v.Name, "-h")
		if status != 0 || !strings.HasPrefix(short, "usage: tenantpool "+v.Name) {
			t.Errorf("%s -h: %d, %q", v.Name, status, short)
		}
		status, long, _ := called(t, v.Name, "--help")
		if status != 0 || !strings.Contains(long, "exit status:") || len(v.Examples) > 0 && !strings.Contains(long, v.Examples[0].Line) {
			t.Errorf("%s --help: %d, %q", v.Name, status, long)
		}
		for _, f := range withFlags(v).Flags {
			if f.Does == "" {
				t.Errorf("%s %s does what?", v.Name, f.Spelling())
			}
		}
	}
	for name, v := range tenantVerbs {
		status, short, _ := called(t, "tenant", name, "-h")
		if status != 0 || !strings.HasPrefix(short, "usage: tenantpool tenant "+name+" "+v.args+"\n") || !strings.Contains(short, "-c FILE") {
			t.Errorf("tenant %s -h: %d, %q", name, status, short)
		}
		if status, long, _ := called(t, "help", "tenant", name); status != 0 || !strings.Contains(long, "exit status:") {
			t.Errorf("help tenant %s: %d, %q", name, status, long)
		}
	}
	for name := range commands {
		if !described[name] && name != "complete" {
			t.Errorf("command %s is not described in verbs", name)
		}
	}
}

func TestTheManualPagesNameEveryCommand(t *testing.T) {
	_, program, _ := called(t, "man", "1")
	for _, v := range append(verbsOfTenant(), verbs...) {
		if !strings.Contains(program, ".SS "+strings.ReplaceAll(v.Name, "-", `\-`)) {
			t.Errorf("tenantpool(1) has no %s", v.Name)
		}
	}
	_, console, _ := called(t, "man", "7")
	for _, c := range []string{"SHOW TENANTS", "SUSPEND", "RELOAD"} {
		if !strings.Contains(console, `\fB`+c) {
			t.Errorf("tenantpool-console(7) has no %s in\n%s", c, console)
		}
	}
}

func TestTheHelpFitsOnAScreen(t *testing.T) {
	status, help, _ := called(t, "--help")
	if status != 0 || strings.Count(help, "\n") > 40 {
		t.Errorf("%d, %d lines", status, strings.Count(help, "\n"))
	}
	for line := range strings.Lines(help) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestTheManualPagesAreGoodRoff(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed")
	}
	for _, section := range []string{"1", "5", "7"} {
		_, page, _ := called(t, "man", section)
		cmd := exec.Command(groff, "-man", "-ww", "-Kutf8", "-Tutf8", "-z")
		cmd.Stdin = strings.NewReader(page)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("page %s: %v\n%s", section, err, out)
		}
	}
}

func TestAPageThatIsNoneIsRefused(t *testing.T) {
	for _, args := range [][]string{{"man"}, {"man", "2"}, {"man", "1", "5"}, {"completion", "tcsh"}, {"nonsense"}, {}} {
		if status, stdout, stderr := called(t, args...); status != 2 || stdout != "" || stderr == "" {
			t.Errorf("%q: %d, %q, %q", args, status, stdout, stderr)
		}
	}
}

func TestTheQuickStartFitsOnAScreen(t *testing.T) {
	page, err := os.ReadFile("../../docs/quickstart.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(page), "\n"), "\n")
	if len(lines) > 40 {
		t.Errorf("%d lines", len(lines))
	}
	for i, line := range lines {
		if len(line) > 80 {
			t.Errorf("line %d has %d columns", i+1, len(line))
		}
	}
}
