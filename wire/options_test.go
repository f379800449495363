package wire

import (
	"slices"
	"testing"
)

func TestEverySpellingOfASettingInOptionsIsUnderstood(t *testing.T) {
	for _, in := range []string{
		"-c search_path=b", "-csearch_path=b", "-c search-path=b",
		"--search_path=b", "--search-path=b", " \t--search_path=b ", `-c search\_path=\b`,
	} {
		got, err := ParseOptions(in)
		if err != nil || !slices.Equal(got, []Param{{"search_path", "b"}}) {
			t.Errorf("%q gives %v, %v", in, got, err)
		}
	}
}

func TestOptionsKeepOrderDuplicatesCaseAndEscapedBlanks(t *testing.T) {
	got, err := ParseOptions(`-c Search_Path=a --SEARCH-PATH=b -c application_name=my\ app\\x`)
	want := []Param{{"Search_Path", "a"}, {"SEARCH_PATH", "b"}, {"application_name", `my app\x`}}
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestOtherSwitchesInOptionsAreRefused(t *testing.T) {
	for _, in := range []string{"-d 5", "-c", "-c x", "x=y", "-c =y", "-"} {
		if got, err := ParseOptions(in); err == nil {
			t.Errorf("%q gives %v", in, got)
		} else if err.Severity != "FATAL" || err.Code != "42601" {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func FuzzParseOptionsGivesNamesThatItWasGiven(f *testing.F) {
	f.Add(`-c a=b --c-d=e\ f`)
	f.Fuzz(func(t *testing.T, s string) {
		params, err := ParseOptions(s)
		for _, p := range params {
			if err == nil && p.Name == "" {
				t.Fatalf("%q gives an empty name", s)
			}
		}
	})
}
