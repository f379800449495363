package admin

import (
	"slices"
	"testing"
)

func TestATextIsCutIntoCommandsAndWords(t *testing.T) {
	for text, want := range map[string][][]string{
		"":                                  nil,
		" ; ;; -- SHOW\n /* SHOW; */ ":      nil,
		"show pools":                        {{"show", "pools"}},
		"PAUSE TENANT \"a;\"\"b\";RESUME":   {{"PAUSE", "TENANT", `a;"b`}, {"RESUME"}},
		"SUSPEND TENANT a-b.c 'it''s' NOW;": {{"SUSPEND", "TENANT", "a-b.c", "it's", "NOW"}},
		"SET log.level=debug":               {{"SET", "log.level", "=", "debug"}},
	} {
		list, err := statements(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		var got [][]string
		for _, words := range list {
			var texts []string
			for _, w := range words {
				texts = append(texts, w.text)
			}
			got = append(got, texts)
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"PAUSE 'x", `PAUSE "x""`} {
		if _, err := statements(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// Nothing is open by mistake: a command without a role is for admins.
func TestACommandIsForAdminsUnlessItSaysOtherwise(t *testing.T) {
	if got := (&command{}).least(); got != Admin {
		t.Errorf("a command without a role is for %s", got)
	}
	for i := range commands {
		if c := &commands[i]; c.least() < Operator && c.doc != "" && c.cols == nil && c.words != "SET" {
			t.Errorf("%s, which does something, is for %s", c.words, c.least())
		}
	}
}

func FuzzStatements(f *testing.F) {
	f.Add("PAUSE TENANT \"a\"; SHOW 'x''y' -- z")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := statements(text)
		if err != nil {
			return
		}
		for _, words := range list {
			if len(words) == 0 {
				t.Fatalf("%q has a command without words", text)
			}
			lookUp(words)
			unknownCommand(words)
		}
	})
}

func FuzzFormats(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 1, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if params, formats, ok := splitFormats(b); ok && params == 0 && len(b) < 6+2*len(formats)-2 {
			t.Fatalf("%d formats out of %d bytes", len(formats), len(b))
		}
	})
}
