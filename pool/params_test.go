package pool

import (
	"fmt"
	"maps"
	"testing"
)

func TestParamsAreSharedUntilTheyChange(t *testing.T) {
	p := NewParams(Setting{"TimeZone", "UTC"}, Setting{"DateStyle", "ISO, MDY"})
	same, err := p.Report([]byte("TimeZone\x00UTC\x00"))
	if err != nil || same != p {
		t.Errorf("an unchanged value made another table: %v", err)
	}
	changed, err := p.Report([]byte("TimeZone\x00Asia/Tokyo\x00"))
	if err != nil || changed == p {
		t.Fatalf("a changed value made none: %v", err)
	}
	if v, _ := p.Get("TimeZone"); v != "UTC" {
		t.Errorf("the old table changed: %s", v)
	}
	if v, _ := changed.Get("TimeZone"); v != "Asia/Tokyo" {
		t.Errorf("the new table says %s", v)
	}
	if d := maps.Collect(p.Diff(changed)); len(d) != 1 || d["TimeZone"] != "Asia/Tokyo" {
		t.Errorf("the difference is %v", d)
	}
	body := []byte("TimeZone\x00UTC\x00")
	if n := testing.AllocsPerRun(100, func() { p.Report(body) }); n != 0 {
		t.Errorf("%v allocations for an unchanged value", n)
	}
}

func TestAnEmptyTableIsATable(t *testing.T) {
	var none *Params
	p, err := none.Report([]byte("a\x00b\x00"))
	if v, ok := p.Get("a"); err != nil || !ok || v != "b" {
		t.Errorf("%q, %v, %v", v, ok, err)
	}
	if d := maps.Collect(none.Diff(p)); d["a"] != "b" {
		t.Errorf("the difference is %v", d)
	}
}

func TestAMalformedParameterStatusIsRefused(t *testing.T) {
	whole := "TimeZone\x00UTC\x00"
	for i := range len(whole) {
		if _, err := NewParams().Report([]byte(whole[:i])); err == nil {
			t.Errorf("%q was accepted", whole[:i])
		}
	}
	if _, err := NewParams().Report([]byte(whole + "x")); err == nil {
		t.Error("bytes behind it were accepted")
	}
}

// A server may report what it likes, but not have us keep all of it, nor copy it over and over.
func TestAFloodOfParametersEndsSomewhere(t *testing.T) {
	var p *Params
	for i := range 20_000 {
		next, err := p.Report(fmt.Appendf(nil, "p%d\x00v\x00", i))
		if err != nil {
			if len(p.all) != maxParams {
				t.Errorf("%d parameters were kept: %v", len(p.all), err)
			}
			return
		}
		p = next
	}
	t.Errorf("%d parameters were kept", len(p.all))
}
