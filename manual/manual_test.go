package manual

import (
	"strings"
	"testing"

	"tenantpool/config"
)

func TestTextIsSafeFromRoff(t *testing.T) {
	for in, want := range map[string]string{
		".TH x":      `\&.TH x`,
		`a\b`:        `a\eb`,
		"--json":     `\-\-json`,
		"it's":       `it\(aqs`,
		"a\n.so /x":  "a\n\\&.so /x",
		"`~^` plain": `\(ga\(ti\(ha\(ga plain`,
	} {
		if got := escape(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestLinesAreWrapped(t *testing.T) {
	if got := Wrap("one two  three verylongword x", 10, "  "); got != "  one two\n  three\n  verylongword\n  x" {
		t.Errorf("%q", got)
	}
}

func TestASettingIsShownWithItsValuesAndRemarks(t *testing.T) {
	page := Settings([]config.Setting{
		{Section: "new", Key: "colour", Kind: config.KindChoice, Choices: []string{"red", "blue"}, Default: `"red"`, Doc: "A | B.", Required: true},
		{Section: "new", Key: "port", Kind: config.KindCount, Min: 1, Max: 9, Reloadable: true, Support: config.Refused, Doc: "P."},
	})
	for _, want := range []string{"## [new]\n", "| `colour` | red, blue | `\"red\"` | A \\| B. Required. Takes effect at start only. |\n",
		"| `port` | number, 1 to 9 |  | P. Refused in this version. |\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}
