package config

import (
	"strings"
	"testing"
)

func TestEverySettingIsDescribedOnce(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range Settings() {
		if seen[s.Name()] {
			t.Errorf("%s is there twice", s.Name())
		}
		seen[s.Name()] = true
		if !strings.HasSuffix(s.Doc, ".") {
			t.Errorf("%s: its Doc is no sentence: %q", s.Name(), s.Doc)
		}
		if (s.Kind == KindChoice || s.Kind == KindFeatures) != (len(s.Choices) > 0) {
			t.Errorf("%s: choices go with KindChoice", s.Name())
		}
		if s.Kind == KindAny && s.Support != Refused {
			t.Errorf("%s: a value of any kind cannot be used", s.Name())
		}
		if s.Kind == KindSize && s.Unit == "" {
			t.Errorf("%s counts what?", s.Name())
		}
	}
	if len(seen) < 80 {
		t.Errorf("only %d settings", len(seen))
	}
}

func TestEveryDefaultAndEveryChoiceFindsItsVariable(t *testing.T) {
	everyValue(t, "", globalFields, rawGlobal{Config: &Config{}})
	everyValue(t, "auth", authFields, rawAuth{Auth: &Auth{}})
	everyValue(t, "admin", adminFields, Admin{})
	everyValue(t, "prepared", preparedFields, Prepared{})
	everyValue(t, "log", logFields, Log{})
	everyValue(t, "cluster", clusterFields, rawCluster{})
	everyValue(t, "route", routeFields, rawRoute{})
	everyValue(t, "tenant", tenantFields, rawTenant{})
}

// everyValue stores the default and each choice of each field; what does not
// fit panics.
func everyValue[T any](t *testing.T, name string, fields []field[T], into T) {
	newSection(name, fields).decode(nil, nil, &into)
	for _, f := range fields {
		if f.Section != name {
			t.Errorf("%s stands in section %q", f.Name(), name)
		}
		if f.Kind == KindFeatures {
			continue
		}
		for i, word := range f.Choices {
			store(f.into(&into), choice{word, i})
		}
	}
}

func TestDistanceCountsSlipsOfThePen(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"port", "port", 0}, {"prot", "port", 1}, {"por", "port", 1},
		{"sport", "port", 1}, {"pert", "port", 1}, {"", "port", 4}, {"listen", "tls", 5},
	} {
		if got := slips(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
