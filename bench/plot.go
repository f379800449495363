package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// plots is where the pictures of the results go.
const plots = "docs"

// colors of the contenders, told apart in both light and dark surroundings.
var colors = map[string]string{"tenantpool": "#2f7ed8", "pgbouncer": "#d9822b", "haproxy": "#7a8b99", "pgpool": "#9b6bb3", "direct": "#4a9e5c"}

// drawPlots writes the pictures of the results into the directory.
func drawPlots(dir string, results []Result) error {
	for name, svg := range map[string]string{"bench-tps.svg": barPlot(results), "bench-curve.svg": curvePlot(results)} {
		if svg == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(svg), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// A canvas is an SVG under construction. Text takes the colour of the page.
type canvas struct{ strings.Builder }

func newCanvas(width, height int) *canvas {
	c := &canvas{}
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+
		`<style>text{fill:#555}@media(prefers-color-scheme:dark){text{fill:#bbb}}</style>`+"\n", width, height)
	return c
}

func (c *canvas) text(x, y float64, anchor, text string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, text)
}

func (c *canvas) line(x1, y1, x2, y2 float64, color string) {
	fmt.Fprintf(c, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, color)
}

func (c *canvas) end() string { return c.String() + "</svg>\n" }

// barPlot shows, on a logarithmic scale, every contender's tps as a multiple of
// PgBouncer's.
func barPlot(results []Result) string {
	const left, right, row, most = 170.0, 680.0, 14.0, 64.0
	at := func(ratio float64) float64 {
		x := math.Log2(math.Max(1/8.0, math.Min(most, ratio))) + 3
		return left + (right-left)*x/(math.Log2(most)+3)
	}
	c := newCanvas(760, 60+len(results)*80)
	c.text(left, 18, "start", "transactions per second as a multiple of PgBouncer's in the same run (medians)")
	y := 40.0
	for _, r := range results {
		reference := r.find("pgbouncer")
		if reference == nil {
			continue
		}
		c.text(left-8, y+row, "end", r.Scenario.Name)
		for _, s := range r.Series {
			ratio := tps.ratioOf(s, reference)
			if math.IsNaN(ratio) {
				continue
			}
			from, to := math.Min(at(1), at(ratio)), math.Max(at(1), at(ratio))
			fmt.Fprintf(c, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", from, y, math.Max(to-from, 2), row-3, colors[s.Contender])
			c.text(to+6, y+row-4, "start", fmt.Sprintf("%s %.2fx", s.Contender, ratio))
			y += row
		}
		y += 10
	}
	if y == 40 {
		return ""
	}
	c.line(at(1), 28, at(1), y, "#999")
	return c.end()
}

// curvePlot shows the pooler's CPU time per transaction over clients and over
// tenants, both logarithmic.
func curvePlot(results []Result) string {
	c := newCanvas(760, 300)
	drawn := false
	for i, name := range []string{"curve-clients", "curve-tenants"} {
		drawn = c.curve(results, name, 60+float64(i)*380) || drawn
	}
	if !drawn {
		return ""
	}
	return c.end()
}

// curve draws one of the two, if there is something to draw.
func (c *canvas) curve(results []Result, name string, left float64) (drawn bool) {
	const width, top, height, most = 280.0, 40.0, 200.0, 150.0
	c.text(left, 20, "start", "pooler CPU µs per transaction, "+strings.TrimPrefix(name, "curve-")+" →")
	for _, us := range []float64{0, 50, 100, 150} {
		y := top + height*(1-us/most)
		c.line(left, y, left+width, y, "#9995")
		c.text(left-6, y+4, "end", fmt.Sprintf("%.0f", us))
	}
	legend := top + height + 40
	for _, contender := range []string{"tenantpool", "pgbouncer"} {
		var points []string
		for _, r := range results {
			n, err := strconv.Atoi(strings.TrimPrefix(r.Scenario.Name, name+"-"))
			s := r.find(contender)
			if err != nil || s == nil {
				continue
			}
			x := left + width*math.Log10(float64(n))/4
			c.text(x, top+height+18, "middle", strconv.Itoa(n))
			if v := median(cpu.values(s)); !math.IsNaN(v) {
				points = append(points, fmt.Sprintf("%.1f,%.1f", x, top+height*(1-math.Min(v, most)/most)))
			}
		}
		if len(points) == 0 {
			continue
		}
		drawn = true
		fmt.Fprintf(c, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colors[contender])
		fmt.Fprintf(c, `<text x="%.1f" y="%.1f" style="fill:%s">%s</text>`+"\n", left, legend, colors[contender], contender)
		legend += 16
	}
	return drawn
}
