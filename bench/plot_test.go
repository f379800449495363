package main

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"time"
)

func TestPlotsAreWellFormedAndNameEveryContender(t *testing.T) {
	busy := rounds("tenantpool", simple, 300)
	busy.Rounds[0].CPU = 30 * time.Microsecond
	results := []Result{{Scenario{Name: "curve-clients-100"}, []*Series{busy, rounds("pgbouncer", simple, 100)}}}
	for name, svg := range map[string]string{"bars": barPlot(results), "curve": curvePlot(results)} {
		d := xml.NewDecoder(strings.NewReader(svg))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if !strings.Contains(svg, "tenantpool") {
			t.Errorf("%s: nothing of tenantpool in %s", name, svg)
		}
	}
	if got := barPlot(results); !strings.Contains(got, "tenantpool 3.00x") {
		t.Errorf("no ratio in %s", got)
	}
	if got := barPlot(nil) + curvePlot(nil); got != "" {
		t.Errorf("nothing drawn as %s", got)
	}
}
