package config

import (
	"os"
	"strings"
	"testing"
)

func TestPlacesAreWhereKeysAndValuesStand(t *testing.T) {
	text := `a = 1 # not = this
"b \" c" . 'd e' = """
x = 1 """"
[ t . "u" ]
v = [ 1, [ 2, "]" ], # one
  { w = '''
[x]''' } ]
[[l]]
k.m = 1979-05-27 07:32:00
[[ l ]]
  n = { o.p = true, q = "#" }
[l.r]
s = -inf`
	root, err := parseTree(0, text)
	if err != nil {
		t.Fatal(err)
	}
	src := source{text: text}
	for path, want := range map[string][4]int{ // line and column of key and value
		"a":          {1, 1, 1, 5},
		"b \" c|d e": {2, 12, 2, 20},
		"t|u":        {4, 7, 4, 7},
		"t|u|v":      {5, 1, 5, 5},
		"t|u|v|1|1":  {5, 15, 5, 15},
		"t|u|v|2|w":  {6, 5, 6, 9},
		"l|0":        {8, 3, 8, 3},
		"l|0|k|m":    {9, 3, 9, 7},
		"l|1|n|o|p":  {11, 11, 11, 15},
		"l|1|n|q":    {11, 21, 11, 25},
		"l|1|r|s":    {13, 1, 13, 5},
	} {
		n := walk(t, root, path)
		l1, c1 := src.position(n.at.offset)
		l2, c2 := src.position(n.val.offset)
		if got := [4]int{l1, c1, l2, c2}; got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

// walk follows keys and list indexes separated by bars.
func walk(t *testing.T, n *node, path string) *node {
	t.Helper()
	for step := range strings.SplitSeq(path, "|") {
		next := n.child(step)
		if n.shape == list {
			next = n.kids[step[0]-'0']
		}
		if next == nil {
			t.Fatalf("%s: no %q", path, step)
		}
		n = next
	}
	return n
}

// FuzzOutlineAgreesWithTheLibrary checks that whatever the library accepts has
// every one of its keys placed, and that each place is where the key stands.
func FuzzOutlineAgreesWithTheLibrary(f *testing.F) {
	sample, err := os.ReadFile("../config.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(sample))
	for _, c := range brokenConfigs {
		f.Add(c.text)
	}
	f.Add("a.b.c = 1\n[a.d]\n[[x.y]]\n[x.y.z]\nk = [[1],[{a={b=1}}]]\n[[x.y]]")
	f.Add("\"\" = '''''x'''''\n\"\\u00e9\" = \"\"\"\\\"\"\"\"\"\n")
	f.Add("a = [\n1, # ,]\n 2,\n]\nb = { c = 1, d.e = 'x#' }\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, "\xef\xbb\xbf") || strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
			return // the reader takes a byte order mark off before
		}
		outline(0, text) // ends, whatever the text
		root, err := parseTree(0, text)
		if err != nil {
			if strings.Contains(err.Error(), "cannot tell") {
				t.Fatalf("accepted, but not placed: %q", text)
			}
			return
		}
		checkPlaces(t, root, text)
	})
}

func checkPlaces(t *testing.T, n *node, text string) {
	for _, kid := range n.kids {
		if kid.key != "" && !strings.ContainsAny(text[kid.at.offset:], kid.key[:1]+`\`) {
			t.Fatalf("key %q is not at %d of %q", kid.key, kid.at.offset, text)
		}
		if s, ok := kid.value.(string); ok && text[kid.val.offset] != '"' && text[kid.val.offset] != '\'' {
			t.Fatalf("string %q is not at %d of %q", s, kid.val.offset, text)
		}
		checkPlaces(t, kid, text)
	}
}
