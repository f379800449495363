package admin

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The table of docs/console.md is made of the table of commands: when they differ, the test prints
// what it should be.
func TestTheDocumentationListsEveryCommand(t *testing.T) {
	text, err := os.ReadFile("../docs/console.md")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, line := range Help() {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", strings.ReplaceAll(line[0], "|", `\|`), line[1], line[2])
	}
	if !strings.Contains(string(text), table.String()) {
		t.Errorf("docs/console.md should hold\n%s", table.String())
	}
}
