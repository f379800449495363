package metrics

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"tenantpool/proxy"
)

// line is how docs/metrics.md describes a metric.
func (m *metric) line() string {
	labels := "–"
	if len(m.labels) > 0 {
		labels = "`" + strings.Join(m.labels, "`, `") + "`"
	}
	return fmt.Sprintf("| `%s%s` | %s | %s | %s |", prefix, m.name, m.kind, labels, m.help)
}

func TestTheDocumentationListsEveryMetricAndNoOther(t *testing.T) {
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `"+prefix) {
			documented[strings.TrimSpace(line)] = true
		}
	}
	for _, m := range defined {
		if !documented[m.line()] {
			t.Errorf("docs/metrics.md lacks\n%s", m.line())
		}
		delete(documented, m.line())
	}
	for line := range documented {
		t.Errorf("docs/metrics.md describes what is not so:\n%s", line)
	}
}

// tenantsOnly is a collector of tenants made up for a test.
type tenantsOnly struct {
	collector
	all []proxy.TenantStats
}

func (c *tenantsOnly) Collect(to chan<- prometheus.Metric) {
	c.tenants(to, &proxy.Snapshot{Tenants: c.all})
}

// exposition is what a scrape of the tenants is answered with.
func (c *tenantsOnly) exposition(t testing.TB) string {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&out, f); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func TestAScrapeOfFiveThousandTenantsIsOfBoundedSize(t *testing.T) {
	c := &tenantsOnly{}
	for i := range 5000 {
		c.all = append(c.all, proxy.TenantStats{Tenant: fmt.Sprintf("customer_with_a_long_name_%04d", i),
			Queries: 123_456_789_012, BytesSent: 9_876_543_210_987, Clients: 1})
	}
	text := c.exposition(t)
	if len(text) > 1<<20 {
		t.Errorf("a scrape is %d bytes", len(text))
	}
	if n := strings.Count(text, "\ntenantpool_queries_total{"); n != maxTenants+1 {
		t.Errorf("%d tenants have a series, not %d", n, maxTenants+1)
	}
	if want := fmt.Sprintf(`tenantpool_queries_total{tenant="_other"} %g`, 4500*123_456_789_012.0); !strings.Contains(text, want) {
		t.Errorf("the others are not added up to %s", want)
	}
}

func TestATenantKeepsItsSeriesWhenOthersCome(t *testing.T) {
	c := &tenantsOnly{all: []proxy.TenantStats{{Tenant: "zebra", Queries: 7}}}
	c.exposition(t)
	for i := range maxTenants {
		c.all = append(c.all, proxy.TenantStats{Tenant: fmt.Sprintf("ant%04d", i), Queries: 1})
	}
	text := c.exposition(t)
	for _, want := range []string{`tenantpool_queries_total{tenant="zebra"} 7`, `tenantpool_queries_total{tenant="_other"} 1`} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

// A client chooses these names.
func TestNoNameOfATenantSpoilsAScrape(t *testing.T) {
	c := &tenantsOnly{all: []proxy.TenantStats{{Tenant: "_other", Queries: 1}, {Tenant: "a\xff", Queries: 2}, {Tenant: "a\xfe", Queries: 4},
		{Tenant: "quote\"\n}", Queries: 8}, {Tenant: "", Queries: 16}}}
	text := c.exposition(t)
	for _, want := range []string{`{tenant="_other"} 1`, "{tenant=\"a\uFFFD\"} 6", `{tenant="quote\"\n}"} 8`, `{tenant=""} 16`} {
		if !strings.Contains(text, "tenantpool_queries_total"+want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func TestThePagesPolicyAllowsItsOwnScriptAndStyleAlone(t *testing.T) {
	if n := bytes.Count(page, []byte("<script")) + bytes.Count(page, []byte("<style")); n != 2 {
		t.Errorf("the page has %d scripts and styles", n)
	}
	for _, outside := range []string{"http:", "https:", "src=", "href=", "style=", " onclick=", "innerHTML", "eval("} {
		if bytes.Contains(page, []byte(outside)) {
			t.Errorf("the page holds %q", outside)
		}
	}
	if strings.Contains(pagePolicy, "unsafe") || !strings.HasPrefix(pagePolicy, "default-src 'none'; ") {
		t.Errorf("the policy is %s", pagePolicy)
	}
}
